#!/bin/sh
# A process is found by its name, its systemd unit or its container, and a service is followed over restarts into linked sessions.
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_ptrace
need_program sqlite3

name=shop$$
cp "$service_program" "$work/$name"
service_program=$work/$name
container=$(printf '%064d' $$ | tr 0-9 a-j | tr g-j 6-9)
groups=

remove_groups() {
        for group in $groups; do
                rmdir "$group" 2>/dev/null
        done
}
trap 'clean_up; wait 2>/dev/null; remove_groups' EXIT

# A cgroup called $1 in the tree that systemd would use; its folder is in $group. Fails where none can be made.
make_group() {
        path=$(sed -n 's/^[0-9]*:name=systemd://p' /proc/self/cgroup)
        root=/sys/fs/cgroup/systemd
        [ -d "$root" ] || { path=$(sed -n 's/^0:://p' /proc/self/cgroup); root=/sys/fs/cgroup; }
        group=$root${path%/}/$1
        mkdir "$group" 2>/dev/null && [ -w "$group/cgroup.procs" ] && groups="$groups $group"
}

session() {
        query "$1" 'SELECT pid FROM target'
}

# series FILE: followed, number, and the previous session's last part
series() {
        query "$1" "SELECT followed || ' ' || number || ' ' || replace(previous, '$work/', '') FROM series"
}

has_tick() {
        [ "$(query "$1" 'SELECT count(*) FROM tick' 2>/dev/null || echo 0)" -gt 0 ]
}

plan 28
status_of "$heaptop" record --name "$name"
check "a name that nobody has is one sentence, status 66" test "$status $(grep -c "no process of $name" "$work/err")" = "66 1"
start_service || exit 99
first=$service
status_of "$heaptop" record --name "$name" -d 1s -o "$work/name.heaptop"
check "a process is found by its name" test "$status $(session "$work/name.heaptop")" = "0 $first"
status_of "$heaptop" doctor --name "$name"
check "doctor finds it, too" grep -q "$first" "$work/out"
start_service || exit 99
second=$service
status_of "$heaptop" record --name "$name" -d 1s
check "of two of a name none is taken, and both are listed" \
        sh -c 'test "$1" = 64 && grep -q "2 processes are meant by $2: .*$3 $2, $4 $2\|2 processes are meant by $2: .*$4 $2, $3 $2" "$5"' \
        sh "$status" "$name" "$first" "$second" "$work/err"
status_of "$heaptop" record --name "$name" -p 1
check "a name and a pid are refused" test "$status $(is_one_sentence && echo one)" = "64 one"
status_of "$heaptop" record -p $first --wait -d 1s
check "--wait needs to know for whom" test "$status" = 64

"$heaptop" record -p "$second" -o "$work/second.heaptop" 2>/dev/null &
guardian=$!
started="$started $guardian"
wait_for has_tick "$work/second.heaptop"
status_of "$heaptop" report --name "$name"
check "report takes the one that is recorded" grep -q "$second" "$work/out"
status_of "$heaptop" detach --name "$name"
wait $guardian
check "and so does detach" test "$status $(grep -c "$second: recorder ended" "$work/err")" = "0 1"
kill "$second" "$first"
wait "$second" "$first" 2>/dev/null

"$heaptop" record --name "$name" --wait -o "$work/s.heaptop" 2>"$work/series.err" &
guardian=$!
started="$started $guardian"
start_service || exit 99
first=$service
check "--wait: it is recorded when it appears" wait_for has_tick "$work/s.heaptop"
kill "$first"
wait "$first" 2>/dev/null
start_service || exit 99
second=$service
check "and again after a restart, into a file of its own" wait_for has_tick "$work/s-2.heaptop"
check "the first session is complete" test "$(query "$work/s.heaptop" 'SELECT ended_ns > 0 FROM session')" = 1
check "it says how the process ended" test "$(query "$work/s.heaptop" 'SELECT how, code FROM ending')" = "2|15"
kill -9 "$second"
wait "$second" 2>/dev/null
start_service || exit 99
check "and once more" wait_for has_tick "$work/s-3.heaptop"
check "kill -9 is told from others" test "$(query "$work/s-2.heaptop" 'SELECT how, code FROM ending')" = "2|9"
check "without evidence nobody speaks of memory" \
        test "$(query "$work/s-2.heaptop" 'SELECT oom_before = oom_after FROM ending')" = 1
