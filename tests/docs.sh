#!/bin/sh
# -h, --help, the manual pages, README and the program itself agree: on subcommands, options, exit statuses, environment and files; and an
# installation has all of it.
. "$HEAPTOP_SRC/tests/lib.sh"

# page NAME.N: its file; a release has the pages beside their sources
page() {
        if [ -f "$HEAPTOP_BUILD/doc/$1" ]; then echo "$HEAPTOP_BUILD/doc/$1"; else echo "$HEAPTOP_SRC/doc/$1"; fi
}
page_of() { page "heaptop${1:+-$1}.1"; }

subcommands=$("$heaptop" -h | awk 'on { print $1; print substr($0, 41, 12) } /^Subcommands/ { on = 1 }' | tr -d ' ' | grep .)

# none WHAT: standard input is empty; else each line of it is told
none() {
        sed "s/^/# $1: /" | { ! grep .; }
}

same() {
        [ -s "$work/a" ] || { echo "# nothing on the left"; return 1; }
        diff "$work/a" "$work/b" | grep '^[<>]' | sed "s/^</only $1:/; s/^>/only $2:/" | none differ
}

# Whether other pages are installed, and when, says nothing about these.
lint() {
        command -v mandoc >/dev/null 2>&1 || return 0
        for p in heaptop.1 heaptop.5 heaptop-errors.7 heaptop-keys.7 $(printf 'heaptop-%s.1\n' $subcommands); do
                [ -f "$(page $p)" ] || { echo "# there is no $p"; return 1; }
                mandoc -T lint "$(page $p)" 2>&1
        done | grep -v -e 'referenced manual not found' -e 'outdated mandoc.db' | none mandoc
}

fits() {
        "$heaptop" $1 -h | awk 'length($0) > 79 { bad = 1; print "# too wide: " $0 } END { if (NR > 24) print "# lines: " NR; exit bad || NR > 24 }'
}

# three lines between two empty ones
has_examples() {
        [ "$("$heaptop" $1 -h | awk '/^$/ { part++; next } part == 1 && /^  .*heaptop/ { n++ } END { print n }')" = 3 ]
}

# The options that `heaptop $1 --help` lists, one a line: -p, --pid
options_of() {
        "$heaptop" $1 --help | sed -n 's/^  \(-.*\)/\1/p' | grep -o -e '--*[a-zA-Z][a-zA-Z-]*'
}

# What heads a paragraph of section OPTIONS of page $1
options_of_page() {
        awk '/^\.Sh/ { on = $2 == "OPTIONS" }
                on && /^\.It/ { for (i = 2; i < NF; i++) if ($i == "Fl") { sub(/\\&/, "", $(i + 1)); print "-" $(i + 1) } }' "$1"
}

agree() {
        options_of "$1" | sort >"$work/a"
        options_of_page "$(page_of "$1")" | sort >"$work/b"
        same "in --help" "in the page"
}

short_is_part_of_long() {
        for s in "" $subcommands; do
                options_of "$s" >"$work/all"
                "$heaptop" $s -h | sed -n 's/^  \([ -].\{22\}\).*/\1/p' | grep -o -e '--*[a-zA-Z][a-zA-Z-]*' | grep -vxF -f "$work/all" |
                        sed "s/$/ of heaptop $s/"
        done | none "not in --help"
}

# Options that a text speaks of, of heaptop: what stands behind "heaptop" on a line, or what mdoc marks as a flag, if it is long
spoken_of() {
        for s in "" $subcommands; do options_of "$s"; done | sort -u >"$work/all"
        {
                awk '/^ *[$]$/ || /^```$/ { on = 0 } !on || /^ *[$]/ { print } /^ *[$] heaptop/ || /^```text/ { on = 1 }' \
                        "$HEAPTOP_SRC/README" "$HEAPTOP_SRC/doc/tour.md" | grep 'heaptop' | sed 's/.*heaptop/heaptop/; s/ -- .*//'
                for p in heaptop.1 $(printf 'heaptop-%s.1\n' $subcommands); do sed -n 's/.*Fl \\&-\([a-z][a-z-]*\).*/--\1/p' "$(page $p)"; done
        } | grep -o -e ' --[a-z][a-z-]*' -e '^--[a-z][a-z-]*' | tr -d ' ' | sort -u |
                grep -vxF -f "$work/all" -e --preserve-env | none "no such option"
}

pages_of_subcommands() {
        printf '%s\n' $subcommands | sort >"$work/a"
        sed -n 's/^\.It Xr heaptop-\([a-z]*\) 1$/\1/p' "$(page heaptop.1)" | sort >"$work/b"
        same "in -h" "in heaptop(1)" || return 1
        { ls "$HEAPTOP_SRC"/doc/heaptop-*.1.in; } | sed 's/.*heaptop-//; s/\.1\.in//' | sort >"$work/b"
        same "in -h" "in doc"
}

exits() {
        sed -n 's/^ *EXIT_[A-Z_]* = \([0-9]*\),.*/\1/p' "$HEAPTOP_SRC/src/base/exit.h" | sort >"$work/a"
        awk '/^\.Sh/ { on = $2 == "EXIT" } on && /^\.It/ { print $2 }' "$(page heaptop.1)" | sort >"$work/b"
        same "in exit.h" "in heaptop(1)"
}

