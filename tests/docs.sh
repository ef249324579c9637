#!/bin/sh
# The manual is well-formed and has the subcommands and options that --help prints, and no others; -h fits on one screen.
heaptop=$HEAPTOP_BUILD/heaptop
[ -x "$heaptop" ] || { echo "Bail out! $heaptop is missing"; exit 99; }
manual=$HEAPTOP_SRC/doc/heaptop.1
subcommands="replay record attach run report list detach doctor demo resymbolize export diff completion"
work=$(mktemp -d "${TMPDIR:-/tmp}/heaptop-test.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
n=0
failed=0

check() {
        n=$((n + 1))
        name=$1
        shift
        if "$@"; then echo "ok $n - $name"; else
                echo "not ok $n - $name"
                failed=1
        fi
}

lint() {
        command -v mandoc >/dev/null 2>&1 || return 0
        mandoc -T lint -W warning "$HEAPTOP_SRC"/doc/*.[1-9] 2>/dev/null | sed 's/^/# /' | { ! grep .; }
}

fits() {
        "$heaptop" $1 -h | awk 'length($0) > 79 { bad = 1; print "# too wide: " $0 } END { if (NR > 24) print "# lines: " NR; exit bad || NR > 24 }'
}

# The options that `heaptop $1 --help` lists, one a line: -p, --pid
options_of() {
        "$heaptop" $1 --help | sed -n 's/^  \(-.*\)/\1/p' | grep -o -e '--*[a-zA-Z][a-zA-Z-]*'
}

in_manual() {
        options=$(options_of "$1")
        [ -n "$options" ] || return 1
        for option in $options; do
                grep -q -e "Fl ${option#-}\b" -e "Fl \\\\&${option#-}\b" "$manual" || { echo "# $option is not in the manual"; return 1; }
        done
}

# What heads a paragraph of the manual's section OPTIONS
options_of_manual() {
        awk '/^\.S[hs]/ { on = $2 == "OPTIONS" }
                on && /^\.It/ { for (i = 2; i < NF; i++) if ($i == "Fl") { sub(/\\&/, "", $(i + 1)); print "-" $(i + 1) } }' "$manual"
}

in_help() {
        for s in "" $subcommands; do options_of "$s"; done | sort -u >"$work/help"
        options_of_manual | sort -u >"$work/manual"
        [ -s "$work/manual" ] && comm -13 "$work/help" "$work/manual" | sed 's/$/ is in no --help/; s/^/# /' | { ! grep .; }
}

# are_all WORD...: these are the subcommands
are_all() {
        printf '%s\n' $subcommands | sort >"$work/wanted"
        printf '%s\n' "$@" | sort | diff "$work/wanted" - | sed 's/^/# /' | { ! grep .; }
}

plan=6
for s in $subcommands; do plan=$((plan + 2)); done
echo "1..$plan"
check "the manuals are well-formed" lint
check "heaptop -h fits on one screen" fits ""
check "its options are in the manual" in_manual ""
check "each option of the manual is in some --help" in_help
check "heaptop --help lists the subcommands" are_all $("$heaptop" -h | awk 'on { print $1, substr($0, 41, 12) } /^Subcommands/ { on = 1 }')
check "the manual has the same" are_all $(awk '/^\.S[hs]/ { on = $2 == "Subcommands" } on && /^\.It Cm/ { print $3 }' "$manual")
for s in $subcommands; do
        check "heaptop $s -h fits on one screen" fits "$s"
        check "the options of $s are in the manual" in_manual "$s"
done
exit $failed
