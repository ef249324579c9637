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
has_ticks() { [ "$(query "$session" 'SELECT max(id) FROM tick' 2>/dev/null || echo 0)" -ge "$1" ]; }
wait_for has_ticks 4

# body FILE: a screen without its header line and its footer, which tell live from replay
print_screen() {
        "$heaptop" replay "$session" --screen 100x30 --keys "$1" 2>"$work/err"
}

plan 6
check "a file that is being written can be looked at" sh -c '"$1" replay "$2" --screen 80x24 | grep -q session_store_put' sh "$heaptop" "$session"
check "it is shown as live" sh -c '"$1" replay "$2" --screen 80x24 | head -n 1 | grep -q LIVE' sh "$heaptop" "$session"
