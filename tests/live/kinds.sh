#!/bin/sh
# Kinds of process: stopped, in namespaces, in a chroot, another user's, under seccomp, guarded, ending, spawning. Each is watched
# and left as it was, or refused in one sentence and left alone. (Frozen ones: kinds-frozen.sh.)
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_ptrace
need_program /usr/bin/python3 setpriv unshare nsenter
[ "$(id -u)" = 0 ] || skip_all "only root can make all these kinds"
chmod 711 "$work"
tool=$HEAPTOP_BUILD/tests/live/attach_tool
kinds=$HEAPTOP_BUILD/tests/targets/kinds
n_sessions=0
changing=

# start COMMAND...: in the background; its pid in $target
start() {
        : >"$work/target"
        "$@" >"$work/target" 2>&1 &
        target=$!
        started="$started $target"
        wait_for grep -q READY "$work/target" || { note <"$work/target"; return 1; }
}

# records NAME: 3 s of $target, with its own function in the report (NAME), and is as it was afterwards. RECORD: the command.
records() {
        n_sessions=$((n_sessions + 1))
        file=${dir:-$work}/$n_sessions.heaptop
        fingerprint $target "$work/before"
        status_of ${RECORD:-"$heaptop"} record -p $target -o "$file" -d 3s --mean 16K
        note <"$work/err"
        [ "$status" = 0 ] || return 1
        fingerprint $target "$work/after"
        if [ -n "$changing" ]; then # who spawns blocks its signals for that
                sed -i '/SigBlk/d' "$work/before" "$work/after"
        fi
        diff "$work/before" "$work/after" | head -n 20 | note
        cmp -s "$work/before" "$work/after" || return 1
        status_of "$heaptop" report "$file"
        grep -q "$1" "$work/out" || { head -n 40 "$work/out" | note; return 1; }
}

# is_refused WORDS [COMMAND...]: with one sentence that holds WORDS
is_refused() {
        words=$1
        shift
        status_of "$@" "$heaptop" record -p $target -o "${dir:-$work}/refused.heaptop" -d 1s
        note <"$work/err"
        [ "$status" != 0 ] && is_one_sentence && grep -q "$words" "$work/err"
}

# ends_well: by itself, with status 0
ends_well() {
        wait $target
        result=$?
        grep -v READY "$work/target" | note
        return $result
}

# ends_when_told: so does tests/targets/kinds
ends_when_told() {
        kill -USR1 $target
        ends_well
}

# ---- stopped ----

is_stopped() { grep -q '^State:.T' "/proc/$target/status"; }
stays_stopped() {
        kill -STOP $target
        wait_for is_stopped
        "$heaptop" record -p $target -o "$work/stopped.heaptop" --mean 16K >"$work/record" 2>&1 &
        recorder=$!
        started="$started $recorder"
        wait_for is_hooked $target && wait_for is_stopped
}
has_samples() { [ "$(query "$work/stopped.heaptop" 'SELECT coalesce(max(samples), 0) > 100 FROM tick' 2>/dev/null)" = 1 ]; }
samples_flow() {
        kill -CONT $target
        wait_for has_samples
}
# A thread that was stopped in the middle of the probe cannot leave it: then passive code stays until it is continued.
ends_stopped() {
        kill -STOP $target
        kill -INT $recorder
        wait $recorder
        result=$?
        note <"$work/record"
        [ $result = 130 ] && is_stopped || return 1
        kill -CONT $target
        status_of "$heaptop" detach $target
        is_untouched $target && kill $target
}

# ---- elsewhere ----

