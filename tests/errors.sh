#!/bin/sh
# Every error number that src/ gives out is explained, every explanation is given out somewhere, and a message leads to its explanation.
heaptop=$HEAPTOP_BUILD/heaptop
[ -x "$heaptop" ] || { echo "Bail out! $heaptop is missing"; exit 99; }
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

names='ERROR_[A-Z0-9_]*'
sed -n "s/^        { \\($names\\), .*\"[a-zA-Z0-9].*/\\1/p" "$HEAPTOP_SRC/src/base/errors.c" | sort >"$work/explained"
find "$HEAPTOP_SRC/src" -name '*.c' ! -path '*/base/err*' -exec cat {} + | grep -o "\(^\|[^A-Z_]\)$names" | sed 's/^[^E]//' |
        grep -v '^ERROR_NONE$' | sort -u >"$work/used"

are_same() {
        [ -s "$work/used" ] && diff "$work/explained" "$work/used" | sed 's/^</# never given out:/; s/^>/# not explained:/' | { ! grep '^#'; }
}

# fails NUMBER STATUS WORD...: heaptop says the number and exits so
fails() {
        number=$1
        wanted=$2
        shift 2
        status=0
        said=$("$heaptop" "$@" 2>&1 </dev/null) || status=$?
        case $said in *"($number)") ;; *) echo "# it said: $said"; return 1 ;; esac
        [ "$status" = "$wanted" ] || { echo "# exit status $status"; return 1; }
        "$heaptop" help "$number" | grep -q "^$number: "
}

explains_all() {
        [ "$(wc -l <"$work/explained")" -gt 40 ] || return 1
        for number in $(sed -n 's/.*ERROR_[A-Z0-9_]* = \([0-9]*\).*/\1/p' "$HEAPTOP_SRC/src/base/errors.h"); do
                [ "$number" = 0 ] || "$heaptop" help "E$number" | grep -q '^What to do$' || { echo "# E$number"; return 1; }
        done
}

echo "not a session" >"$work/x.heaptop"
echo 1..13
check "every number that is given out is explained, and every explanation is given out" are_same
check "heaptop help explains them" explains_all
check "a file that is not there" fails E201 66 report "$work/nothing.heaptop"
check "a file that is no session" fails E202 2 report "$work/x.heaptop"
check "no terminal" fails E301 64 -p $$
check "an option that does not exist" fails E401 64 report --tpo 3
check "a value that is none" fails E402 64 report --top many
check "a value that is missing" fails E403 64 report --top
check "a subcommand that does not exist" fails E404 64 recrod
check "a word too many" fails E405 64 list again
check "a word that is missing" fails E406 64 record
check "a process that does not exist" fails E141 66 record -p 2147483647
check "a program that does not exist" fails E601 127 run -- "$work/nothing"
exit $failed
