#!/bin/sh
# Every error number that src/ gives out is explained, every explanation is given out somewhere, and a message leads to its explanation.
. "$HEAPTOP_SRC/tests/lib.sh"

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
        "$heaptop" help errors | sed -n 's/^\(E[0-9]*\)  .*/\1/p' >"$work/listed"
        [ "$(wc -l <"$work/explained")" -gt 40 ] && [ "$(wc -l <"$work/listed")" = "$(wc -l <"$work/explained")" ] || return 1
        while read -r number; do
                "$heaptop" help "$number" | grep -q '^What to do$' || { echo "# $number"; return 1; }
        done <"$work/listed"
}

echo "not a session" >"$work/x.heaptop"
"$HEAPTOP_BUILD/tests/unit/make_session" "$work/s.heaptop" || exit 99
cp "$work/s.heaptop" "$work/newer.heaptop"
cp "$work/s.heaptop" "$work/cut.heaptop"
dd if=/dev/zero of="$work/cut.heaptop" bs=4096 seek=1 count=3 conv=notrunc 2>/dev/null

# a session of a heaptop of the future; user_version stands at byte 60 (sqlite.org, "Database File Format")
printf '\000\000\047\017' | dd of="$work/newer.heaptop" bs=1 seek=60 conv=notrunc 2>/dev/null

is_itself() {
        said=$(sh -c 'exec "$1" record -p $$' sh "$heaptop" 2>&1)
        case $said in *"(E125)") ;; *) echo "# it said: $said"; return 1 ;; esac
}

# on_terminal TERM NUMBER: what the screen says on a terminal of that kind
on_terminal() {
        said=$(script -qec "TERM=$1 '$heaptop' replay '$work/s.heaptop'" /dev/null </dev/null 2>&1 | tr -d '\r')
        case $said in *"($2)"*) ;; *) echo "# it said: $said"; return 1 ;; esac
}

echo 1..22
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
check "a session of a newer heaptop" fails E203 2 report "$work/newer.heaptop"
check "a session that is damaged" fails E204 2 report "$work/cut.heaptop"
check "a file that exists already" fails E206 73 record -p $$ -o "$work/s.heaptop"
check "a folder that is not there" fails E207 73 record -p $$ -o "$work/none/s.heaptop"
check "a moment that is not in the session" fails E407 64 report "$work/s.heaptop" --at yesterday
check "a process that nobody records" fails E501 66 attach 2147483647
check "heaptop itself" is_itself
if command -v script >/dev/null; then
        check "a terminal that is not known" on_terminal nonsense E302
        check "a terminal that cannot move its cursor" on_terminal dumb E303
else
        echo "ok 21 # SKIP script(1) is not installed"
        echo "ok 22 # SKIP script(1) is not installed"
fi
exit $failed
