# lib: what the live tests share. Source it; then plan N, and for each point: ok / not ok through check.
#
# Nothing here waits for a time: wait_for polls a condition, a bounded number of times. Only processes that the test started are
# ended, by their pid.

heaptop=$HEAPTOP_BUILD/heaptop
[ -x "$heaptop" ] || { echo "Bail out! $heaptop is missing"; exit 99; }
service_program=$HEAPTOP_BUILD/heaptop-demo
work=$(mktemp -d "${TMPDIR:-/tmp}/heaptop-test.XXXXXX") || exit 99
started=
# a sanitizer makes all of ours several times slower: targets that end by themselves live longer then
slow=${HEAPTOP_SANITIZED:+4}
slow=${slow:-1}
n_tests=0
n_failed=0
export XDG_STATE_HOME=$work/state XDG_CONFIG_HOME=$work/config XDG_RUNTIME_DIR=$work/run LC_ALL=C.UTF-8 TZ=UTC
unset DEBUGINFOD_URLS DEBUGINFOD_CACHE_PATH SUDO_UID SUDO_GID NO_COLOR HEAPTOP_TEST_FD HEAPTOP_CLOCK
mkdir -p "$work/run" && chmod 700 "$work/run"

clean_up() {
        for pid in $started; do
                kill -9 "$pid" 2>/dev/null
        done
        rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

skip_all() {
        echo "1..0 # SKIP $*"
        exit 0
}

# Skips the whole script where no process can be traced.
need_ptrace() {
        "$heaptop" doctor >"$work/doctor" 2>&1 || skip_all "no ptrace here: $(grep FAIL "$work/doctor" | head -n 1)"
}

need_program() {
        for program in "$@"; do
                command -v "$program" >/dev/null 2>&1 || skip_all "no $program here"
        done
}

plan() {
        echo "1..$1"
}

# check NAME COMMAND...: one test point.
check() {
        check_name=$1
        shift
        n_tests=$((n_tests + 1))
        if "$@"; then
                echo "ok $n_tests - $check_name"
        else
                echo "not ok $n_tests - $check_name"
                n_failed=$((n_failed + 1))
        fi
}

note() {
        sed 's/^/# /'
}

# wait_for COMMAND...: until it succeeds; at most 30 s.
wait_for() {
        polls=0
        until "$@"; do
                polls=$((polls + 1))
                [ $polls -lt 600 ] || return 1
                sleep 0.05
        done
}

is_gone() {
        [ ! -d "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null
}

is_untraced() {
        grep -q '^TracerPid:.0$' "/proc/$1/status"
}

# The target is as if nobody had been there: runs, untraced, and nothing of ours is mapped.
is_untouched() {
        [ -d "/proc/$1" ] && is_untraced "$1" &&
                ! grep -q 'memfd:heaptop' "/proc/$1/maps"
}

is_hooked() {
        grep -q 'memfd:heaptop' "/proc/$1/maps"
}

has_debuginfod() {
        find /lib /lib64 /usr/lib /usr/lib64 -name libdebuginfod.so.1 2>/dev/null | grep -q .
}

# Starts the demo service; sets $service, its truth goes to $work/truth.
start_service() {
        mkfifo "$work/ready.$$" 
        "$service_program" "$work/truth" >"$work/ready.$$" 2>/dev/null &
        service=$!
        started="$started $service"
        read -r ready <"$work/ready.$$"
        rm "$work/ready.$$"
        [ "$ready" = READY ]
}

# child_of GUARDIAN: the process that reads debug information for the recorder that GUARDIAN started; its pid is in $child
child_of() {
        for stat in /proc/[0-9]*/stat; do
                read -r pid name state parent rest 2>/dev/null <"$stat" || continue
                [ "$name" = '(heaptop-dwarf)' ] || continue
                read -r parent name state grandparent rest 2>/dev/null <"/proc/$parent/stat" || continue
                [ "$grandparent" = "$1" ] || continue
                child=$pid
                return 0
        done
        return 1
}

same_fingerprint_again() {
        mv "$2" "$2.last" 2>/dev/null
        "$HEAPTOP_BUILD/tests/live/fingerprint" "$1" >"$2"
        cmp -s "$2" "$2.last"
}

# fingerprint PID FILE: once it does not move any more (a thread begins with its signals blocked)
fingerprint() {
        rm -f "$2"
        wait_for same_fingerprint_again "$1" "$2"
}

# status_of COMMAND...: runs it, output to $work/out and $work/err; sets $status.
status_of() {
        status=0
        "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
}

is_one_sentence() {
        [ "$(wc -l <"$work/err")" -eq 1 ] && [ ! -s "$work/out" ] && grep -q '^heaptop: .' "$work/err"
}

# query FILE SQL
query() {
        sqlite3 -readonly "$1" "$2"
}

the_end() {
        [ $n_failed -eq 0 ]
        exit $?
}
