#!/bin/sh
# soak: attach, detach and kill -9, round after round, on programs under load. Run by `make check-soak`.
#
#   HEAPTOP_SOAK_MINUTES   how long this slice lasts (15)
#   HEAPTOP_SOAK_SUMS      where the sums of all slices are kept (soak.sums in the build folder); remove it to begin anew
#
# Each round ends with the target alive, its own data or answers right, and map, descriptors, threads, signal masks and code
# as before. The first failure ends the slice and names the seed.
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_ptrace
need_program redis-server node /usr/bin/python3
here=$HEAPTOP_SRC/tests/live
tool=$HEAPTOP_BUILD/tests/live/attach_tool
sums=${HEAPTOP_SOAK_SUMS:-$HEAPTOP_BUILD/soak.sums}
minutes=${HEAPTOP_SOAK_MINUTES:-15}
cycles_a_round=100
kills_a_round=40
[ -s "$sums" ] || echo "cycles 0 kills 0 injector_kills 0 seconds 0" >"$sums"
plan 1

# add CYCLES KILLS INJECTOR_KILLS SECONDS
add() {
        awk -v c="$1" -v k="$2" -v i="$3" -v s="$4" \
                '{ print "cycles", $2 + c, "kills", $4 + k, "injector_kills", $6 + i, "seconds", $8 + s }' "$sums" >"$sums.new"
        mv "$sums.new" "$sums"
}

broken() {
        echo "# $*"
        head -n 20 "$work/tool" | note
        return 1
}

start() {
        "$@" >"$work/target" 2>&1 &
        target=$!
        started="$started $target"
        wait_for grep -q READY "$work/target" || broken "$1 did not start"
}

# Ends the target by its own signal; it must have been right up to then. ALLOWED: its exit status after SIGTERM.
stop() {
        kill -TERM $target
        status=0
        wait $target || status=$?
        [ $status = "$1" ] || broken "the target ended with $status"
}

unchanged() {
        fingerprint $target "$work/after"
        cmp -s "$work/before" "$work/after" || { diff "$work/before" "$work/after" >"$work/tool"; broken "the target is not as before"; }
}

cycle() {
        fingerprint $target "$work/before"
        "$tool" cycle $target $cycles_a_round 5 >"$work/tool" 2>&1 || { broken "cycles"; return 1; }
        unchanged
}

# The injector alone, killed in the middle of attach and detach.
kill_injector() {
        left=$kills_a_round
        while [ $left -gt 0 ]; do
                "$tool" cycle $target 1000 0 >"$work/tool" 2>&1 &
                victim=$!
                /usr/bin/python3 -c "import random, time; time.sleep(random.random() / 20)"
                kill -KILL $victim
                wait $victim 2>/dev/null
                kill -0 $target || { broken "the target is gone"; return 1; }
                left=$((left - 1))
        done
        "$tool" repair $target >"$work/tool" 2>&1 || { broken "repair"; return 1; }
        unchanged
}

free_port() {
        /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

on_redis() {
        port=$(free_port)
        redis-server --port "$port" --bind 127.0.0.1 --save '' --dir "$work" >"$work/redis" 2>&1 &
        target=$!
        started="$started $target"
        rm -f "$work/load.in"
        mkfifo "$work/load.in"
        /usr/bin/python3 "$here/load.py" redis "$port" <"$work/load.in" >"$work/target" 2>&1 &
        load=$!
        started="$started $load"
        exec 9>"$work/load.in"
        wait_for grep -q READY "$work/target" && cycle
        result=$?
        exec 9>&-
        wait $load || { broken "redis answered wrongly"; result=1; }
        stop 0 && return $result
}

on_churn() {
        start "$HEAPTOP_BUILD/tests/targets/churn" 4 3600 5000 && cycle && kill_injector || return 1
        /usr/bin/python3 "$here/kills.py" "$heaptop" $target $kills_a_round "$seed" >"$work/tool" 2>&1 || { broken "kills"; return 1; }
        "$tool" repair $target >"$work/tool" 2>&1
        unchanged && stop 0
}

slice() {
        began=$(date +%s)
        end=$((began + minutes * 60))
        seed=$$
        while [ "$(date +%s)" -lt $end ]; do
                at=$(date +%s)
                seed=$((seed + 1))
                echo "# seed $seed: $(cat "$sums")"
                on_churn && on_redis || return 1
                start node "$here/grow.js" && cycle && stop 143 || return 1
                start /usr/bin/python3 "$here/grow.py" && cycle && stop 143 || return 1
                add $((4 * cycles_a_round)) $kills_a_round $kills_a_round $(($(date +%s) - at))
        done
}
check "attach, detach and kill -9 harm no target" slice
note <"$sums"
the_end
