#!/bin/sh
# A real program that leaks: what the screen shows of its recording is what report --json tells.
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_ptrace
need_program python3

start_service || exit 99
"$heaptop" record -p $service --mean 16K -d 5s -o "$work/twin.heaptop" >"$work/out" 2>&1 || { note <"$work/out"; exit 99; }
/usr/bin/python3 -B "$HEAPTOP_SRC/tests/live/twin.py" "$heaptop" "$work/twin.heaptop" >"$work/tap"
status=$?
cat "$work/tap"
[ $status -eq 0 ] && ! grep -q '^not ok' "$work/tap"
