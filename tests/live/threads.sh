#!/bin/sh
# Who allocates: names of threads from a real process to the report, in a pid namespace of their own and in children, too.
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_ptrace
need_program sqlite3

# start_named COMMAND...: its lines go to $work/named, file descriptor 3 is its input; sets $target
start_named() {
        rm -f "$work/in" "$work/named" && mkfifo "$work/in"
        "$@" <"$work/in" >"$work/named" 2>&1 &
        target=$!
        started="$started $target"
        exec 3>"$work/in"
        wait_for grep -q READY "$work/named"
}

# once WORD N: N times a line with WORD; each is answered
once() {
        for i in $(seq "$2"); do
                n=$(grep -c DONE "$work/named")
                echo "$1" >&3
                wait_for answered "$n" || return 1
        done
}
answered() { [ "$(grep -c DONE "$work/named")" -gt "$1" ]; }

# begin FILE ARG...: records; sets $guardian
begin() {
        file=$1
        shift
        "$heaptop" record -o "$file" --mean 16K "$@" >"$work/out" 2>"$work/err" 3>&- &
        guardian=$!
        started="$started $guardian"
}

ask() { [ "$(query "$file" "$1" 2>/dev/null)" = "$2" ]; }
records() { ask "SELECT count(*) > 0 FROM tick" 1; }

end_recording() {
        kill -INT $guardian 2>/dev/null
        wait $guardian
        exec 3>&-
        wait $target
}

named=$HEAPTOP_BUILD/tests/targets/named
# the name in force of each thread that holds something, and its part of all in percent
shares="WITH name AS (SELECT tid, comm FROM thread t WHERE tick = (SELECT max(tick) FROM thread WHERE tid = t.tid)),
        held AS (SELECT tid, sum(size * weight) AS bytes FROM block WHERE death_ns = 0 AND size = 4096 GROUP BY tid)
        SELECT comm, 100 * bytes / (SELECT sum(bytes) FROM held) FROM held JOIN name USING (tid)"
is_share() { # NAME PERCENT
        got=$(query "$file" "SELECT CAST(round(p) AS INTEGER) FROM (SELECT comm AS c, p FROM ($(echo "$shares" | sed 's|100 \* bytes / (SELECT sum(bytes) FROM held)|& AS p|')))
                WHERE c = '$1'" 2>/dev/null)
        [ -n "$got" ] && [ "$got" -ge $(($2 - 6)) ] && [ "$got" -le $(($2 + 6)) ] || { echo "# $1: $got, not $2"; return 1; }
}

plan 11
start_named "$named"
begin "$work/a.heaptop" -p $target
wait_for records
once more 6
check "each thread that allocates is named" wait_for ask "SELECT count(DISTINCT tid) FROM thread" 3
once more 6
settled() { ask "SELECT count(*) > 500 FROM block" 1; }
wait_for settled
check "what the first one holds is a sixth" is_share alpha 17
check "and the last one half" is_share gamma 50
check "the kernel's bytes are kept as they are" ask "SELECT hex(comm) FROM thread WHERE comm LIKE 'beta%'" 626574611B5B316D
once rename 1
check "a new name is noted" wait_for ask "SELECT count(*) FROM thread WHERE comm = 'renamed'" 1
end_recording
"$heaptop" report "$file" >"$work/report"
check "the report tells who" grep -q 'by threads: gamma [45][0-9] %, beta.* 3[0-9] %, renamed 1[0-9] %' "$work/report"
check "and a name steers no terminal" sh -c '! grep -q "$(printf "\033")" "$1"' sh "$work/report"
check "the screen, too" sh -c '"$1" replay --screen 140x40 --keys "2 Enter" "$2" | grep -q "THREADS  gamma [45][0-9] %"' sh "$heaptop" "$file"

# ---- in a child ----
start_named "$named" fork
begin "$work/b.heaptop" -p $target --follow-fork
both() { ask "SELECT count(*) FROM process" 2; }
wait_for both
once more 3
check "threads of a followed child are named" wait_for ask "SELECT count(DISTINCT comm) FROM thread WHERE comm IN ('alpha', 'gamma')" 2
end_recording

# ---- in a pid namespace: the threads have other numbers there ----
if [ "$(id -u)" = 0 ] && unshare -pf --mount-proc true 2>/dev/null; then
        start_named unshare -pf --mount-proc "$named"
        inner=$(cat /proc/$target/task/$target/children)
        begin "$work/c.heaptop" -p ${inner%% *}
        wait_for records
        once more 3
        check "in a pid namespace threads have small numbers" wait_for ask "SELECT max(tid) < 100 AND count(*) >= 3 FROM thread" 1
        check "and their names" ask "SELECT count(DISTINCT comm) FROM thread WHERE comm IN ('alpha', 'gamma')" 2
        end_recording
else
        check "in a pid namespace threads have small numbers # SKIP no namespaces here" true
        check "and their names # SKIP no namespaces here" true
fi
the_end
