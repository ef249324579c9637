#!/bin/sh
# Names that are late: the child that reads debug information is stopped while hundreds of functions begin to allocate. The recorder goes
# on draining and loses nothing; their frames stand as addresses, how far naming has come is told, and the names fill in.
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_ptrace
need_program sqlite3 cc awk

functions=300
awk -v n=$functions 'BEGIN {
        print "#include <signal.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <unistd.h>"
        print "static volatile sig_atomic_t all;\nstatic void begin(int s) { (void)s; all = 1; }"
        for (i = 0; i < n; i++)
                printf "__attribute__((noinline)) void many_%d(void) { *(volatile char *)malloc(2000 + %d) = 1; }\n", i, i
        print "int main(void)\n{\n\tsignal(SIGUSR1, begin);\n\tputs(\"READY\");\n\tfflush(stdout);"
        print "\tfor (;;) {\n\t\tmany_0();\n\t\tusleep(500);\n\t\tif (!all)\n\t\t\tcontinue;"
        for (i = 1; i < n; i++)
                printf "\t\tmany_%d();\n\t\tusleep(500);\n", i
        print "\t}\n}"
}' >"$work/many.c"
cc -g -O1 -o "$work/many" "$work/many.c" || exit 99
"$work/many" >"$work/many.out" &
target=$!
started="$started $target"
wait_for grep -q READY "$work/many.out"

session=$work/many.heaptop
"$heaptop" record -p $target --mean 2K -o "$session" >/dev/null 2>"$work/err" &
recording=$!
started="$started $recording"

ask() { query "$session" "$1" 2>/dev/null || echo 0; }
named() { ask "SELECT count(*) FROM frame WHERE func LIKE 'many\\_%' ESCAPE '\\'"; }
behind() { [ "$(ask 'SELECT asked - named FROM naming ORDER BY tick DESC LIMIT 1')" -ge "$1" ] 2>/dev/null; }
ticks() { [ "$(ask 'SELECT max(id) FROM tick')" -ge "$1" ]; }

plan 8
check "debug information is read" wait_for child_of $recording
first_is_named() { [ "$(named)" -ge 1 ]; }
wait_for first_is_named
kill -STOP "$child"
kill -USR1 $target
check "a session tells how many frames wait for a name" wait_for behind 100
"$heaptop" replay --screen 100x24 --keys 2 "$session" >"$work/screen" 2>&1
check "the screen tells it" grep -q 'naming [0-9,]* of [0-9,]*' "$work/screen"
addresses() { ask "SELECT count(*) FROM frame f JOIN module m ON m.id = f.module WHERE m.path LIKE '%/many' AND func IS NULL"; }
check "their frames stand as addresses" test "$(addresses)" -ge 100
tick=$(ask 'SELECT max(id) FROM tick')
samples=$(ask 'SELECT max(samples) FROM tick')
check "ticks go on" wait_for ticks $((tick + 2))
check "and so do samples, of which none is lost" test "$(ask "SELECT max(samples) > $samples, max(lost_samples) FROM tick") $(ask 'SELECT count(*) FROM gap')" = "1|0 0"
kill -CONT "$child"
filled_in() { [ "$(named)" -ge $functions ]; }
check "the names fill in" wait_for filled_in
kill -INT $recording
wait $recording
note <"$work/err"
check "in the end every frame is done" test "$(ask 'SELECT asked = named AND asked > 100 FROM naming ORDER BY tick DESC LIMIT 1')" = 1
query "$session" "SELECT 'asked ' || asked || ', named ' || named || '; samples ' || (SELECT max(samples) FROM tick) || ', lost ' ||
        (SELECT max(lost_samples) FROM tick) FROM naming ORDER BY tick DESC LIMIT 1" | note
the_end
