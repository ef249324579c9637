#!/bin/sh
# Completion as a shell does it: the scripts are made from the tables, so they know every subcommand and option, the values of options,
# processes, sessions and marks.
. "$HEAPTOP_SRC/tests/lib.sh"

skip() {
        n=$((n + 1))
        echo "ok $n # SKIP $2 is not installed: $1"
}

# what the shells find as heaptop, and where they look
mkdir "$work/bin" "$work/here" "$work/state" "$work/state/heaptop" "$work/home"
ln -s "$heaptop" "$work/bin/heaptop"
PATH=$work/bin:$PATH
HOME=$work/home XDG_STATE_HOME=$work/state XDG_CONFIG_HOME=$work/home/.config
export PATH HOME XDG_STATE_HOME XDG_CONFIG_HOME
unset SUDO_UID SUDO_GID SUDO_USER
"$HEAPTOP_BUILD/tests/unit/make_session" "$work/here/shop.heaptop" || exit 99
cp "$work/here/shop.heaptop" "$work/state/heaptop/night-4711.heaptop"
: >"$work/here/other.txt"
for shell in bash zsh fish; do "$heaptop" completion $shell >"$work/$shell" || exit 99; done
marks=$("$heaptop" __complete moments "$work/here/shop.heaptop" | cut -f 1)
mark=$(echo "$marks" | head -n 1)
cd "$work/here" || exit 99

# in_bash WORD...: what bash completes the last word to, one a line
in_bash() {
        bash -c '. "$1"; shift
                compopt() { :; }
                COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
                _heaptop
                printf "%s\n" "${COMPREPLY[@]}"' bash "$work/bash" "$@"
}

# in_fish LINE: what fish completes LINE to
in_fish() {
        fish --no-config -c "source $work/fish; complete -C '$1'" | cut -f 1
}

# in_zsh LINE: what zsh completes LINE to, as it shows it on a terminal of its own
in_zsh() {
        cat >"$work/zsh-run" <<'END'
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "fpath=($PLACE/fpath \$fpath); autoload -U compinit; compinit -u -D; LISTMAX=10000; setopt autolist
unsetopt automenu listbeep; stty cols 200 rows 100; print BE''GUN"
zpty -r z text '*BEGUN*'
zpty -w -n z "$1"$'\t\t'
zpty -r z text "*$2*" && print -r -- "$text"
zpty -d z
END
        mkdir -p "$work/fpath"
        cp "$work/zsh" "$work/fpath/_heaptop"
        PLACE=$work timeout 30 zsh -f "$work/zsh-run" "$1" "$2" 2>/dev/null
}

# has WORD...: each is a line of $found
has() {
        for wanted in "$@"; do
                printf '%s\n' "$found" | grep -qxF -e "$wanted" || { echo "# no $wanted in:" $found; return 1; }
        done
}

lacks() {
        ! printf '%s\n' "$found" | grep -qF -e "$1"
}

subcommands=$("$heaptop" -h | awk 'on { print $1; print substr($0, 41, 12) } /^Subcommands/ { on = 1 }' | grep .)
options_of() { "$heaptop" $1 --help | sed -n 's/^  \(-.*\)/\1/p' | grep -o -e '--*[a-zA-Z][a-zA-Z-]*'; }

bash_subcommands() { found=$(in_bash heaptop ''); has $subcommands; }
bash_options() {
        for s in $subcommands; do
                found=$(in_bash heaptop "$s" -)
                has $(options_of "$s") || { echo "# of $s"; return 1; }
        done
        found=$(in_bash heaptop -)
        has $(options_of "")
}
bash_values() {
        found=$(in_bash heaptop replay --color '')
        has auto never 16 256 || return 1
        found=$(in_bash heaptop replay --color = n)
        [ "$found" = never ] || return 1
        found=$(in_bash heaptop completion '')
        has bash zsh fish
}
bash_processes() {
        found=$(in_bash heaptop record -p "$$")
        printf '%s\n' "$found" | grep -qw "$$" || return 1
        in_bash heaptop record -p '' | grep -q "^$$  [a-z]" || return 1
        read -r comm </proc/$$/comm
        in_bash heaptop record --name "$comm" | grep -q "^$comm"
}
bash_sessions() {
        found=$(in_bash heaptop report '')
        has shop.heaptop "$work/state/heaptop/night-4711.heaptop" && lacks other.txt || return 1
        [ "$(in_bash heaptop report ni)" = "$work/state/heaptop/night-4711.heaptop" ] && [ "$(in_bash heaptop sh)" = shop.heaptop ]
}
bash_marks() {
        found=$(in_bash heaptop report shop.heaptop --at '')
        has $marks || return 1
        found=$(in_bash heaptop report shop.heaptop --range "start..$mark")
        has "start..$mark" || return 1
        found=$(in_bash heaptop diff shop.heaptop @ '')
        has $marks
}
bash_files() { found=$(in_bash heaptop record -o ''); has other.txt; }
bash_errors() { found=$(in_bash heaptop help E10); printf '%s\n' "$found" | grep -q '^E101  '; }

