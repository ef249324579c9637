#!/bin/sh
# Live and replay agree: the same file, printed while it is written and afterwards, gives the same screens for the same moment.
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_ptrace
need_program sqlite3

start_service || exit 99
session=$work/s.heaptop
export HEAPTOP_CLOCK=fixed:1
"$heaptop" record -p $service --mean 64K -o "$session" 2>"$work/err" &
guardian=$!
started="$started $guardian"
has_ticks() { [ "$(query "$session" 'SELECT coalesce(max(id), 0) FROM tick' 2>/dev/null || echo 0)" -ge "$1" ]; }
wait_for has_ticks 4

# body FILE: a screen without its header line and its footer, which tell live from replay
print_screen() {
        "$heaptop" replay "$session" --screen 100x30 --keys "$1" 2>"$work/err"
}

plan 10
check "a file that is being written can be looked at" sh -c '"$1" replay "$2" --screen 80x24 | grep -q session_store_put' sh "$heaptop" "$session"
check "it is shown as live" sh -c '"$1" replay "$2" --screen 80x24 | head -n 1 | grep -q LIVE' sh "$heaptop" "$session"

# At a tick that is in the past both times, everything that the file says must be drawn the same, to the byte.
"$heaptop" replay "$session" --screen 100x30 --keys ': =start Enter' >"$work/live-start" 2>"$work/err"
tick=$(query "$session" 'SELECT max(id) FROM tick')
"$heaptop" report "$session" --at "$tick" --json >"$work/live-report" 2>"$work/err"
"$heaptop" report "$session" --at "$tick" >"$work/live-text" 2>"$work/err"
wait_for has_ticks $((tick + 3))
kill -INT $guardian
wait $guardian
"$heaptop" report "$session" --at "$tick" --json >"$work/replay-report" 2>"$work/err"
"$heaptop" report "$session" --at "$tick" >"$work/replay-text" 2>"$work/err"

same() {
        [ -s "$1" ] && cmp -s "$1" "$2" && return 0
        diff "$1" "$2" | head -n 20 | note
        return 1
}
numbers() { grep -v '"ended"\|"end_reason"\|"length_ns"' "$1"; }
numbers "$work/live-report" >"$work/a"
numbers "$work/replay-report" >"$work/b"
check "the report of a moment is the same live and afterwards (JSON)" same "$work/a" "$work/b"

# printed twice, a finished session gives the same bytes; from the start forward as from the end back
"$heaptop" replay "$session" --screen 100x30 --styles >"$work/a"
"$heaptop" replay "$session" --screen 100x30 --styles --keys ': =start Enter : =end Enter' >"$work/b.raw"
"$heaptop" replay "$session" --screen 100x30 --styles >"$work/b"
check "a screen is the same each time" same "$work/a" "$work/b"
check "going to the start and back to the end changes nothing" same "$work/a" "$work/b.raw"
# a mark that is set afterwards stands where the screen was, and is there the next time
"$heaptop" replay "$session" --screen 80x24 --keys ': =start Enter m' >"$work/a"
check "a mark can be set in a replay" test "$(query "$session" 'SELECT tick FROM mark')" = 1
check "at the time of its tick" test "$(query "$session" 'SELECT mark.time_ns = tick.time_ns FROM mark JOIN tick ON tick.id = mark.tick')" = 1
check "plain lines have labels and no chart" sh -c '"$1" replay "$2" --plain --screen 80x24 >"$3" &&
        grep -q "class [a-z]*, live .*session_store_put" "$3" && ! grep -q "####" "$3"' sh "$heaptop" "$session" "$work/plain"
check "the report says which leaks are found" sh -c '"$1" report "$2" --no-pager |
        grep -q "detection  at this mean a leak of .* shows after about"' sh "$heaptop" "$session"
check "one cell is enough" sh -c '[ "$("$1" replay "$2" --screen 1x1 | wc -l)" = 1 ]' sh "$heaptop" "$session"
the_end
