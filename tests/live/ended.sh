#!/bin/sh
# How a process ended is told as far as it can be known: its exit status, a signal, exec, and the OOM killer only with evidence. A replay
# shows the same page as the live screen did.
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_ptrace
need_program sqlite3 /usr/bin/python3

group=
remove_group() {
        [ -n "$group" ] && rmdir "$group" 2>/dev/null
}
trap 'clean_up; wait 2>/dev/null; remove_group' EXIT

# begin FILE SCRIPT: records a python that runs SCRIPT, which reads a line first; sets $target and $guardian
begin() {
        rm -f "$work/go"
        mkfifo "$work/go"
        /usr/bin/python3 -c "import os, signal; open('$work/go').readline(); $2" &
        target=$!
        [ -z "$group" ] || echo "$target" >"$group/cgroup.procs"
        "$heaptop" record -p "$target" -o "$1" 2>"$work/err" &
        guardian=$!
        started="$started $target $guardian"
        has_tick() { [ "$(query "$1" 'SELECT count(*) FROM tick' 2>/dev/null || echo 0)" -gt 0 ]; }
        wait_for has_tick "$1"
}

# finish: lets it go on to its end
finish() {
        echo go >"$work/go"
        wait "$guardian"
        kill "$target" 2>/dev/null
        wait "$target" 2>/dev/null
}

ending() {
        query "$1" 'SELECT how, code, oom_after > oom_before, rss_bytes > 1000000, time_ns >= sample_ns FROM ending'
}

page() {
        "$heaptop" replay "$1" --keys 'g G G' --screen 200x30
}

# A memory cgroup of our own with a limit of 160 MB, below the one we are in; its folder is in $group.
make_group() {
        path=$(sed -n 's/^[0-9]*:memory://p' /proc/self/cgroup)
        if [ -n "$path" ]; then
                group=/sys/fs/cgroup/memory${path%/}/heaptop-$$
                limit=memory.limit_in_bytes
                counter=memory.oom_control
        else
                group=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)/heaptop-$$
                limit=memory.max
                counter=memory.events
        fi
        mkdir "$group" 2>/dev/null || { group=; return 1; }
        { echo 160M >"$group/$limit"; } 2>/dev/null && grep -q '^oom_kill ' "$group/$counter"
}

plan 10
begin "$work/exit.heaptop" 'os._exit(3)' || exit 99
finish
check "an exit status is told" test "$(ending "$work/exit.heaptop")" = "1|3|0|1|1"
page "$work/exit.heaptop" >"$work/page"
check "the page of a replay says so" grep -q "Process $target ended: it exited with status 3" "$work/page"
check "with its last sample" grep -q 'last sample: heap .* before the end' "$work/page"
begin "$work/kill.heaptop" 'os.kill(os.getpid(), signal.SIGKILL)' || exit 99
finish
check "a signal is told" test "$(ending "$work/kill.heaptop")" = "2|9|0|1|1"
page "$work/kill.heaptop" >"$work/page"
check "SIGKILL without evidence is not called the OOM killer's" \
        sh -c 'grep -q "killed by SIGKILL" "$1" && ! grep -q "likely" "$1"' sh "$work/page"
begin "$work/exec.heaptop" "os.execv('/bin/sh', ['sh', '-c', 'sleep 30; exit'])" || exit 99
finish
check "exec is told" test "$(ending "$work/exec.heaptop")" = "3|-1|0|1|1"
begin "$work/detach.heaptop" '1' || exit 99
kill -INT "$guardian"
wait "$guardian"
check "a recording that ends first has no ending" test "$(query "$work/detach.heaptop" 'SELECT count(*) FROM ending')" = 0
echo go >"$work/go"
wait "$target" 2>/dev/null

if make_group; then
        begin "$work/oom.heaptop" 'b = [bytearray(1 << 20) for i in range(1000)]' || exit 99
        finish
        check "the OOM killer is told by what its cgroup counted" test "$(ending "$work/oom.heaptop")" = "2|9|1|1|1"
        page "$work/oom.heaptop" >"$work/page"
        check "the page calls it likely" grep -q "Process $target ended: killed by SIGKILL, likely the OOM killer" "$work/page"
        check "and shows the evidence" grep -q "$counter oom_kill rose 0 -> 1 in $group" "$work/page"
else
        for point in "the OOM killer is told by what its cgroup counted" "the page calls it likely" "and shows the evidence"; do
                check "$point # SKIP no memory cgroup can be made" true
        done
fi
the_end
