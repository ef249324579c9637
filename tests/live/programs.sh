#!/bin/sh
# Real programs under load are attached to, watched, detached from and attached to again. Each goes on with right
# answers, and nothing of ours is left in it: no mapping, descriptor or thread, and its code is as before.
. "$HEAPTOP_SRC/tests/live/lib.sh"
python=/usr/bin/python3
need_ptrace
need_program redis-server memcached nginx node $python
here=$HEAPTOP_SRC/tests/live

# A port that nobody listens on.
free_port() {
        "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# start NAME COMMAND...: runs it in the background; its pid is in $pid
start() {
        program=$1
        shift
        "$@" >"$work/$program.out" 2>&1 &
        pid=$!
        started="$started $pid"
}

ready() {
        wait_for grep -q READY "$work/$1.out"
}

# load KIND PORT: asks and checks until load_ends
load() {
        mkfifo "$work/load.in"
        "$python" "$here/load.py" "$1" "$2" <"$work/load.in" >"$work/load.out" 2>&1 &
        load_pid=$!
        started="$started $load_pid"
        exec 9>"$work/load.in"
        ready load
}

load_ends() {
        exec 9>&-
        wait "$load_pid"
        result=$?
        rm -f "$work/load.in"
        note <"$work/load.out"
        return $result
}

is_watched() {
        status_of "$heaptop" record -p "$pid" -o "$work/$program-$round.heaptop" -d 3s --mean 16K
        note <"$work/err"
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

port=$(free_port)
start redis redis-server --port "$port" --bind 127.0.0.1 --save '' --dir "$work"
load redis "$port"
watch 'redis-server+0x\|processCommand\|readQueryFromClient'
check "redis answered rightly all the time" served

port=$(free_port)
start memcached memcached -p "$port" -l 127.0.0.1 -u root -m 2048
load memcached "$port"
watch 'memcached+0x'
check "memcached answered rightly all the time" served

port=$(free_port)
mkdir -p "$work/www"
head -c 3000 /dev/zero | tr '\0' x >"$work/www/index.html"
cat >"$work/nginx.conf" <<END
daemon off; master_process off; pid $work/nginx.pid; error_log $work/nginx.err;
events { worker_connections 64; }
http { access_log off; keepalive_requests 1000000000; client_body_temp_path $work/t1; proxy_temp_path $work/t2;
  fastcgi_temp_path $work/t3; uwsgi_temp_path $work/t4; scgi_temp_path $work/t5;
  server { listen 127.0.0.1:$port; root $work/www; } }
END
start nginx nginx -c "$work/nginx.conf" -p "$work"
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
