#!/bin/sh
# Bad input of every kind: one sentence, the right exit status, the target untouched.
. "$HEAPTOP_SRC/tests/live/lib.sh"

start_service || exit 99
can_trace=yes
"$heaptop" doctor >/dev/null 2>&1 || can_trace=

# refuses STATUS WORDS COMMAND...: WORDS is a pattern that the sentence holds.
refuses() {
        want=$1
        words=$2
        shift 2
        status_of "$@"
        if [ "$status" = "$want" ] && is_one_sentence && grep -q -e "$words" "$work/err" && is_untouched $service; then
                return 0
        fi
        echo "# $*: status $status (want $want), said:"
        note <"$work/err"
        return 1
}

no_session_left() {
        [ -z "$(find "$work" -name '*.heaptop*')" ]
}

printf 'this is no session' >"$work/text"
: >"$work/empty"
mkdir "$work/folder"
sqlite3 "$work/other.db" 'CREATE TABLE t (a)'
sqlite3 "$work/newer.heaptop" 'PRAGMA application_id = 0x68656170; PRAGMA user_version = 999; CREATE TABLE t (a)'
mv "$work/newer.heaptop" "$work/newer"
kthread=
[ "$(cat /proc/2/comm 2>/dev/null)" != kthreadd ] || kthread=2

plan 37
check "an unknown subcommand is refused with the nearest one" refuses 64 "replay" "$heaptop" repaly
check "a word like no subcommand is refused" refuses 64 "xyzzy" "$heaptop" xyzzy
check "an unknown option is refused with the nearest one" refuses 64 "'--output'" "$heaptop" record --outptu x
check "an abbreviated option is refused" refuses 64 "'--duration'" "$heaptop" record --dur 3s
check "an unknown letter is refused" refuses 64 "'-Z'" "$heaptop" record -Z
check "a missing value is said" refuses 64 "missing" "$heaptop" record -p
check "a bad size is refused" refuses 64 "12Q" "$heaptop" record -p $service --mean 12Q
check "a bad duration is refused" refuses 64 "soon" "$heaptop" record -p $service -d soon
check "no time at all is refused" refuses 64 "'0'" "$heaptop" record -p $service -d 0
check "a session that is not there" refuses 66 "no file" "$heaptop" nosuch.heaptop
prints() {
        status_of "$@"
        [ "$status" = 0 ] && [ -s "$work/out" ] && [ ! -s "$work/err" ]
}
check "help is a word, too" prints "$heaptop" help
check "help of a subcommand" prints "$heaptop" help record
check "so is version" prints "$heaptop" version
check "and -V" prints "$heaptop" -V
check "a bad pid is refused" refuses 64 "12x" "$heaptop" record -p 12x
check "pid 0 is refused" refuses 64 "'0'" "$heaptop" record -p 0
check "a stack that is too large is refused" refuses 64 "--stack" "$heaptop" record -p $service --stack 1M
check "a bad colour is refused" refuses 64 "pink" "$heaptop" replay --color pink "$work/text"
check "record without a process is refused" refuses 64 "-p PID" "$heaptop" record
check "a word too many is refused" refuses 64 "too many" "$heaptop" record -p $service extra
check "replay without a file is refused" refuses 64 "which session" "$heaptop" replay
check "the screen needs a terminal" refuses 64 "heaptop record -p $service" "$heaptop" -p $service
check "a process that is not there" refuses 66 "no process 2147483647" "$heaptop" record -p 2147483647
check "a file that is not there" refuses 66 "nosuch" "$heaptop" replay --screen 80x24 "$work/nosuch"
check "a file that is no session" refuses 2 "session" "$heaptop" replay --screen 80x24 "$work/text"
check "an empty file" refuses 2 "session" "$heaptop" replay --screen 80x24 "$work/empty"
check "a database of something else" refuses 2 "session" "$heaptop" replay --screen 80x24 "$work/other.db"
check "a session of a newer heaptop" refuses 2 "newer" "$heaptop" replay --screen 80x24 "$work/newer"
check "a folder" refuses 2 "folder\|directory" "$heaptop" replay --screen 80x24 "$work/folder"
check "nothing to attach to" refuses 66 "no heaptop" "$heaptop" attach $service
check "a program that is not there" refuses 127 "nosuch" "$heaptop" run -- nosuch-program
check "a program that cannot be executed" refuses 126 "text" "$heaptop" run -- "$work/text"
if [ -n "$kthread" ]; then
        check "a kernel thread" refuses 69 "kernel" "$heaptop" record -p "$kthread"
else
        check "a kernel thread # SKIP none visible" true
fi
check "an output that exists is kept" refuses 73 "already" "$heaptop" record -p $service -o "$work/text"
check "an output in a folder that is not there" refuses 73 "nosuch" "$heaptop" record -p $service -o "$work/nosuch/f"

already_traced() {
        "$HEAPTOP_BUILD/tests/targets/tracer" $service >"$work/tracer" 2>&1 &
        tracer=$!
        started="$started $tracer"
        wait_for grep -q READY "$work/tracer" || return 1
        status_of "$heaptop" record -p $service
        kill $tracer
        wait_for is_untraced $service
        if [ "$status" = 75 ] && is_one_sentence && grep -q "$tracer" "$work/err"; then
                return 0
        fi
        echo "# status $status, said:"
        note <"$work/err"
        return 1
}
if [ -n "$can_trace" ]; then
        check "a process that is traced already" already_traced
else
        check "a process that is traced already # SKIP no ptrace here" true
fi
check "no refused recording leaves a file" no_session_left
the_end
