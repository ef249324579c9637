#!/bin/sh
# --follow-fork and --follow-exec: several processes in one recording, each with its own figures, and nothing left in any of them.
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_ptrace
need_program sqlite3

family=$HEAPTOP_BUILD/tests/targets/family
edge=$HEAPTOP_BUILD/tests/targets/edge

# start_family ARG...: sets $parent; its lines go to $work/family, file descriptor 3 is its input
start_family() {
        rm -f "$work/in" && mkfifo "$work/in"
        "$family" "$@" <"$work/in" >"$work/family" 2>&1 &
        parent=$!
        started="$started $parent"
        exec 3>"$work/in"
}

children_of() {
        sed -n 's/^CHILD \([0-9]*\) .*/\1/p' "$work/family" | sort -u
}

has_lines() { [ "$(grep -c "$1" "$work/family")" -ge "$2" ]; }

# begin FILE SUBCOMMAND ARG...: starts heaptop; sets $guardian
begin() {
        file=$1
        subcommand=$2
        shift 2
        rm -f "$file" "$file"-*
        "$heaptop" "$subcommand" -o "$file" "$@" >"$work/out" 2>"$work/err" 3>&- &
        guardian=$!
        started="$started $guardian"
}

recorder_of() {
        recorder=$(cat /proc/$guardian/task/$guardian/children)
        recorder=${recorder%% *}
}

# ask SQL WANT: what the session says is WANT
ask() { [ "$(query "$file" "$1" 2>/dev/null)" = "$2" ]; }

end_recording() {
        kill -INT $guardian 2>/dev/null
        status=0
        wait $guardian || status=$?
}

all_untouched() {
        for pid in "$@"; do
                is_untouched "$pid" || { echo "# $pid is not as it was"; return 1; }
        done
}

# Each process's heap against what it says it holds: within 1 % (the C library's own blocks).
figures_are_right() {
        for pid in $parent $(children_of); do
                want=$(sed -n "s/^[A-Z]* $pid \([0-9]*\)$/\1/p" "$work/family" | grep -v '^0$' | tail -n 1)
                got=$(query "$file" "SELECT heap_used FROM process_tick t JOIN process p ON p.id = process WHERE pid = $pid
                        ORDER BY tick DESC LIMIT 1")
                echo "# $pid holds $want, found $got"
                [ "$got" -ge "$want" ] && [ "$got" -le $((want + want / 100 + 70000)) ] || return 1
        done
}

sum_is_that_of_all() {
        ask "SELECT count(*) > 0 AND max(abs(tick.heap_used - (SELECT sum(heap_used) FROM process JOIN process_tick t ON process = id
                WHERE t.tick = (SELECT max(tick) FROM process_tick WHERE process = id AND tick <= tick.id)))) = 0
             FROM tick WHERE id = (SELECT max(id) FROM tick)" 1
}

plan 37
# ---- a prefork server that runs already ----
start_family 3 10000000
wait_for has_lines ^READY 1
echo more >&3
wait_for has_lines ^CHILD 3
kids=$(children_of)
for pid in $parent $kids; do fingerprint $pid "$work/before.$pid"; done
begin "$work/a.heaptop" record -p $parent --follow-fork
check "the children of a process are recorded with it" wait_for ask "SELECT count(*) FROM process" 4
all_are_recorded() { ask "SELECT count(DISTINCT process) FROM process_tick" 4; }
wait_for all_are_recorded
check "each is locked: another heaptop is refused" sh -c '! "$1" record -p "$2" -d 1s -o "$3" 2>/dev/null' sh "$heaptop" \
        "${kids%%
*}" "$work/no.heaptop"
echo more >&3
wait_for has_lines ^CHILD 6
grown() { ask "SELECT max(heap_used) > 120000000 FROM tick" 1; }
check "their heaps are summed up" wait_for grown
check "the screen says how many there are" sh -c '"$1" replay --screen 140x40 "$2" | head -n 1 | grep -q "+3 children"' sh \
        "$heaptop" "$file"