environment() {
        find "$HEAPTOP_SRC/src" -name '*.c' -exec cat {} + | grep -o 'getenv("[A-Z_0-9]*")' | sed 's/.*("//; s/").*//' | sort -u >"$work/a"
        awk '/^\.Sh/ { on = $2 == "ENVIRONMENT" } on && /^\.It Ev/ { for (i = 3; i <= NF; i++) if ($i != ",") print $i }' "$(page heaptop.1)" |
                grep -v '^DEBUGINFOD_[UTM]' | sort >"$work/b" # these are libdebuginfod's
        same "in src" "in heaptop(1)"
}

files() {
        find "$HEAPTOP_SRC/src/app" -name '*.c' -exec cat {} + | grep -o -e 'config_place([^,]*, "[a-z.]*")' -e '\.config/heaptop/[a-z.]*[a-z]' |
                sed 's/.*"\([a-z.]*\)".*/\1/; s|.*/||' | sort -u >"$work/a"
        awk '/^\.Sh/ { on = $2 == "FILES" } on && /^\.It Pa/ { print $3 }' "$(page heaptop.1)" >"$work/files"
        grep -o '\.config/heaptop/[a-z.]*' "$work/files" | sed 's|.*/||' | sort -u >"$work/b"
        sed -n 's/^static const char name\[\] = "\(.*\)";/\1/p' "$HEAPTOP_SRC/src/app/expected.c" >>"$work/a"
        sort -o "$work/a" "$work/a"
        same "in src" "in heaptop(1)" || return 1
        awk '/^\.Sh/ { on = $2 == "FILES" } on && /^\.It Pa/ { print $3 }' "$(page heaptop.5)" | grep -v '[*]' | sed 's/.*heaptop/heaptop/' | sort >"$work/a"
        sed 's/.*heaptop/heaptop/' "$work/files" | grep -xF -f "$work/a" | sort >"$work/b"
        same "in heaptop(5)" "in heaptop(1)" && grep -q '\.local/state/heaptop/' "$work/files" && grep -q '^/run/heaptop' "$work/files"
}

errors() {
        sed -n 's/^\.It Sy E\([0-9]*\) .*/\1/p' "$(page heaptop-errors.7)" | while read -r number; do
                "$heaptop" help "E$number" >/dev/null 2>&1 || echo "E$number"
        done | none "not explained"
        [ "$(grep -c '^\.It Sy E' "$(page heaptop-errors.7)")" -gt 40 ]
}

# What README leads to is there, and what is there README leads to.
reading_on() {
        grep -o 'doc/[a-z0-9_./-]*[a-z0-9]' "$HEAPTOP_SRC/README" | sort -u | while read -r file; do
                [ -e "$HEAPTOP_SRC/$file" ] || [ -e "$(page "${file#doc/}")" ] || echo "$file"
        done | none "is not there" || return 1
        (cd "$HEAPTOP_SRC" && ls doc/*.md) | while read -r file; do
                grep -q "$file" "$HEAPTOP_SRC/README" || echo "$file"
        done | none "is not in README"
}

packages() {
        list=$(sed -n '/^BUILD_PACKAGES=/,/"$/p' "$HEAPTOP_SRC/bootstrap" | tr -d '"' | sed 's/BUILD_PACKAGES=//')
        for package in $list; do
                word=$(echo "$package" | sed 's/^lib//; s/-dev$//; s/-compiler$//; s/[0-9]*g*$//')
                grep -qi -e "$word" "$HEAPTOP_SRC/README" || echo "$package ($word)"
        done | none "README does not name"
}

installs() {
        make -C "$HEAPTOP_BUILD" -s install DESTDIR="$work/root" >"$work/install" 2>&1 || { sed 's/^/# /' "$work/install" | tail; return 1; }
        (cd "$work/root" && find . -type f -o -type l) | sed 's|.*/||' | sort >"$work/installed"
        for file in heaptop heaptop-demo frames.conf heaptop.1 heaptop.5 heaptop-errors.7 heaptop-keys.7 _heaptop heaptop.fish \
                $(printf 'heaptop-%s.1\n' $subcommands); do
                grep -qx -e "$file" "$work/installed" || echo "$file"
        done | none "not installed" || return 1
        found=$(cd "$work/root" && find . -path '*/bash-completion/completions/heaptop' -o -path '*/zsh/site-functions/_heaptop' \
                -o -path '*/fish/vendor_completions.d/heaptop.fish' -o -path '*/man/man7/heaptop-errors.7' | wc -l)
        [ "$found" = 4 ] || return 1
        make -C "$HEAPTOP_BUILD" -s uninstall DESTDIR="$work/root" >/dev/null 2>&1
        (cd "$work/root" && find . -type f) | none "stays behind"
}

plan=13
for s in x $subcommands; do plan=$((plan + 3)); done
echo "1..$plan"
check "the manual pages are well-formed" lint
check "each subcommand has a page" pages_of_subcommands
check "what -h shows is in --help" short_is_part_of_long
check "README, tour and manual speak of options that there are" spoken_of
check "exit statuses agree" exits
check "variables of the environment agree" environment
check "files agree" files
check "errors agree" errors
check "README leads to every document" reading_on
check "README names what building takes" packages
check "an installation has everything, and can be taken away" installs
check "help of a subcommand is its --help" sh -c '[ "$("$1" help record)" = "$("$1" record --help)" ]' sh "$heaptop"
check "an unknown subcommand leads to a near one" sh -c '"$1" reprot 2>&1 | grep -q "did you mean .report"' sh "$heaptop"
for s in "" $subcommands; do
        check "heaptop${s:+ $s} -h fits on one screen" fits "$s"
        check "heaptop${s:+ $s} -h begins with three examples" has_examples "$s"
        check "the options of heaptop${s:+ $s} are those of its page" agree "$s"
done
exit $failed
