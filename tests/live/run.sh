#!/bin/sh
# heaptop run: the program's own exit status, its terminal, and what was recorded.
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_ptrace
need_program sqlite3

# exits WANT COMMAND...: heaptop run ends with the status WANT
exits() {
        want=$1
        shift
        rm -f "$work/s.heaptop"
        status_of "$heaptop" run -o "$work/s.heaptop" -- "$@"
        [ "$status" = "$want" ] && return 0
        echo "# run $*: status $status, want $want"
        note <"$work/err"
        return 1
}

cat >"$work/grow.py" <<'END'
import sys
keep = [bytearray(100000) for _ in range(200)]
print("done", len(keep))
sys.exit(5)
END

plan 18
check "status 0" exits 0 true
check "status 0 after a while" exits 0 sh -c 'for i in $(seq 2000); do x=$x$i; done'
check "the session of a short program is complete" test "$(query "$work/s.heaptop" 'SELECT ended_ns > 0 FROM session')" = 1
check "status 3" exits 3 sh -c 'exit 3'
check "killed by a signal" exits 137 sh -c 'kill -9 $$'
check "which is said" grep -q 'killed by SIGKILL' "$work/err"
rm -f "$work/s.heaptop"
status_of "$heaptop" run --mean 512M -o "$work/s.heaptop" -- true
check "where nothing was sampled that is said" grep -q 'nothing that was sampled' "$work/err"
check "a program that is not there" exits 127 "$work/nosuch"
check "a program that cannot be executed" exits 126 "$work/grow.py"
check "arguments go to the program, its output to ours" exits 0 printf '%s-%s\n' -o x
check "its output is not mixed with ours" test "$(cat "$work/out")" = "-o-x"

python_is_recorded() {
        [ -x /usr/bin/python3 ] || return 0
        exits 5 /usr/bin/python3 "$work/grow.py" || return 1
        [ "$(cat "$work/out")" = "done 200" ] || return 1
        # 200 blocks of 100,000 bytes: with a mean of 512K the estimate is 20 MB +- 6 MB
        exact=$(query "$work/s.heaptop" 'SELECT max(allocated_bytes) FROM tick')
        born=$(query "$work/s.heaptop" 'SELECT sum(b) FROM (SELECT max(born_bytes) AS b FROM stack_tick GROUP BY stack)')
        echo "# allocated $exact, estimated $born"
        [ "$exact" -gt 20000000 ] && [ "$born" -gt 5000000 ]
}
check "allocations from the first on are recorded" python_is_recorded

# a wrapper that ends in exec is followed into the program
wrapper_is_followed() {
        [ -x /usr/bin/python3 ] || return 0
        exits 5 sh -c 'for i in $(seq 500); do x=$x$i; done; exec /usr/bin/python3 "$1"' sh "$work/slow.py" || return 1
        [ ! -f "$work/s-2.heaptop" ] || return 1
        program=$(query "$work/s.heaptop" 'SELECT exe FROM target')
        born=$(query "$work/s.heaptop" 'SELECT sum(b) FROM (SELECT max(born_bytes) AS b FROM stack_tick GROUP BY stack)')
        echo "# $program: estimated $born"
        case $program in
        */python*) ;;
        *) query "$work/s.heaptop" 'SELECT text FROM event' | note; return 1 ;;
        esac
        [ "$born" -gt 5000000 ] && query "$work/s.heaptop" 'SELECT why FROM gap' | grep -q 'another program'
}
cat >"$work/slow.py" <<'END'
import ctypes, sys, time
malloc = ctypes.cast(ctypes.CDLL(None).malloc, ctypes.c_void_p).value
for _ in range(6000):
    code = ctypes.string_at(malloc, 5)
    if code[0] == 0xe9 or code[0] == 0xf3 and code[4] == 0xe9:
        break  # hooked again
    time.sleep(0.005)
keep = []
for _ in range(200):
    keep.append(bytearray(100000))
sys.exit(5)
END
check "a wrapper that ends in exec is followed into the program" wrapper_is_followed

# What is gone within a millisecond was seen while it was held. Several times: whether the recorder would still find it differs.
quick=$HEAPTOP_BUILD/tests/targets/quick

# is_told SITE BYTES BLOCKS: by the report of the session
is_told() {
        grep -q "^ *[0-9]* .* $1  quick.c:" "$work/report" && grep -A 2 "^ *[0-9]* .* $1  quick.c:" "$work/report" |
                grep -q " $2 in $3 blocks"
}

nothing_is_unknown() {
        [ "$(query "$work/s.heaptop" 'SELECT count(*) FROM frame WHERE module = 0')" = 0 ] &&
                [ "$(query "$work/s.heaptop" 'SELECT count(*) > 0 FROM frame')" = 1 ]
}

quick_is_told() {
        "$heaptop" report "$work/s.heaptop" >"$work/report"
        is_told keep_some 20M 20 && is_told keep_more 20M 40 && grep -q 'allocated  40M in 60 calls' "$work/report" &&
                nothing_is_unknown && return 0
        note <"$work/report"
        return 1
}

five_times() {
        for i in 1 2 3 4 5; do
                "$@" || return 1
        done
}

ls_is_known() {
        exits 0 ls / && nothing_is_unknown
}
check "of a short program all code is known" five_times ls_is_known

# whatever the arenas held when the recorder first saw them; a page for each block is its own overhead
nothing_is_older() {
        [ "$(query "$work/s.heaptop" 'SELECT max(before_bytes) = 0 AND max(heap_used) BETWEEN 41943040 AND 42400000 FROM tick')" = 1 ] &&
                return 0
        query "$work/s.heaptop" 'SELECT before_bytes, heap_used FROM tick' | note
        return 1
}

ends_at_once() {
        exits 3 "$quick" && quick_is_told && nothing_is_older
}
check "a program that allocates and ends at once has its functions and counts told" five_times ends_at_once

becomes_another_at_once() {
        exits 0 "$quick" exec || return 1
        [ "$(query "$work/s.heaptop" "SELECT count(*) FROM frame WHERE func IN ('keep_some', 'keep_more')")" = 2 ] &&
                [ "$(query "$work/s.heaptop" 'SELECT max(allocated_bytes) >= 41943040 FROM tick')" = 1 ] && return 0
        query "$work/s.heaptop" 'SELECT path, offset, func FROM frame LEFT JOIN module ON module.id = module; SELECT * FROM event' | note
        return 1
}
check "so has one that becomes another program at once" five_times becomes_another_at_once

ends_when_hooked() {
        rm -f "$work/s.heaptop"
        "$quick" hooked >"$work/out" &
        target=$!
        started="$started $target"
        wait_for test -s "$work/out" || return 1
        "$heaptop" record -o "$work/s.heaptop" -p $target >"$work/err" 2>&1
        status=0
        wait $target || status=$?
        [ $status = 3 ] && quick_is_told
}
check "so has one that ends as soon as it is attached to" five_times ends_when_hooked

# a signal for heaptop is passed on to the program
passes_on() {
        rm -f "$work/s.heaptop"
        "$heaptop" run -o "$work/s.heaptop" -- sh -c 'trap "exit 9" TERM; echo up; while :; do sleep 0.05; done' \
                >"$work/out" 2>"$work/err" &
        runner=$!
        started="$started $runner"
        wait_for grep -q up "$work/out" || return 1
        kill -TERM $runner
        status=0
        wait $runner || status=$?
        [ $status = 9 ]
}
check "a signal is passed on" passes_on
the_end
