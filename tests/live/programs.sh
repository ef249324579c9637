#!/bin/sh
# Real programs under load are attached to, watched, detached from and attached to again. Each goes on with right
# answers, and nothing of ours is left in it: no mapping, descriptor or thread, and its code is as before.
. "$HEAPTOP_SRC/tests/live/servers.sh"
need_ptrace
need_program redis-server memcached nginx node $python

# On a machine too busy to stop all its threads in time heaptop says: try again.
is_watched() {
        for attempt in 1 2 3 4 5; do
                status_of "$heaptop" record -p "$pid" -o "$work/$program-$round.heaptop" -d 3s --mean 16K
                note <"$work/err"
                grep -q 'nothing was changed, try again' "$work/err" || break
        done
        [ "$status" = 0 ]
}

# is_named FUNCTION: the report names it (a basic regular expression)
is_named() {
        status_of "$heaptop" report "$work/$program-$round.heaptop"
        grep -q "$1" "$work/out" || { head -n 60 "$work/out" | note; return 1; }
}

is_as_before() {
        fingerprint "$pid" "$work/after"
        diff "$work/before" "$work/after" | head -n 20 | note
        cmp -s "$work/before" "$work/after"
}

# watch FUNCTION: attaches twice
watch() {
        fingerprint "$pid" "$work/before"
        for round in 1 2; do
                check "$program is attached to, watched and left, time $round" is_watched
                check "$program's report names its own functions, time $round" is_named "$1"
        done
        check "$program is as it was before" is_as_before
}

# served: the load got right answers only and the program is still there
served() {
        load_ends && kill -0 "$pid" 2>/dev/null
}

goes_on() {
        kill -0 "$pid" 2>/dev/null && ! grep -q wrong "$work/$program.out"
}

plan 30

start_redis
load redis "$port"
watch 'redis-server+0x\|processCommand\|readQueryFromClient'
check "redis answered rightly all the time" served

port=$(free_port)
start memcached memcached -p "$port" -l 127.0.0.1 -u root -m 2048
load memcached "$port"
watch 'memcached+0x'
check "memcached answered rightly all the time" served

start_nginx
load http "$port"
watch 'nginx+0x\|ngx_'
check "nginx answered rightly all the time" served

start python "$python" "$here/grow.py"
ready python
watch 'python3.11+0x\|PyByteArray\|PyBytes'
check "python goes on and its data are right" goes_on

start node node "$here/grow.js"
ready node
watch 'node::'
check "node goes on and its data are right" goes_on
the_end
