#!/bin/sh
# Puts the screens into README and doc/tour.md that heaptop really draws, of the session doc/demo.heaptop.gz.
#
#     doc/screenshots.sh HEAPTOP [FOLDER]     of the program HEAPTOP, into FOLDER (default: the source folder)
#
# A line "$ heaptop replay demo.heaptop ..." is run, and what follows is replaced by what it prints, up to a line "$" or "```" that
# stands as far to the right. Screens that no session has (processes to pick from, an error) are those of tests/screens: a line
# "<!-- tests/screens/NAME.txt -->", and the block behind it.
set -eu
heaptop=$1
source=$(cd "$(dirname "$0")/.." && pwd)
to=${2:-$source}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
gzip -dc "$source/doc/demo.heaptop.gz" >"$work/demo.heaptop"
mkdir -p "$to/doc" "$work/bin" "$work/home" "$work/src/app"
# a fresh clone is younger than the recorded program, which does not make its sources others
cp "$source/src/app/demo_service.c" "$work/src/app"
touch -d 2026-01-01 "$work/src/app/demo_service.c"
ln -s "$heaptop" "$work/bin/heaptop"

# the same everywhere: time, zone, locale, nobody's settings
export HEAPTOP_CLOCK=fixed:1 TZ=UTC LC_ALL=C.UTF-8 TERM=xterm HOME="$work/home" XDG_CONFIG_HOME="$work/home" XDG_STATE_HOME="$work/home"
unset NO_COLOR SUDO_UID SUDO_GID SUDO_USER || true
PATH=$work/bin:$PATH

cat >"$work/replace.awk" <<'END'
# print what COMMAND prints, each line with BEFORE
function run(command, before,  line, n) {
        while ((command | getline line) > 0) {
                sub(/[ \t]+$/, "", line)
                print (line == "" ? "" : before line)
                n++
        }
        if (close(command) != 0 || n == 0) {
                print FILENAME ":" FNR ": failed: " command >"/dev/stderr"
                failed = 1
        }
}
skipping && $0 ~ ends { skipping = 0 }
skipping { next }
{ print }
/^ *\$ heaptop replay demo\.heaptop/ {
        before = $0
        sub(/\$.*/, "", before)
        command = $0
        sub(/^ *\$ /, "", command)
        # where the sources of the demo are here
        sub(/ demo\.heaptop/, " demo.heaptop -i /usr/src/heaptop=" work, command)
        ends = "^" before "(\\$|```)"
        run("cd " work " && " command, before)
        skipping = 1
}
/^<!-- tests\/screens\/.*\.txt -->$/ { golden = $2; next }
golden != "" && /^```/ {
        # the text of a golden screen, without the lines of styles that follow it
        run("awk '{ line[NR] = $0 } END { for (i = 1; i <= NR / 2; i++) print line[i] }' " source "/" golden, "")
        golden = ""
        ends = "^```"
        skipping = 1
}
END { exit failed }
END
for file in README doc/tour.md; do
        awk -v source="$source" -v work="$work" -f "$work/replace.awk" "$source/$file" >"$work/new"
        cat "$work/new" >"$to/$file"
done