check "the sessions are linked" test "$(series "$work/s.heaptop"), $(series "$work/s-2.heaptop"), $(series "$work/s-3.heaptop")" = \
        "$name 1 , $name 2 s.heaptop, $name 3 s-2.heaptop"
check "each names its own process" test "$(session "$work/s.heaptop") $(session "$work/s-2.heaptop") $(session "$work/s-3.heaptop")" = \
        "$first $second $service"
"$heaptop" list >"$work/list"
check "list says which session of what it is" grep -q "3 of $name" "$work/list"
"$heaptop" detach --name "$name" 2>/dev/null
status=0; wait $guardian || status=$?
check "detach ends the whole" test "$status $(wc -l <"$work/series.err")" = "0 3"
check "the process is as it was" is_untouched "$service"
kill "$service"
wait "$service" 2>/dev/null

status_of "$heaptop" record --name "$name" --wait -d 1s
check "-d ends the waiting, too" test "$status $(grep -c 'did not appear' "$work/err")" = "66 1"
"$heaptop" record --name "$name" --wait 2>"$work/err" &
guardian=$!
started="$started $guardian"
is_listed() { "$heaptop" list | grep -q "heaptop (pid $guardian) waits for $name"; }
check "who waits is listed" wait_for is_listed
"$heaptop" detach --name "$name" 2>/dev/null
status=0; wait $guardian || status=$?
check "and ended by detach" test "$status" = 143
"$heaptop" record --name "$name" --wait 2>"$work/err" &
guardian=$!
started="$started $guardian"
is_waiting() { grep -q 'State:.S' /proc/$guardian/status; }
wait_for is_waiting
kill -INT $guardian
status=0; wait $guardian || status=$?
check "and so does ctrl-C" test "$status" = 130

start_service || exit 99
"$heaptop" record -p "$service" -o "$work/busy.heaptop" 2>/dev/null &
guardian=$!
started="$started $guardian"
wait_for has_tick "$work/busy.heaptop"
"$heaptop" record --name "$name" --wait -o "$work/refused.heaptop" 2>"$work/err" & # somebody else has it
waiting=$!
started="$started $waiting"
was_refused() { [ "$(ls "$work" | grep -c '^refused')" -gt 0 ] || grep -q 'State:.S' /proc/$waiting/status; }
wait_for was_refused
kill -TERM $waiting
has_ended() { ! kill -0 $waiting 2>/dev/null; }
wait_for has_ended
at_once=$((polls < 100 * slow)) # it is not given up on that process before 10 s
status=0; wait $waiting || status=$?
check "SIGTERM ends it while a process is there that cannot be attached to" test "$status $at_once" = "143 1"
kill -INT $guardian
wait $guardian

if make_group "heaptop-$$.service"; then
        echo "$service" >"$group/cgroup.procs"
        status_of "$heaptop" record --unit "heaptop-$$" -d 1s -o "$work/unit.heaptop"
        check "a process is found by its unit" test "$status $(session "$work/unit.heaptop")" = "0 $service"
        echo "$service" >"${group%/*}/cgroup.procs"
else
        check "a process is found by its unit # SKIP no cgroup can be made" true
fi
if make_group "docker-$container.scope"; then
        echo "$service" >"$group/cgroup.procs"
        status_of "$heaptop" record --container "$(printf %.60s "$container")" -d 1s -o "$work/container.heaptop"
        check "and by its container" test "$status $(session "$work/container.heaptop")" = "0 $service"
        echo "$service" >"${group%/*}/cgroup.procs"
else
        check "and by its container # SKIP no cgroup can be made" true
fi
status_of "$heaptop" record --container abc
check "an id that is too short is refused" test "$status" = 64
the_end