end_recording
check "all of them are left at the end" test "$status" = 130
check "and are as before" all_untouched $parent $kids
same_as_before() {
        for pid in $parent $kids; do
                fingerprint $pid "$work/after.$pid"
                cmp -s "$work/before.$pid" "$work/after.$pid" || { echo "# $pid differs"; diff "$work/before.$pid" "$work/after.$pid" | note; return 1; }
        done
}
check "to the byte" same_as_before
check "each has its own figures, which are true" figures_are_right
check "and the whole is their sum" sum_is_that_of_all
check "sites are shared: one that holds" ask "SELECT count(*) FROM site JOIN frame ON frame.id = site.frame WHERE func = 'hold'" 1
check "the report lists them" test "$("$heaptop" report "$file" | grep -c ' attached .* family')" = 4
json_lists() { "$heaptop" report --json "$file" | grep -c '"came": "attached"'; }
check "as JSON, too" test "$(json_lists)" = 4

# ---- the recorder is killed ----
begin "$work/b.heaptop" record -p $parent --follow-fork
wait_for ask "SELECT count(*) FROM process" 4
recorder_of
kill -9 "$recorder"
status=0
wait $guardian || status=$?
check "kill -9 of the recorder: the guardian repairs all of them" all_untouched $parent $kids
check "and says so" grep -q 'children were repaired' "$work/err"

# ---- one ends, then the parent; the others go on ----
begin "$work/c.heaptop" record -p $parent --follow-fork
wait_for ask "SELECT count(*) FROM process" 4
echo one >&3
check "the end of a child is told" wait_for ask "SELECT count(*) FROM process WHERE ended_ns > 0" 1
echo leave >&3
wait_for is_gone $parent
check "children that outlive their parent are recorded on" wait_for ask "SELECT count(*) FROM process WHERE ended_ns > 0" 2
n_ticks=$(query "$file" 'SELECT count(*) FROM tick')
goes_on() { ask "SELECT count(*) > $n_ticks FROM tick" 1; }
check "tick after tick" wait_for goes_on
for pid in $kids; do kill "$pid" 2>/dev/null; done
status=0
wait $guardian || status=$?
check "the recording ends by itself with the last" test "$status" = 0
check "and says of whom" ask "SELECT count(*) FROM process WHERE ended_ns > 0" 4
exec 3>&-

# ---- from the start ----
rm -f "$work/in" && mkfifo "$work/in"
rm -f "$work/d.heaptop"
file=$work/d.heaptop
"$heaptop" run --follow-fork -o "$file" -- "$family" 2 5000000 <"$work/in" >"$work/family" 2>"$work/err" &
guardian=$!
started="$started $guardian"
exec 3>"$work/in"
wait_for has_lines ^READY 1
check "children forked while it is recorded are found" wait_for ask "SELECT count(*) FROM process WHERE came = 1 AND parent = 1" 2
echo more >&3
wait_for has_lines ^CHILD 2
children_told() { ask "SELECT count(DISTINCT process) FROM process_tick WHERE heap_used > 4000000" 3; }
check "with what they allocate" wait_for children_told
echo quit >&3
exec 3>&-
status=0
wait $guardian || status=$?
check "run ends with all of them" test "$status $(query "$file" 'SELECT count(*) FROM process WHERE ended_ns > 0')" = "0 3"

# ---- without --follow-fork ----
"$edge" forklive 8 >"$work/family" 2>&1 &
parent=$!
started="$started $parent"
wait_for has_lines ^READY 1
begin "$work/e.heaptop" record -p $parent
wait_for has_lines '^CHILD' 1
child=$(sed -n 's/^CHILD //p' "$work/family")
check "otherwise a child only inherits passive hooks" wait_for is_hooked "$child"
wait_for ask "SELECT count(*) > 0 FROM tick" 1
end_recording
check "which are taken out of it at the end, too" all_untouched $parent "$child"
check "and that is said" grep -q 'passive hooks were taken out of 1 child' "$work/err"
status=0
wait $parent || status=$?
check "parent and child end well" test "$status" = 0

# ---- vfork, posix_spawn, a storm of short children ----
start_family vfork 120
wait_for has_lines ^READY 1
begin "$work/f.heaptop" record -p $parent --follow-fork --mean 4K
more_every_time() { ask "SELECT max(allocated_bytes) > 8000000 FROM tick" 1; }
check "a child in its parent's memory (vfork) is left alone, and the parent stays recorded" wait_for more_every_time
end_recording
exec 3>&-
status=0
wait $parent || status=$?
check "neither is harmed" test "$status" = 0

begin "$work/g.heaptop" run --follow-fork -- "$family" spawn 40 true
status=0
wait $guardian || status=$?
check "posix_spawn works as ever" test "$status $(grep -c 'SPAWNED bad=0' "$work/out")" = "0 1"

