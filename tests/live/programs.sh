#!/bin/bash
# Real programs under load are attached to, watched, detached from and attached to again. Each goes on with right
# answers, and nothing of ours is left in it: no mapping, descriptor or thread, and its code is as before.
set -u
heaptop=$HEAPTOP_BUILD/heaptop
fingerprint=$HEAPTOP_BUILD/tests/live/fingerprint
here=$HEAPTOP_SRC/tests/live
python=/usr/bin/python3
dir=$(mktemp -d)
started=()

cleanup() {
        for pid in "${started[@]}"; do
                kill "$pid" 2>/dev/null
                wait "$pid" 2>/dev/null
        done
        rm -rf "$dir"
}
trap cleanup EXIT

for program in redis-server memcached nginx node "$python"; do
        command -v "$program" >/dev/null || missing="${missing:-} $program"
done
if [ -n "${missing:-}" ]; then
        echo "1..0 # SKIP not installed:$missing"
        exit 0
fi

n=0
ok() {
        n=$((n + 1))
        echo "ok $n - $1"
}
fail() {
        n=$((n + 1))
        echo "not ok $n - $1"
        shift
        printf '# %s\n' "$@"
}

# A port that nobody listens on.
free_port() {
        "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# start NAME COMMAND...: runs it in the background; its pid is in $pid
start() {
        local name=$1
        shift
        "$@" >"$dir/$name.out" 2>&1 &
        pid=$!
        started+=("$pid")
}

# ready NAME: waits until its output says READY, at most 30 s
ready() {
        timeout 30 bash -c 'until grep -q READY "$0"; do read -rt 0.05 <> <(:); done' "$dir/$1.out"
}

# load KIND PORT: asks and checks until load_ends
load() {
        mkfifo "$dir/load.in"
        "$python" "$here/load.py" "$1" "$2" <"$dir/load.in" >"$dir/load.out" 2>&1 &
        load_pid=$!
        started+=("$load_pid")
        exec 9>"$dir/load.in"
        ready load
}

load_ends() {
        exec 9>&-
        wait "$load_pid"
        local status=$?
        rm -f "$dir/load.in"
        return "$status"
}

# watch NAME PID FUNCTION: attaches twice; the report of both sessions names FUNCTION (a basic regular expression)
watch() {
        local name=$1 pid=$2 function=$3 round
        "$fingerprint" "$pid" >"$dir/before"
        for round in 1 2; do
                if ! "$heaptop" record -p "$pid" -o "$dir/$name-$round.heaptop" -d 3s --mean 16K >"$dir/record" 2>&1; then
                        fail "$name is recorded, time $round" "$(cat "$dir/record")"
                        return
                fi
                if ! "$heaptop" report "$dir/$name-$round.heaptop" >"$dir/$name-$round.report" 2>&1; then
                        fail "$name has a report, time $round" "$(head -5 "$dir/$name-$round.report")"
                        return
                fi
                if grep -q "$function" "$dir/$name-$round.report"; then
                        ok "$name is attached to, watched and left, time $round, and names $function"
                else
                        fail "$name names $function, time $round" "$(head -60 "$dir/$name-$round.report")"
                fi
        done
        "$fingerprint" "$pid" >"$dir/after"
        if cmp -s "$dir/before" "$dir/after"; then
                ok "$name is as it was before"
        else
                fail "$name is as it was before" "$(diff "$dir/before" "$dir/after" | head -20)"
        fi
}

# served NAME: the load got right answers only and the program is still there
served() {
        if load_ends && kill -0 "$pid" 2>/dev/null; then
                ok "$1 answered rightly all the time: $(tail -n 1 "$dir/load.out")"
        else
                fail "$1 answered rightly all the time" "$(tail -n 3 "$dir/load.out")"
        fi
}

echo 1..20

port=$(free_port)
start redis redis-server --port "$port" --bind 127.0.0.1 --save '' --dir "$dir"
load redis "$port"
watch redis "$pid" 'redis-server+0x\|processCommand\|readQueryFromClient'
served redis

port=$(free_port)
start memcached memcached -p "$port" -l 127.0.0.1 -u root -m 64
load memcached "$port"
watch memcached "$pid" 'memcached+0x'
served memcached

port=$(free_port)
mkdir -p "$dir/www"
head -c 3000 /dev/zero | tr '\0' x >"$dir/www/index.html"
cat >"$dir/nginx.conf" <<END
daemon off; master_process off; pid $dir/nginx.pid; error_log $dir/nginx.err;
events { worker_connections 64; }
http { access_log off; keepalive_requests 1000000000; client_body_temp_path $dir/t1; proxy_temp_path $dir/t2;
  fastcgi_temp_path $dir/t3; uwsgi_temp_path $dir/t4; scgi_temp_path $dir/t5;
  server { listen 127.0.0.1:$port; root $dir/www; } }
END
start nginx nginx -c "$dir/nginx.conf" -p "$dir"
load http "$port"
watch nginx "$pid" 'nginx+0x\|ngx_'
served nginx

start python "$python" "$here/grow.py"
ready python
watch python "$pid" 'python3.11+0x\|PyByteArray\|PyBytes'
if kill -0 "$pid" 2>/dev/null && ! grep -q wrong "$dir/python.out"; then
        ok "python goes on and its data are right"
else
        fail "python goes on and its data are right" "$(tail -n 3 "$dir/python.out")"
fi

start node node "$here/grow.js"
ready node
watch node "$pid" 'node::'
if kill -0 "$pid" 2>/dev/null; then
        ok "node goes on and its data are right"
else
        wait "$pid"
        fail "node goes on and its data are right" "exit status $?" "$(tail -n 3 "$dir/node.out")"
fi