# The pid of the program in the namespaces that `unshare` (which is $target) made
find_inner() {
        inner=$(cat "/proc/$target/task/$target/children")
        [ -n "$inner" ]
}
in_namespaces() {
        start unshare -Urmpf --mount-proc sh -c \
                'mount -t tmpfs none /mnt && cp "$1" /mnt/boxed && exec /mnt/boxed work 60' sh "$kinds" || return 1
        wait_for find_inner || return 1
        outer=$target
        target=${inner% }
        grep -q 'NSpid:.*[[:space:]]1$' "/proc/$target/status" && [ ! -e /mnt/boxed ] && records keep_and_check
        result=$?
        kill -9 $target
        wait $outer 2>/dev/null
        return $result
}
# docker run --pid=container:X, kubectl debug --target: the same processes, other files
beside_it() {
        start unshare -mpf --mount-proc sh -c \
                'mount -t tmpfs none /mnt && cp "$1" /mnt/boxed && exec /mnt/boxed work 60' sh "$kinds" || return 1
        wait_for find_inner || return 1
        outer=$target
        target=${inner% }
        status_of nsenter -t $target -p unshare -m sh -c \
                'mount -t proc none /proc && "$1" record -p 1 -o "$2" -d 3s --mean 16K' sh "$heaptop" "$work/beside.heaptop"
        note <"$work/err"
        [ "$status" = 0 ] && is_untouched $target && "$heaptop" report "$work/beside.heaptop" | grep -q keep_and_check
        result=$?
        kill -9 $target
        wait $outer 2>/dev/null
        return $result
}
in_chroot() {
        mkdir -p "$work/jail"
        cp "$kinds" "$work/jail/jailed"
        for library in $(ldd "$kinds" | grep -o '/[^ ]*'); do
                mkdir -p "$work/jail/${library%/*}"
                cp "$library" "$work/jail/$library"
        done
        start chroot "$work/jail" /jailed work 60 && records keep_and_check
        result=$?
        kill $target
        return $result
}

# ---- who may ----

as_tracer="setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all,+sys_ptrace --ambient-caps=+sys_ptrace
--bounding-set=-all,+sys_ptrace"
by_capability_alone() {
        dir=$work/nobody
        mkdir -p "$dir" && chown 65534:65534 "$dir"
        start "$kinds" guarded 60 && RECORD="env XDG_STATE_HOME=$dir XDG_RUNTIME_DIR=$dir $as_tracer $heaptop" records keep_and_check
        result=$?
        dir=
        kill $target
        [ $result = 0 ] && [ "$(stat -c %u "$work/nobody/$n_sessions.heaptop")" = 65534 ]
}
without_capability() {
        start "$kinds" work 60 || return 1
        dir=$work/nobody
        is_refused "belongs to root; try: sudo" env XDG_RUNTIME_DIR= setpriv --reuid=65534 --regid=65534 --clear-groups \
                --bounding-set=-all
        result=$?
        dir=
        kill $target
        return $result
}
root_without_capability() {
        start "$kinds" work 60 || return 1
        is_refused "this root lacks CAP_SYS_PTRACE" setpriv --inh-caps=-all --bounding-set=-sys_ptrace
        result=$?
        kill $target
        return $result
}

# ---- seccomp ----

is_watched_under() {
        start "$kinds" "$@" && records keep_and_check && ends_when_told
}
is_refused_under() {
        start "$kinds" filter 600 "$1" && is_refused "its seccomp filter would" && is_untouched $target && ends_when_told
}
needs_admin() {
        start "$kinds" allowed 600 && is_refused "needs CAP_SYS_ADMIN" setpriv --inh-caps=-all --bounding-set=-sys_admin &&
                is_untouched $target && ends_when_told
}
# A container whose runtime gave all its processes the same filter, and a heaptop in it without CAP_SYS_ADMIN.
shares_filters() {
        mkfifo "$work/shared"
        status_of unshare -pmf --mount-proc "$kinds" under setpriv --inh-caps=-all --bounding-set=-sys_admin sh -c \
                '"$2" work 8 >"$4" & read -r ready <"$4" && "$1" record -p $! -o "$3" -d 2s --mean 16K && wait $!' \
                sh "$heaptop" "$kinds" "$work/shared.heaptop" "$work/shared"
        note <"$work/err"
        [ "$status" = 0 ] || return 1
        status_of "$heaptop" report "$work/shared.heaptop"
        grep -q keep_and_check "$work/out"
}
runs_under_filter() {
        status_of "$kinds" under setpriv --inh-caps=-all --bounding-set=-sys_admin \
                "$heaptop" run -o "$work/run.heaptop" --mean 16K -- "$kinds" work 2
        note <"$work/err"
        [ "$status" = 0 ] || return 1
        status_of "$heaptop" report "$work/run.heaptop" --at -1s
        grep -q keep_and_check "$work/out" || { note <"$work/out"; return 1; }
}

# ---- what cannot be watched ----

