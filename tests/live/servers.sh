# servers: what the tests of real programs share beside lib.sh, which this sources. Programs run in the background, each with its
# output in $work/NAME.out; load.py keeps a server busy and checks its answers.
. "$HEAPTOP_SRC/tests/live/lib.sh"
python=/usr/bin/python3
here=$HEAPTOP_SRC/tests/live

# A port that nobody listens on.
free_port() {
        "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# start NAME COMMAND...: sets $program and its $pid
start() {
        program=$1
        shift
        "$@" >"$work/$program.out" 2>&1 &
        pid=$!
        started="$started $pid"
}

ready() {
        wait_for grep -qs READY "$work/$1.out"
}

# load KIND PORT: asks and checks until load_ends, the next load or the end of the script
load() {
        load=load-$1
        mkfifo "$work/$load.in"
        "$python" "$here/load.py" "$1" "$2" <"$work/$load.in" >"$work/$load.out" 2>&1 &
        load_pid=$!
        started="$started $load_pid"
        exec 9>"$work/$load.in"
        ready "$load"
}

load_ends() {
        exec 9>&-
        wait "$load_pid"
        result=$?
        note <"$work/$load.out"
        return $result
}

# Each of these sets $program, $pid and $port.
start_redis() {
        port=$(free_port)
        start redis redis-server --port "$port" --bind 127.0.0.1 --save '' --dir "$work"
}

start_nginx() {
        port=$(free_port)
        mkdir -p "$work/www"
        head -c 3000 /dev/zero | tr '\0' x >"$work/www/index.html"
        cat >"$work/nginx.conf" <<CONF
daemon off; master_process off; pid $work/nginx.pid; error_log $work/nginx.err;
events { worker_connections 64; }
http { access_log off; keepalive_requests 1000000000; client_body_temp_path $work/t1; proxy_temp_path $work/t2;
  fastcgi_temp_path $work/t3; uwsgi_temp_path $work/t4; scgi_temp_path $work/t5;
  server { listen 127.0.0.1:$port; root $work/www; } }
CONF
        start nginx nginx -c "$work/nginx.conf" -p "$work"
}
