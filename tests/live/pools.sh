#!/bin/sh
# pools: functions that the user names are hooked like malloc, wherever they stand, and what cannot be hooked is refused in words.
. "${HEAPTOP_SRC:-..}/tests/live/attach-lib.sh"
reach_tool=$build/tests/live/reach_tool
heaptop=$build/heaptop
code=$source/tests/targets/pool.c
flags="-std=gnu11 -O1 -g -w"
skip_unless_possible
command -v gcc >/dev/null 2>&1 || { echo "1..0 # SKIP no gcc"; exit 0; }
gcc $flags -o "$dir/pool" "$code" || exit 99
strip -o "$dir/stripped" "$dir/pool" || exit 99
echo 1..11

# pools NAME ARG...: the sums agree
pools() {
        name=$1
        shift
        "$reach_tool" "$@" >"$dir/tool" 2>&1
        result $? "$name"
}

skip() {
        number=$((number + 1))
        echo "ok $number - $1 # SKIP $2"
}

pools "two global functions" -e malloc=box_get -e free=box_put "$dir/pool" box
pools "functions that are not global, size and block second" -e memalign=pool_get -e second=pool_put -e malloc=box_get \
        -e free=box_put "$dir/pool"
pools "functions without a symbol, by address" -e memalign=@1 -e second=@2 -e malloc=@4 -e free=@5 "$dir/stripped"
name="a program that has no malloc at all"
if musl-gcc $flags -static -o "$dir/bare" "$code" 2>/dev/null && ! nm "$dir/bare" | grep -q ' malloc$'; then
        pools "$name" -e malloc=box_get -e free=box_put "$dir/bare" box
        "$reach_tool" "$dir/bare" >"$dir/tool" 2>&1
        grep -q 'no malloc found' "$dir/tool"
        result $? "without them it is refused"
else
        skip "$name" "no musl-gcc, or it needs malloc"
        skip "without them it is refused" "no musl-gcc, or it needs malloc"
fi

# refused NAME WORDS ARG...: the attach fails and says WORDS, the target is as before
refused() {
        name=$1 words=$2
        shift 2
        "$reach_tool" "$@" "$dir/pool" >"$dir/tool" 2>&1
        grep -q "^attach: .*$words" "$dir/tool" && grep -q "^right fingerprint" "$dir/tool"
        result $? "$name"
}

refused "a name that does not exist: the nearest are said" "no function .* 'pool_git' (near: .*pool_get" -e malloc=pool_git
refused "an address that is no code" "0x[0-9a-f]* .*is not executable" -e malloc=@3
refused "an address where nothing is" "nothing is mapped at 0x1 " -e malloc=@9
refused "what is hooked already" "malloc is hooked already, as malloc of glibc" -e malloc=malloc
refused "an address inside of a function" "is inside of a function; it starts at 0x" -e memalign=@1+3

mkfifo "$dir/in"
"$dir/pool" box <"$dir/in" >"$dir/out" 2>&1 &
target=$!
exec 4>"$dir/in"
export XDG_STATE_HOME="$dir/state" XDG_RUNTIME_DIR="$dir/run"
mkdir -p "$dir/run"
"$heaptop" record -p "$target" -o "$dir/pool.heaptop" -d 2s --mean 1M --pair box_get,box_put:1 >"$dir/tool" 2>&1 &
recorder=$!
while kill -0 $recorder 2>/dev/null; do
        echo work >&4
done
wait $recorder
echo quit >&4
exec 4>&-
wait "$target"
target=
"$heaptop" report "$dir/pool.heaptop" >>"$dir/tool" 2>&1
grep -q ' work .*pool.c:[0-9]' "$dir/tool"
result $? "record --pair: who takes blocks from a pool is in the report"
