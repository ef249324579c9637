#!/bin/sh
# Targets that are frozen by their cgroup (docker pause): before an attach, in the middle of one, while they are watched. It is
# said in words, nothing waits for the thaw, and afterwards the target is right. Both freezers, v1 and v2, where there are any.
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_ptrace
[ "$(id -u)" = 0 ] || skip_all "only root can make cgroups"
name=heaptop-test-$$
v2= v1=
for dir in /sys/fs/cgroup /sys/fs/cgroup/unified; do
        [ -f "$dir/cgroup.controllers" ] && mkdir "$dir/$name" 2>/dev/null && v2=$dir/$name
done
[ -d /sys/fs/cgroup/freezer ] && mkdir "/sys/fs/cgroup/freezer/$name" 2>/dev/null && v1=/sys/fs/cgroup/freezer/$name
[ -n "$v1$v2" ] || skip_all "no freezer here"

# The target must leave before its cgroup can go.
remove_groups() {
        for dir in $v1 $v2; do
                thaw "$dir"
                for pid in $(cat "$dir/cgroup.procs"); do
                        kill -9 "$pid"
                done
                wait_for rmdir "$dir" 2>/dev/null
        done
        clean_up
}
trap remove_groups EXIT

switch() {
        case $1 in
        "$v1") echo "$1/freezer.state FROZEN THAWED" ;;
        *) echo "$1/cgroup.freeze 1 0" ;;
        esac
}
freeze() {
        set -- $(switch "$1")
        echo "$2" >"$1"
}
thaw() {
        set -- $(switch "$1")
        echo "$3" >"$1"
}

# start in DIR
start() {
        "$HEAPTOP_BUILD/tests/targets/churn" 3 3600 2000 >"$work/churn" 2>&1 &
        target=$!
        started="$started $target"
        echo $target >"$1/cgroup.procs"
        wait_for grep -q READY "$work/churn"
        fingerprint $target "$work/before"
}

is_refused() {
        freeze "$1"
        status_of "$heaptop" record -p $target -o "$work/a.heaptop" -d 2s
        thaw "$1"
        note <"$work/err"
        [ "$status" = 75 ] && is_one_sentence && grep -q "frozen.*thaw it first.*$1/" "$work/err" && is_untouched $target
}

is_said_by_the_doctor() {
        freeze "$1"
        status_of "$heaptop" doctor $target
        thaw "$1"
        [ "$status" != 0 ] && grep -q "frozen" "$work/out"
}

never_waits() {
        "$HEAPTOP_BUILD/tests/live/freeze_tool" $target $(switch "$1") >"$work/tool" 2>&1
        result=$?
        note <"$work/tool"
        return $result
}

is_recording() { [ -s "$work/b.heaptop" ] && is_hooked $target; }
has_ended() { is_gone $recorder; }

# The recorder cannot take out all while the target is frozen; it ends, says so, and after the thaw all can be removed.
ends_while_frozen() {
        rm -f "$work/b.heaptop"
        "$heaptop" record -p $target -o "$work/b.heaptop" >"$work/record" 2>&1 &
        recorder=$!
        started="$started $recorder"
        wait_for is_recording || return 1
        freeze "$1"
        kill -INT $recorder
        wait_for has_ended
        ended=$?
        thaw "$1"
        note <"$work/record"
        status_of "$heaptop" detach $target
        [ $ended = 0 ] && grep -q frozen "$work/record" && is_untouched $target
}

is_as_before() {
        fingerprint $target "$work/after"
        diff "$work/before" "$work/after" | head -n 20 | note
        cmp -s "$work/before" "$work/after"
}

ends_well() {
        kill -TERM $target
        wait $target
}

n=0
for dir in $v1 $v2; do
        n=$((n + 6))
done
plan $n
for dir in $v2 $v1; do
        case $dir in "$v1") kind="v1" ;; *) kind="v2" ;; esac
        start "$dir"
        check "cgroup $kind: a frozen target is refused, with what to do" is_refused "$dir"
        check "cgroup $kind: the doctor says it, too" is_said_by_the_doctor "$dir"
        check "cgroup $kind: frozen at any call of attach and detach, heaptop goes on and can repair later" never_waits "$dir"
        check "cgroup $kind: a recorder ends although its target is frozen" ends_while_frozen "$dir"
        check "cgroup $kind: the target is as it was before" is_as_before
        check "cgroup $kind: its own data were right all the time" ends_well
done
the_end
