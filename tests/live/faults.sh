#!/bin/sh
# faults: each system call that the injector makes fails in turn, once and from then on for ever: in attach, extension,
# detach, repair and launch. The target runs on, as it was. HEAPTOP_FAULTS=ever adds "for ever", which takes
# minutes because they try again for seconds each time.
. "${HEAPTOP_SRC:-..}/tests/live/attach-lib.sh"
skip_unless_possible
faults=$build/tests/live/fault_tool
for_ever=
[ "$HEAPTOP_FAULTS" != ever ] || for_ever="attach extend detach repair"
echo 1..$((5 + $(echo $for_ever | wc -w)))

# point NAME ARGUMENTS...: one operation on a fresh target that checks its own data
point() {
        name=$1
        shift
        begin "$build/tests/targets/kinds" work 3600
        "$build/tests/live/fingerprint" "$target" >"$dir/before"
        "$faults" "$1" "$target" $2 >"$dir/tool" 2>&1
        code=$?
        "$build/tests/live/fingerprint" "$target" | diff "$dir/before" - >>"$dir/tool" || code=1
        kill -0 "$target" && ! grep -q BAD "$dir/target" || code=1
        kill "$target"
        finish
        [ $code = 0 ]
        result $? "$name ($(grep tried "$dir/tool"))"
}

for operation in attach extend detach repair; do
        point "$operation: each system call failing once" $operation
done
"$faults" launch >"$dir/tool" 2>&1
result $? "launch: each system call failing once ($(cat "$dir/tool"))"
for operation in $for_ever; do
        point "$operation: each system call failing for ever" $operation ever
done
