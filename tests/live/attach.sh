#!/bin/sh
# attach: in and out again without a trace. HEAPTOP_CYCLES: how often (30); HEAPTOP_PARTS="busy die": only these parts.
. "${HEAPTOP_SRC:-..}/tests/live/attach-lib.sh"
cycles=${HEAPTOP_CYCLES:-30}
skip_unless_possible
echo 1..20

if part idle; then
begin "$edge" idle $((60 * slow)) 16
state_of "$target" >"$dir/before"
attach_tool cycle "$target" 10 1
code=$?
state_of "$target" >"$dir/after"
result $code "16 idle threads: attached and detached 10 times"
diff "$dir/before" "$dir/after" >>"$dir/tool"
result $? "map, size, descriptors, signal masks and code are the same as before"
grep -q 'left=0' "$dir/tool"
result $? "nothing was left behind"

kill -STOP "$target"
while ! grep -q '^State:.T' "/proc/$target/status"; do :; done
attach_tool cycle "$target" 3
code=$?
grep -q '^State:.T' "/proc/$target/status" || code=1
result $code "a stopped process stays stopped"
kill -CONT "$target"
attach_tool cycle "$target" 3
result $? "and works when it is continued"

ls "/proc/$target/fd" >"$dir/fds"
"$tool" hold "$target" 60000 >"$dir/holder" &
holder=$!
while ! grep -q ATTACHED "$dir/holder"; do :; done
ls "/proc/$target/fd" | diff "$dir/fds" - >"$dir/tool"
result $? "while it is watched it has no descriptor more, so it may close all it finds"
kill -KILL "$holder"
wait "$holder" 2>/dev/null

attach_tool leave "$target"
attach_tool hold "$target" 1
grep -q 'repaired=[1-9]' "$dir/tool"
result $? "an attach removes what a dead heaptop left"
attach_tool leave "$target"
attach_tool repair "$target"
grep -q 'repaired=[1-9]' "$dir/tool"
result $? "so does a repair"
state_of "$target" >"$dir/after"
diff "$dir/before" "$dir/after" >>"$dir/tool"
result $? "and everything is as it was"

"$tool" trace "$target" 60000 >"$dir/tracer" &
tracer=$!
while ! grep -q TRACING "$dir/tracer"; do :; done
attach_tool cycle "$target" 1
[ $? = 1 ] && grep -q "process $tracer is tracing it" "$dir/tool"
result $? "another tracer is named"
kill "$tracer"
wait "$tracer" 2>/dev/null

"$tool" hold "$target" 60000 >"$dir/holder" &
holder=$!
while ! grep -q ATTACHED "$dir/holder"; do :; done
attach_tool cycle "$target" 1
[ $? = 1 ] && grep -q "process $holder" "$dir/tool"
result $? "another heaptop is named"
kill -KILL "$holder"
wait "$holder" 2>/dev/null
attach_tool repair "$target"
kill "$target"
finish
fi # idle

attach_tool check 2
[ $? = 1 ] && grep -q 'kernel thread' "$dir/tool"
result $? "a kernel thread is refused in words"
attach_tool check 999999999
[ $? = 3 ] && grep -q 'no process' "$dir/tool"
result $? "a process that does not exist is refused in words"

if part busy; then
begin "$edge" idle $((60 * slow))
attach_tool eaten "$target"
code=$?
kill "$target"
finish
result $code "an interrupt that is lost to a signal is sent again"

begin "$edge" threads $((60 * slow))
attach_tool still "$target" $((cycles / 2))
code=$?
kill "$target"
finish
result $code "threads that are born during the attach stand still, too"

begin "$churn" 4 3600 5000
attach_tool cycle "$target" "$cycles" 5
code=$?
kill -TERM "$target"
finish
[ $code = 0 ] && [ $status = 0 ]
result $? "4 busy threads under a 5 kHz signal: $cycles cycles ($(grep -o 'samples=[0-9]*' "$dir/tool"))"
fi # busy

if part launch; then
"$tool" run 200 "$churn" 2 1 >"$dir/tool" 2>&1
grep -q 'LAUNCHED hooks=[1-9]' "$dir/tool" && grep -q 'status=0' "$dir/tool" && grep -q 'samples=[1-9]' "$dir/tool"
result $? "a program is hooked before it begins"
"$tool" run 1 /nonexistent/program >"$dir/tool" 2>&1
grep -q 'exit status 127' "$dir/tool" && grep -q '^status=127' "$dir/tool"
result $? "a program that does not exist ends with status 127, which stays for its parent"
fi # launch

if part die; then
begin "$edge" idle $((60 * slow)) 4
state_of "$target" >"$dir/before"
attach_tool die "$target"
code=$?
state_of "$target" >"$dir/after"
diff "$dir/before" "$dir/after" >>"$dir/tool" || code=1
kill "$target"
finish
result $code "killed before each system call in turn, what it leaves is removed ($(head -n 1 "$dir/tool"))"
fi # die

if part faults; then
begin "$edge" idle $((60 * slow))
attach_tool faults "$target"
code=$?
ls -l "/proc/$target/fd" | grep -q memfd:heaptop && code=1
grep -q memfd:heaptop "/proc/$target/maps" && code=1
kill "$target"
finish
result $code "each system call failing in turn leaves it as it was ($(cat "$dir/tool"))"
fi # faults

