#!/bin/sh
# heaptop doctor says what is missing, and what to do: for this machine and for a process.
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_ptrace
need_program setpriv unshare
[ "$(id -u)" = 0 ] || skip_all "only root can give rights away"
kinds=$HEAPTOP_BUILD/tests/targets/kinds

# says STATUS WORDS COMMAND...: exit status and a line
says() {
        wanted=$1 words=$2
        shift 2
        status_of "$@"
        [ "$status" = "$wanted" ] && grep -q -e "$words" "$work/out" || { note <"$work/out"; return 1; }
}
start() {
        : >"$work/target"
        "$@" >"$work/target" 2>&1 &
        target=$!
        started="$started $target"
        wait_for grep -q READY "$work/target"
}

plan 12
start "$kinds" work 600
plain=$target
check "all is well here" says 0 "^ok .*calls of an attach" "$heaptop" doctor
check "the capabilities are named" says 0 "CAP_SYS_PTRACE; CAP_SYS_ADMIN" "$heaptop" doctor
check "and what is missed without one" says 0 "without CAP_SYS_ADMIN: a process under a seccomp filter" \
        setpriv --inh-caps=-all --bounding-set=-sys_admin "$heaptop" doctor
check "a process that can be watched" says 0 "^ok .*process $plain" "$heaptop" doctor $plain
check "where its session would land" says 0 "$XDG_STATE_HOME/heaptop/kinds-$plain-" "$heaptop" doctor $plain
check "what to do without CAP_SYS_PTRACE" says 77 "-> .*cap-add SYS_PTRACE" \
        setpriv --inh-caps=-all --bounding-set=-sys_ptrace "$heaptop" doctor $plain
start "$kinds" allowed 600
check "a filter and what becomes of it" says 0 "seccomp .*suspended while heaptop attaches" "$heaptop" doctor $target
check "a filter that cannot be suspended" says 77 "-> .*needs CAP_SYS_ADMIN" \
        setpriv --inh-caps=-all --bounding-set=-sys_admin "$heaptop" doctor $target
check "heaptop's own filter" says 0 "heaptop itself is under a filter" "$kinds" under "$heaptop" doctor
check "who fetches debug information, and from where" says 0 "fetched from http://127.0.0.1:1 as uid $(id -u nobody), kept in $work/cache\|libdebuginfod is not installed" \
        env DEBUGINFOD_URLS=http://127.0.0.1:1 DEBUGINFOD_CACHE_PATH="$work/cache" "$heaptop" doctor
start unshare -mpf --mount-proc "$kinds" work 600
inner=$(cat "/proc/$target/task/$target/children")
started="$started $inner"
check "namespaces of its own" says 0 "pid, mnt; there it is process 1" "$heaptop" doctor ${inner% }
check "a container that heaptop is in" says 0 "^note .*container " unshare -mpf --mount-proc "$heaptop" doctor
the_end