start_family storm 400
begin "$work/h.heaptop" record -p $parent --follow-fork
wait_for has_lines ^STORM 1
wait_for ask "SELECT count(*) > 0 FROM tick" 1
end_recording
check "a storm of forks passes through" grep -q 'STORM 400 bad=0' "$work/family"
check "and nothing stays in who made it" all_untouched $parent
exec 3>&-
wait $parent

# ---- exec ----
start_family become "$family" 1 5000000
wait_for has_lines ^READY 1
begin "$work/i.heaptop" record -p $parent --follow-exec
wait_for ask "SELECT count(*) > 0 FROM tick" 1
echo go >&3
check "what exec() makes of the target is recorded" wait_for ask "SELECT count(*) FROM process WHERE came = 2 AND pid = $parent" 1
wait_for has_lines ^PARENT 1
echo quit >&3
exec 3>&-
status=0
wait $guardian || status=$?
check "into the same session, with a gap" ask "SELECT count(*) FROM gap WHERE why LIKE '%another program%'" 1
check "and its child is not" ask "SELECT count(*) FROM process" 2
check "until it ends" test "$status" = 0
wait $parent

# ---- servers ----
cat >"$work/fork.py" <<'PY'
import os, signal, sys
pids = []
wait_end, go_end = os.pipe()
for i in range(2):
    pid = os.fork()
    if pid == 0:
        os.close(go_end)
        os.read(wait_end, 1)
        keep = [bytearray(100000) for _ in range(100 * (i + 1))]
        print("CHILD %d %d" % (os.getpid(), 10000000 * (i + 1)), flush=True)
        signal.pause()
    pids.append(pid)
print("READY", flush=True)
sys.stdin.readline()
os.close(go_end)
sys.stdin.readline()
for pid in pids:
    os.kill(pid, 15)
    os.waitpid(pid, 0)
PY
python_workers() {
        [ -x /usr/bin/python3 ] || return 0
        rm -f "$work/in" && mkfifo "$work/in"
        file=$work/j.heaptop
        "$heaptop" run --follow-fork -o "$file" -- /usr/bin/python3 "$work/fork.py" <"$work/in" >"$work/family" 2>"$work/err" &
        guardian=$!
        started="$started $guardian"
        exec 3>"$work/in"
        wait_for has_lines ^READY 1 && wait_for ask "SELECT count(*) FROM process" 3 || { note <"$work/err"; return 1; }
        echo go >&3
        wait_for has_lines ^CHILD 2 || { note <"$work/family"; return 1; }
        kids=$(children_of)
        for pid in $kids; do
                want=$(sed -n "s/^CHILD $pid //p" "$work/family")
                held() { ask "SELECT max(heap_used) > $want FROM process_tick JOIN process ON process.id = process WHERE pid = $pid" 1; }
                wait_for held || { query "$file" 'SELECT * FROM process' | note; return 1; }
        done
        echo >&3
        exec 3>&-
        wait $guardian || { note <"$work/err"; return 1; }
}
check "a python server's workers have their own figures" python_workers

nginx_workers() {
        command -v nginx >/dev/null || return 0
        mkdir -p "$work/nginx" && chmod 755 "$work" "$work/nginx"
        cat >"$work/nginx/conf" <<NGINX
daemon off; worker_processes 2; pid $work/nginx/pid; error_log $work/nginx/log;
events { worker_connections 64; }
http { access_log off; client_body_temp_path $work/nginx/a; proxy_temp_path $work/nginx/b; fastcgi_temp_path $work/nginx/c;
  uwsgi_temp_path $work/nginx/d; scgi_temp_path $work/nginx/e;
  server { listen unix:$work/nginx/socket; return 200 "good"; } }
NGINX
        file=$work/k.heaptop
        "$heaptop" run --follow-fork -o "$file" -- nginx -c "$work/nginx/conf" >"$work/out" 2>"$work/err" &
        guardian=$!
        started="$started $guardian"
        wait_for ask "SELECT count(*) FROM process WHERE comm = 'nginx'" 3 || { note <"$work/err"; query "$file" 'SELECT text FROM event' | note; return 1; }
        kill -QUIT "$(cat "$work/nginx/pid")"
        wait $guardian
        ask "SELECT count(*) FROM process WHERE ended_ns > 0" 3
}
check "nginx is recorded with its workers" nginx_workers
the_end
