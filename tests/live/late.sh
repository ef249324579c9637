#!/bin/sh
# late: libraries that come after the attach bring allocators: they are hooked, every call is counted once, and nothing is left of it,
# whenever heaptop is killed. HEAPTOP_KILLS: how often in the middle of it (20).
. "${HEAPTOP_SRC:-..}/tests/live/attach-lib.sh"
reach_tool=$build/tests/live/reach_tool
heaptop=$build/heaptop
code=$source/tests/targets/reach.c
flags="-std=gnu11 -O1 -g -fno-builtin -w"
kills=${HEAPTOP_KILLS:-20}
skip_unless_possible
command -v gcc >/dev/null 2>&1 || { echo "1..0 # SKIP no gcc"; exit 0; }
lib=$(dirname "$(gcc -print-file-name=libc.so.6)")
gcc $flags -o "$dir/reach" "$code" && gcc $flags -DOWN -shared -fPIC -Wl,-Bsymbolic -o "$dir/plugin.so" "$code" || exit 99
echo 1..14

late() {
        name=$1
        shift
        "$reach_tool" -l "$@" >"$dir/tool" 2>&1
        result $? "$name"
}

late "a plugin with a malloc of its own" "$dir/reach" "$dir/plugin.so"
for other in jemalloc mimalloc; do
        if [ -e "$lib/lib$other.so" ]; then
                # what it wants of the static thread-local storage has to be kept free
                export GLIBC_TUNABLES=glibc.rtld.optional_static_tls=8192
                late "$other" "$dir/reach" "$lib/lib$other.so"
                unset GLIBC_TUNABLES
        else
                number=$((number + 1))
                echo "ok $number - $other # SKIP not installed"
        fi
done

sed -n '/^cat >"$dir\/module.c"/,/^END/p' "$source/tests/live/attach-edges.sh" | sed '1d;$d' >"$dir/module.c"
gcc -O1 -fno-builtin -shared -fPIC -o "$dir/module.so" "$dir/module.c" || exit 99
export EDGE_MODULE="$dir/module.so"

begin "$edge" late $((60 * slow))
attach_tool extend "$target" 2500
code_=$?
grep -q '^EXTENDED' "$dir/tool" && grep -q 'left=0' "$dir/tool" || code_=1
result $code_ "a library comes, goes and comes again: it is hooked each time"
! grep -q memfd:heaptop "/proc/$target/maps"
result $? "nothing is left after that"
attach_tool extendkills "$target" "$kills"
code_=$?
grep -q 'killed=[1-9]' "$dir/tool" || code_=1
result $code_ "killed in the middle of it: the next heaptop takes all of it out ($(cat "$dir/tool"))"
attach_tool extendfaults "$target" $((kills / 2))
code_=$?
grep -q 'failed=[1-9]' "$dir/tool" && ! grep -q 'without words' "$dir/tool" || code_=1
result $code_ "a system call that fails in the middle of it is told, and the rest goes on ($(tail -n 1 "$dir/tool"))"
attach_tool extend "$target" 1000 leave
grep -q '^EXTENDED' "$dir/tool"
result $? "a heaptop that ends without a detach"
attach_tool repair "$target"
! grep -q memfd:heaptop "/proc/$target/maps"
result $? "is cleaned up after, with what it hooked later"
kill "$target"
finish
[ "$status" = 0 ]
result $? "its data were right all the time"

begin env EDGE_FORK=1 "$edge" late $((60 * slow))
"$tool" extend "$target" 1000 >"$dir/tool" 2>&1
child=$(sed -n 's/^CHILD //p' "$dir/target")
[ -n "$child" ] && grep -q memfd:heaptop "/proc/$child/maps"
result $? "a forked child keeps the (passive) hooks"
attach_tool repair "$child"
grep -q 'repaired=1[3-9]' "$dir/tool" && ! grep -q memfd:heaptop "/proc/$child/maps"
result $? "until they are removed from it, too, those of the library among them"
kill "$target"
finish
[ "$status" = 0 ]
result $? "both had right data all the time"

mkfifo "$dir/in"
"$dir/reach" "$dir/plugin.so" <"$dir/in" >"$dir/out" 2>&1 &
target=$!
exec 4>"$dir/in"
export XDG_STATE_HOME="$dir/state" XDG_RUNTIME_DIR="$dir/run"
mkdir -p "$dir/run"
"$heaptop" record -p "$target" -o "$dir/late.heaptop" --mean 64K >"$dir/tool" 2>&1 &
recorder=$!
# asked QUERY: waits until the session answers 1
asked() {
        until [ "$(sqlite3 -readonly "$dir/late.heaptop" "SELECT count(*) > 0 FROM $1" 2>/dev/null)" = 1 ]; do
                kill -0 $recorder || break
        done
}
asked tick
echo load >&4
asked "event WHERE text LIKE 'hooked % functions of what was loaded%'"
for i in 1 2 3 4 5; do
        echo work >&4
done
until [ "$(grep -c allocs "$dir/out")" = 6 ]; do
        kill -0 "$target" || break
done
kill -INT $recorder
wait $recorder
echo quit >&4
exec 4>&-
wait "$target"
target=
"$heaptop" report "$dir/late.heaptop" >>"$dir/tool" 2>&1
grep -q ' make .*reach.c:[0-9]' "$dir/tool"
result $? "record: a plugin is hooked when it is loaded, and who calls it is in the report"
