#!/bin/sh
# Python's functions and lines stand in the stacks: each recorded stack is one that the program knows of itself (chains.py), and the site
# is the function that allocates. PYTHON=/path/to/python3.12 compares another version, SAMPLES=20000 more of them.
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_ptrace
python=${PYTHON:-/usr/bin/python3}
samples=${SAMPLES:-2000}
need_program "$python" /usr/bin/python3 sqlite3

plan 9

# record_chains NAME ARGS...: chains.py's work, into $session; its account of itself into $work/chains.json
record_chains() {
        session=$work/$1.heaptop
        shift
        rm -f "$work/chains.json" "$work/in" "$work/target"
        mkfifo "$work/in"
        "$python" "$HEAPTOP_SRC/tests/targets/chains.py" "$work/stop" "$work/chains.json" <"$work/in" >"$work/target" 2>"$work/target.err" &
        target=$!
        started="$started $target"
        exec 8>"$work/in"
        rm -f "$work/stop"
        wait_for grep -q READY "$work/target" || return 1
        "$heaptop" record -p $target -o "$session" "$@" >"$work/out" 2>"$work/err" &
        recording=$!
        started="$started $recording"
        wait_for has_samples || return 1
        echo stop >"$work/stop"
        wait_for grep -q DONE "$work/target"
        stopped=$?
        kill -TERM $recording
        wait $recording
        [ $stopped = 0 ] && grep -q 'hooks removed; saved' "$work/err"
}
has_samples() {
        taken=$(query "$session" 'SELECT max(samples) FROM tick' 2>/dev/null)
        [ "${taken:-0}" -ge $((samples * 5 / 4 + 200)) ]
}
figure() { # figure NAME: as python_check.py printed it
        sed -n "s/^$1=//p" "$work/figures"
}
compare() {
        /usr/bin/python3 "$HEAPTOP_SRC/tests/live/python_check.py" "$session" "$work/chains.json" >"$work/figures"
        compared=$?
        note <"$work/figures"
        return $compared
}

check "a program that knows its own calls is recorded" record_chains chains --mean 64K
note <"$work/err"
check "every stack with Python functions is one that it knows" compare
check "at least $samples of them were compared" test "$(figure places)" -ge "$samples"
check "the site is the Python function that allocates" test "$(figure sites)" -eq "$(figure places)"
check "nearly all of its calls were met" test "$(figure seen)" -ge $(($(figure truth) - 6))
check "Python functions stand inside of the interpreter's loop" test "$(figure runs)" -gt 0 -a "$(figure loops)" -ge $(($(figure runs) * 99 / 100))
check "the session tells that they are in the stacks" sh -c "sqlite3 '$session' 'SELECT text FROM event' | grep -q '^Python 3[.][0-9]*: its functions are in the stacks'"
leaves_it() { # after the detach it works on
        echo >&8 && exec 8>&- && wait $target
}
check "the program has ended well" leaves_it

without() {
        samples=200
        record_chains without --mean 64K --no-python || return 1
        echo >&8
        exec 8>&-
        [ "$(query "$session" "SELECT count(*) FROM module WHERE path = '[python]'")" = 0 ]
}
check "--no-python leaves them out" without
exit $((n_failed > 0))