zombie_is_refused() {
        start "$kinds" zombie 60 || return 1
        parent=$target
        target=$(awk '/CHILD/ { print $2 }' "$work/target")
        is_refused "it has ended"
        result=$?
        kill $parent
        return $result
}
kernel_thread_is_refused() {
        target=2
        is_refused "it is a kernel thread"
}
# 32-bit code for: pause() for ever
make_32bit() {
        /usr/bin/python3 - "$1" <<'END'
import os, struct, sys
base, code = 0x08048000, b"\xb8\x1d\x00\x00\x00\xcd\x80\xeb\xf7"
head = b"\x7fELF\x01\x01\x01" + bytes(9) + struct.pack("<HHIIIIIHHHHHH", 2, 3, 1, base + 84, 52, 0, 0, 52, 32, 1, 0, 0, 0)
load = struct.pack("<IIIIIIII", 1, 0, base, base, 84 + len(code), 84 + len(code), 5, 4096)
with open(sys.argv[1], "wb") as file:
    file.write(head + load + code)
os.chmod(sys.argv[1], 0o755)
END
}
is_paused() { grep -q '^State:.S' "/proc/$target/status"; }
a_32bit_program_is_refused() {
        make_32bit "$work/thirty-two"
        "$work/thirty-two" &
        target=$!
        started="$started $target"
        wait_for is_paused || { echo "# this kernel runs none"; return 0; }
        is_refused "it is a 32-bit program" && is_paused
        result=$?
        kill $target
        return $result
}

# ---- births and deaths ----

# dies_under COMMAND...: a target that ends while the command attaches, watches or detaches; it must end by itself with status 0
dies_under() {
        for ms in 15 40 70 100 130 170 210 260 320 400; do
                start "$kinds" dies $ms || return 1
                "$@" $target 1000 1 >"$work/tool" 2>&1
                code=$?
                [ $code = 3 ] || [ $code = 1 ] || { note <"$work/tool"; return 1; }
                ends_well || { note <"$work/tool"; return 1; }
        done
}
# The recorder's session is complete, too.
dies_recorded() {
        for ms in 60 150 500; do
                start "$kinds" dies $ms || return 1
                status_of "$heaptop" record -p $target -o "$work/dies-$ms.heaptop"
                ends_well || return 1
                [ "$status" = 0 ] || [ "$status" = 66 ] || { note <"$work/err"; return 1; }
                [ "$status" = 66 ] || [ "$(query "$work/dies-$ms.heaptop" 'SELECT ended_ns > 0 FROM session')" = 1 ] || return 1
        done
}
spawns() {
        start "$kinds" spawn 600 || return 1
        "$tool" cycle $target 15 5 >"$work/tool" 2>&1
        code=$?
        note <"$work/tool"
        ends_when_told && [ $code = 0 ]
}
spawns_recorded() {
        changing=yes
        start "$kinds" spawn 600 && records keep_and_check && ends_when_told
        result=$?
        changing=
        return $result
}
is_a_circle() {
        timeout 120 "$tool" circle 20 >"$work/tool" 2>&1
        result=$?
        note <"$work/tool"
        return $result
}
leader_is_gone() {
        start "$HEAPTOP_BUILD/tests/targets/edge" leader $((8 * slow)) && records edge_churn && ends_well
}

plan 25
start "$kinds" work 60
check "a stopped process is attached to and stays stopped" stays_stopped
check "its samples flow when it is continued" samples_flow
check "and a detach leaves it stopped" ends_stopped
check "PID 1 of its own user, mount and pid namespaces, from a file that only it sees" in_namespaces
check "and from a second container that shares its pid namespace" beside_it
check "a program in a chroot" in_chroot
check "another user's undumpable program, by CAP_SYS_PTRACE alone" by_capability_alone
check "another user's is refused without it, with what to do" without_capability
check "so it is for a root without it" root_without_capability
check "a seccomp filter that allows what is needed" is_watched_under allowed 600
check "one that refuses it with an errno" is_watched_under filter 600 errno
check "one that kills for it is refused, unharmed" is_refused_under kill
check "one that sends a signal for it, too" is_refused_under trap
check "suspending a filter needs CAP_SYS_ADMIN" needs_admin
check "but not inside of the same container" shares_filters
check "nor for a program that heaptop runs" runs_under_filter
check "a zombie is refused" zombie_is_refused
check "a kernel thread is refused" kernel_thread_is_refused
check "a 32-bit program is refused" a_32bit_program_is_refused
check "a target that ends during attach and detach" dies_under "$tool" cycle
check "a target that ends while it is recorded" dies_recorded
check "storms of vfork, posix_spawn and fork during attach and detach" spawns
check "and while it is recorded" spawns_recorded
check "a leader that has ended by pthread_exit" leader_is_gone
check "two heaptops that watch each other do not wait for ever" is_a_circle
the_end