fish_completes() {
        found=$(in_fish 'heaptop ')
        has $subcommands || return 1
        found=$(in_fish 'heaptop record -')
        has --pid --mean --stack -p || return 1
        found=$(in_fish 'heaptop replay --color ')
        has auto never 16 256 || return 1
        found=$(in_fish "heaptop record -p $$")
        has "$$" || return 1
        found=$(in_fish 'heaptop report shop.heaptop --at ')
        has $marks || return 1
        found=$(in_fish 'heaptop report shop.heaptop --range start..')
        has "start..$mark" || return 1
        found=$(in_fish 'heaptop diff shop.heaptop@')
        has "shop.heaptop@$mark" || return 1
        found=$(in_fish 'heaptop report ')
        has shop.heaptop "$work/state/heaptop/night-4711.heaptop"
}

zsh_completes() {
        in_zsh 'heaptop ' 'resymbolize' | grep -q "join a running recorder" || return 1
        in_zsh 'heaptop record --' 'debuginfod' | grep -q "sample once in so many bytes" || return 1
        in_zsh 'heaptop replay --color ' 'never' | grep -q 256 || return 1
        in_zsh 'heaptop report shop.heaptop --at ' 'the end' | grep -q "$mark" || return 1
        in_zsh 'heaptop report shop.heaptop --range start..' 'the end' | grep -q "$mark" || return 1
        in_zsh 'heaptop diff shop.heaptop@' 'the end' | grep -q "$mark" || return 1
        in_zsh 'heaptop record -p ' "$$ *-- " | grep -q "$$" || return 1
        in_zsh 'heaptop report ' 'shop.heaptop' | grep -q shop.heaptop
}

# A session of somebody else must not put a command on the command line.
hostile() {
        command -v sqlite3 >/dev/null || return 0
        cp shop.heaptop bad.heaptop
        sqlite3 bad.heaptop "INSERT INTO mark (tick, time_ns, name) SELECT tick, time_ns, '\$(touch $work/touched)' FROM mark LIMIT 1;
                INSERT INTO mark (tick, time_ns, name) SELECT tick, time_ns, 'a;b' FROM mark LIMIT 1;" || return 1
        found=$("$heaptop" __complete moments bad.heaptop | cut -f 1)
        has $marks && lacks touch && lacks ';'
}

refuses() {
        "$heaptop" completion tcsh 2>"$work/said"
        [ $? = 64 ] && grep -q 'bash zsh fish' "$work/said"
}

[ -n "$mark" ] || { echo "Bail out! the session has no marks"; exit 99; }
echo 1..14
check "other shells are refused" refuses
check "names that a shell would run are not offered" hostile
check "bash takes the script" bash -n "$work/bash"
check "bash completes subcommands" bash_subcommands
check "bash completes the options of each subcommand" bash_options
check "bash completes values" bash_values
check "bash completes processes, with their names" bash_processes
check "bash completes sessions, of this folder and of the state directory" bash_sessions
check "bash completes marks after --at, --range and @" bash_marks
check "bash completes files" bash_files
check "bash completes error numbers" bash_errors
if command -v zsh >/dev/null; then
        check "zsh takes the script" zsh -n "$work/zsh"
        check "zsh completes" zsh_completes
else
        skip "zsh takes the script" zsh
        skip "zsh completes" zsh
fi
if command -v fish >/dev/null; then
        check "fish completes" fish_completes
else
        skip "fish completes" fish
fi
exit $failed
