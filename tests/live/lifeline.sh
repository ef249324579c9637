#!/bin/sh
# Whoever of heaptop's processes dies, and however: the target ends up restored, the file readable.
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_ptrace
need_program sqlite3

start_service || exit 99

# begin FILE: starts a recorder on the service and waits until it has written a tick; sets $guardian, $recorder
begin() {
        "$heaptop" record -p $service -o "$1" 2>"$work/err" &
        guardian=$!
        started="$started $guardian"
        has_tick() { [ "$(query "$1" 'SELECT count(*) FROM tick' 2>/dev/null || echo 0)" -gt 0 ]; }
        wait_for has_tick "$1" || { note <"$work/err"; return 1; }
        recorder=$(cat /proc/$guardian/task/$guardian/children)
        recorder=${recorder%% *}
        is_hooked $service
}

# the_service_is_free: unhooked, running on, and its counters move
is_free() {
        is_untouched $service
}

is_readable() {
        [ "$(query "$1" 'PRAGMA integrity_check')" = ok ] && "$heaptop" replay --screen 80x24 "$1" >/dev/null 2>&1
}

plan 17
check "a recorder attaches" begin "$work/a.heaptop"
kill -INT $guardian
status=0; wait $guardian || status=$?
check "ctrl-C ends it with 130" test $status = 130
check "and the target is free" is_free
check "and the session is complete" test "$(query "$work/a.heaptop" 'SELECT ended_ns > 0 FROM session')" = 1

begin "$work/b.heaptop"
kill -TERM $guardian
status=0; wait $guardian || status=$?
check "SIGTERM ends it with 143" test $status = 143
check "one line was said" test "$(wc -l <"$work/err")" = 1

# as timeout(1) does
begin "$work/two.heaptop"
kill -TERM $guardian
kill -INT $guardian
wait $guardian 2>/dev/null
check "two signals at once are one" grep -q "detached.*saved" "$work/err"

begin "$work/c.heaptop"
kill -9 $guardian
wait $guardian 2>/dev/null
check "kill -9 of the guardian: the recorder restores the target" wait_for is_free
recorder_is_gone() { is_gone $recorder; }
wait_for recorder_is_gone
check "and completes the session" test "$(query "$work/c.heaptop" 'SELECT ended_ns > 0 FROM session')" = 1

begin "$work/d.heaptop"
kill -9 $recorder
status=0; wait $guardian || status=$?
check "kill -9 of the recorder: the guardian repairs the target" is_free
check "and says so, status 2" test "$status $(grep -c 'hooks were removed' "$work/err")" = "2 1"
check "and the session is readable" is_readable "$work/d.heaptop"

begin "$work/e.heaptop"
kill -9 $guardian $recorder
wait $guardian 2>/dev/null
wait_for is_gone $recorder
check "kill -9 of both leaves hooks, and detach removes them" sh -c '"$1" detach "$2" 2>/dev/null' sh "$heaptop" $service
# a thread that gets no processor may stay inside for longer than one detach waits; the next takes the rest out
is_free_now() { is_free || { "$heaptop" detach $service 2>/dev/null; is_free; }; }
check "then the target is free" wait_for is_free_now

begin "$work/f.heaptop"
status_of "$heaptop" record -p $service
check "a second recorder is refused" test "$status" = 75
status_of "$heaptop" detach $service
wait $guardian 2>/dev/null
check "detach ends a running recorder" is_free

begin "$work/g.heaptop"
kill $service
status=0; wait $guardian || status=$?
check "the end of the target ends the recording well" test "$status $(query "$work/g.heaptop" 'SELECT ended_ns > 0 FROM session')" = "0 1"
the_end
