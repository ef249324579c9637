#!/bin/sh
# Several viewers on one recording: what one sets the others show; one that leaves, or is killed, harms neither the others nor the
# recording. An attach that fails has a page of its own.
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_ptrace
need_program tmux sqlite3

name=view$$ # of its own: others may run the demo at the same time
cp "$service_program" "$work/$name"
service_program=$work/$name
start_service || exit 99
session=$work/shared.heaptop

mux() {
        TMUX='' TERM=screen tmux -S "$work/tmux" -f /dev/null "$@"
}
# open NAME COMMAND: in a terminal of its own; the exit status goes to $work/NAME.status
open() {
        rm -f "$work/$1.status"
        mux new-session -d -s "$1" -x 100 -y 30 "$2; echo \$? >$work/$1.status; exec sleep 600"
}
close() { mux kill-session -t "$1"; }
picture() { mux capture-pane -p -t "$1"; }
shows() { picture "$1" | grep -q -e "$2"; }
sees() { wait_for shows "$1" "$2" || { picture "$1" | note; return 1; }; }
press() { terminal=$1; shift; mux send-keys -t "$terminal" "$@"; }
ended_with() { wait_for test -s "$work/$1.status" && [ "$(cat "$work/$1.status")" = "$2" ]; }

n_ticks() { query "$session" 'SELECT count(*) FROM tick' 2>/dev/null || echo 0; }
grows() { ticks=$(n_ticks); wait_for more_than "$ticks"; }
more_than() { [ "$(n_ticks)" -gt $(($1 + 1)) ]; }
is_free() { is_untouched "$service"; }
# the viewer is the guardian's child that leads no session of its own
viewer_of() {
        shell=$(mux display-message -p -t "$1" '#{pane_pid}')
        guardian=$(cat "/proc/$shell/task/$shell/children")
        guardian=${guardian%% *}
        for pid in $(cat "/proc/$guardian/task/$guardian/children"); do
                [ "$(awk '{ print $6 }' "/proc/$pid/stat")" = "$pid" ] || viewer=$pid
        done
}

plan 25
mux new-session -d -s base 'exec sleep 600' || skip_all "tmux does not start" # keeps the server when the others are closed
started="$started $(mux display-message -p '#{pid}')"
open one "$heaptop -p $service --mean 64K -o $session"
check "one watches" sees one session_store_put
open two "$heaptop attach $service"
check "another joins" sees two session_store_put
open three "$heaptop attach --name $name"
check "and a third, by name" sees three session_store_put
press two m
one_mark() { [ "$(query "$session" 'SELECT count(*) FROM mark')" = 1 ]; }
wait_for one_mark
press one 7
check "a mark that one sets shows in the other" sees one 'EVENTS.*A'
press one 1
viewer_of three
kill -9 "$viewer"
check "kill -9 of one viewer ends only that" ended_with three 137
check "the others go on" grows
close three
press two q
check "who joined and leaves" ended_with two 0
check "does not end the recording" grows
close two
press one D
check "D leaves" ended_with one 0
check "and says how to go on" sees one "recording of $service goes on"
check "the recording goes on" grows
"$heaptop" list >"$work/list"
check "list shows it" grep -q "^live.*pid $service .*shared.heaptop" "$work/list"
open four "$heaptop attach $service"
check "attach joins it" sees four session_store_put
open five "$heaptop"
sees five 'Nothing is attached'
press five /
press five -l "$name"
press five Enter
sees five "$service "
press five Enter
check "the picker joins it" sees five 'joined'
"$heaptop" detach "$service" 2>/dev/null
check "detach ends it" is_free
check "which all are told" sees four 'ENDED'
check "with the reason" sees five 'stopped by a signal'
press four q
press five Q
check "they leave with status 0" ended_with four 0
close one
close four
close five

open eight "$heaptop -p $service -o $work/eight.heaptop"
sees eight session_store_put
kill "$service"
wait "$service" 2>/dev/null
check "the end of the process has a page" sees eight "Process $service ended: killed by SIGTERM"
press eight R
check "R waits for the next of its name" sees eight 'Waiting for a new'
start_service || exit 99
check "and goes on with it" sees eight "is there again, pid $service"
press eight Q
ended_with eight 0
close eight

# A viewer that stands still for a while (a slow terminal, ctrl-Z) comes to a session that is over already, and to the one after it.
"$heaptop" record --name "$name" --wait -o "$work/nine.heaptop" 2>/dev/null &
following=$!
started="$started $following"
has_tick() { [ "$(query "$1" 'SELECT count(*) FROM tick' 2>/dev/null || echo 0)" -gt 0 ]; }
wait_for has_tick "$work/nine.heaptop"
open nine "$heaptop attach $service"
sees nine session_store_put
viewer_of nine
kill -STOP "$viewer"
for session in "$work/nine-2.heaptop" "$work/nine-3.heaptop"; do
        kill "$service"
        wait "$service" 2>/dev/null
        start_service || exit 99
        wait_for has_tick "$session"
done
long_over() { [ $(($(date +%s) - $(stat -c %Y "$work/nine-2.heaptop"))) -ge 3 ]; }
wait_for long_over
kill -CONT "$viewer"
check "a session that is over when it is looked at leads on to the next" sees nine "is there again, pid $service: session 3"
press nine Q
ended_with nine 0
close nine
"$heaptop" detach --name "$name" 2>/dev/null
wait $following

if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
        chmod 755 "$work"
        mkdir -p "$work/nobody" && chown 65534:65534 "$work/nobody"
        as_nobody="setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=$work/nobody XDG_STATE_HOME=$work/nobody"
        open six "$as_nobody XDG_RUNTIME_DIR=$work/nobody $heaptop -p $service"
        check "an attach that is refused has a page with ways out" sees six 'sudo heaptop -p'
        press six q
        check "left with the status it has without a terminal" ended_with six 77
        open seven "$as_nobody XDG_RUNTIME_DIR=$work/nobody $heaptop -p $service"
        sees seven 'rss-only'
        press seven Up Enter
        check "one of them watches without tracing" sees seven 'RSS only'
        press seven Q
        ended_with seven 0
else
        for point in "an attach that is refused has a page with ways out" "left with the status it has without a terminal" \
                "one of them watches without tracing"; do
                check "$point # SKIP not root" true
        done
fi
the_end
