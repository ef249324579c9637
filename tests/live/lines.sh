#!/bin/sh
# Debug information is read by a child of the recorder: it may be killed, and it may be malformed; the recording goes on.
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_ptrace
need_program sqlite3 cc objcopy

start_service || exit 99
plan 7

session=$work/killed.heaptop
"$heaptop" record -p $service -d 6s --mean 32K -o "$session" >"$work/out" 2>"$work/err" &
recording=$!
started="$started $recording"
check "a child reads debug information" wait_for child_of $recording
check "as nobody, when heaptop is root's" test "$(id -u)" != 0 -o "$(stat -c %u "/proc/${child:-self}")" != 0
kill -9 "$child"
wait $recording
status=$?
note <"$work/err"
check "the recording goes on without it and ends well" test $status = 0
named() {
        query "$session" "SELECT count(*) FROM frame WHERE func = 'session_store_put' AND file LIKE '%demo_service.c' AND line > 0" | grep -q '^[1-9]'
}
check "and its frames have lines" named

cat >"$work/leak.c" <<'EOF'
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
__attribute__((noinline)) void leak_here(void) { *(volatile char *)malloc(5000) = 1; }
int main(void)
{
        puts("READY");
        fflush(stdout);
        for (;;) {
                leak_here();
                usleep(200);
        }
}
EOF
cc -g -O1 -o "$work/leak" "$work/leak.c" || exit 99
# all from the middle of the line table on is one string without an end
objcopy -O binary --only-section=.debug_line --set-section-flags .debug_line=alloc "$work/leak" "$work/table" || exit 99
size=$(wc -c <"$work/table")
{ head -c $((size / 3)) "$work/table"; head -c $((size - size / 3)) /dev/zero | tr '\0' A; } >"$work/bad"
objcopy --update-section .debug_line="$work/bad" "$work/leak" 2>"$work/err" || exit 99
"$work/leak" >"$work/leak.out" &
target=$!
started="$started $target"
wait_for grep -q READY "$work/leak.out"
session=$work/bad.heaptop
status_of "$heaptop" record -p $target -d 3s --mean 16K -o "$session"
note <"$work/err"
check "a program with malformed debug information is recorded" test "$status" = 0
check "and is untouched" is_untouched $target
functions() {
        query "$session" "SELECT count(*) FROM frame WHERE func = 'leak_here'" | grep -q '^[1-9]'
}
check "its functions have names all the same" functions
the_end
