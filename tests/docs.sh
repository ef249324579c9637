#!/bin/sh
# The manual is well-formed and knows every subcommand and option that --help prints; --help fits on one screen.
heaptop=$HEAPTOP_BUILD/heaptop
[ -x "$heaptop" ] || { echo "Bail out! $heaptop is missing"; exit 99; }
manual=$HEAPTOP_SRC/doc/heaptop.1
subcommands="replay record attach run report list detach doctor demo"
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
        "$heaptop" $1 --help | awk 'length($0) > 79 { bad = 1; print "# too wide: " $0 } END { if (NR > 24) print "# lines: " NR; exit bad || NR > 24 }'
}

listed() {
        "$heaptop" --help | grep -q "\b$1  "
}

in_manual() {
        for option in $("$heaptop" $1 --help | sed -n 's/^  .*--\([a-z-]*\) .*/\1/p' | grep -v '^-'); do
                grep -q -e "Fl \\\\&-$option\b" "$manual" || { echo "# --$option is not in the manual"; return 1; }
        done
}

plan=3
for s in $subcommands; do plan=$((plan + 4)); done
echo "1..$plan"
check "the manuals are well-formed" lint
check "heaptop --help fits on one screen" fits ""
check "its options are in the manual" in_manual ""
for s in $subcommands; do
        check "heaptop $s --help fits on one screen" fits "$s"
        check "$s is listed by heaptop --help" listed "$s"
        check "$s is in the manual" grep -q "Cm $s\b" "$manual"
        check "the options of $s are in the manual" in_manual "$s"
done
exit $failed
