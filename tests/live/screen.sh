#!/bin/sh
# The live screen on a real terminal (tmux, a server of its own): keys, resizing, ctrl-Z, and every way to die.
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_ptrace
need_program tmux sqlite3 bash

start_service || exit 99

mux() {
        TMUX='' TERM=screen tmux -S "$work/tmux" -f /dev/null "$@"
}
mux new-session -d -x 80 -y 24 "exec env TERM=screen PS1='% ' HEAPTOP_TEST_FD=9 bash --norc --noprofile -i 9>>$work/frames" || skip_all "tmux does not start"
started="$started $(mux display-message -p '#{pid}')"

picture() { mux capture-pane -p; }
shows() { picture | grep -q -e "$1"; }
sees() { wait_for shows "$1" || { picture | note; return 1; }; }
press() { mux send-keys "$@"; }
# type_in COMMAND: into the shell, by way of a script that keeps the terminal's settings and the exit status
type_in() {
        : >"$work/go" # the script before this one may end
        [ ! -e "$work/script" ] || wait_for test -s "$work/after"
        rm -f "$work/status" "$work/after" "$work/go"
        printf '%s\n' "stty -g >$work/before" "$1" "echo \$? >$work/status" \
                "until [ -e $work/go ]; do sleep 0.05; done" "stty -g >$work/after" >"$work/script"
        press -l "clear; sh $work/script" && press Enter
}
ended_with() {
        wait_for test -s "$work/status" || { picture | note; return 1; }
        : >"$work/go"
        [ "$(cat "$work/status")" = "$1" ] || { echo "# status $(cat "$work/status")"; return 1; }
}
tty_is_sane() {
        : >"$work/go"
        wait_for test -s "$work/after" && cmp -s "$work/before" "$work/after" &&
                [ "$(mux display-message -p '#{alternate_on} #{cursor_flag}')" = "0 1" ]
}
has_size() { tail -n 1 "$work/frames" | grep -q " size $1\$"; }
children() { cat "/proc/$1/task/$1/children"; }
# the guardian is the script's child, viewer and recorder are the guardian's; the recorder leads a session of its own
find_processes() {
        guardian=
        viewer=
        recorder=
        for pid in $(children "$(mux display-message -p '#{pane_pid}')"); do
                guardian=$(children "$pid")
                guardian=${guardian%% *}
        done
        for pid in $(children "$guardian"); do
                if [ "$(awk '{ print $6 }' "/proc/$pid/stat")" = "$pid" ]; then
                        recorder=$pid
                else
                        viewer=$pid
                fi
        done
        [ -n "$viewer" ] && [ -n "$recorder" ] || { echo "# guardian $guardian viewer $viewer recorder $recorder"; return 1; }
}
watch() {
        session=$work/$1.heaptop
        type_in "$heaptop -p $service --mean 64K -o $session"
        sees 'session_store_put' && find_processes
}
is_free() { is_untouched $service; }
n_ticks() { query "$session" 'SELECT count(*) FROM tick' 2>/dev/null || echo 0; }
grows_by_two() { [ "$(n_ticks)" -ge $((ticks_before + 2)) ]; }

plan 57
type_in "$heaptop"
check "the picker lists processes" sees 'Nothing is attached'
check "the demo service is there" sees "$service "
press q
check "q leaves the picker with status 0" ended_with 0
check "the terminal is as before" tty_is_sane
check "nothing was attached" is_free

check "the live screen shows the leak" watch one
check "the service is hooked and free of tracers" sh -c 'grep -q memfd:heaptop /proc/$1/maps && grep -q "^TracerPid:.0$" /proc/$1/status' sh $service
press /
press -l session_store
press Enter
only_the_leak() { shows 'session_store_put' && ! shows 'lru_cache'; }
check "a filter leaves what matches" wait_for only_the_leak
press Enter
check "Enter shows who calls it" sees 'handle_login'
press q '?'
check "? shows the help" sees 'Help'
press q
mux resize-window -x 120 -y 40
check "a larger window is used" wait_for has_size 120x40
mux resize-window -x 10 -y 3
check "a tiny window does not end it" wait_for has_size 10x3
mux resize-window -x 80 -y 24
wait_for has_size 80x24
press m
has_mark() { [ "$(query "$session" 'SELECT count(*) FROM mark')" = 1 ]; }
check "m sets a mark" wait_for has_mark
press C-z
check "ctrl-Z stops the screen" sees 'Stopped'
ticks_before=$(n_ticks)
check "recording goes on meanwhile" wait_for grows_by_two
press -l fg
press Enter
check "fg brings it back" sees 'session_store_put'
press Q
check "Q ends it with status 0" ended_with 0
check "it says what it did" sees 'hooks removed'
check "the terminal is as before" tty_is_sane
check "the service is free" is_free

watch two
kill -9 "$viewer"
check "kill -9 of the viewer: the guardian says so" sees 'viewer was killed'
check "the terminal is reset" tty_is_sane
check "the service is free" wait_for is_free

watch three
kill -9 "$recorder"
check "kill -9 of the recorder: the service is free at once" wait_for is_free
check "the screen stays and says so" sees 'died\|ended'
press Q
check "and the status is 2" ended_with 2

watch four
kill -9 "$guardian"
wait_for is_gone "$viewer"
check "kill -9 of the guardian: the service is free" wait_for is_free
check "the terminal is as before" tty_is_sane

watch five
press C-c
check "ctrl-C leaves" ended_with 0

watch five-twice
press C-c C-c
check "so does ctrl-C twice" ended_with 0
check "and the terminal is as before" tty_is_sane
check "the service is free" wait_for is_free

watch five-hup
kill -HUP "$viewer"
check "SIGHUP ends it" ended_with 129
check "and the terminal is as before" tty_is_sane
check "the service is free" wait_for is_free

# the server of the terminal stops: nobody reads what is written
watch five-deaf
server=$(mux display-message -p '#{pid}')
ticks_before=$(n_ticks)
kill -STOP "$server"
grows_by_ten() { [ "$(n_ticks)" -ge $((ticks_before + 10)) ]; }
check "nobody reads for ten seconds: recording goes on" wait_for grows_by_ten
kill -CONT "$server"
nothing_lost() { [ "$(query "$session" 'SELECT max(lost_samples) FROM tick' 2>/dev/null)" = 0 ]; }
check "and no sample is lost" wait_for nothing_lost
press Q
check "the screen is there again" ended_with 0

watch six
press D
check "D leaves with status 0" ended_with 0
ticks_before=$(n_ticks)
check "and recording goes on" wait_for grows_by_two
type_in "$heaptop attach $service"
sees session_store_put
press Q
check "joining and leaving does not end it" ended_with 0
check "it is still hooked" is_hooked $service
status_of "$heaptop" detach $service
check "detach ends it" is_free

# from the picker into the live screen, back, and out
type_in "$heaptop"
sees 'Nothing is attached'
press /
press -l heaptop-test
press Enter
one_is_left() { shows "^>.* $service "; }
check "the picker finds the service by its command line" wait_for one_is_left
press Enter
check "Enter attaches to it" sees 'session_store_put'
press p
check "p goes back to the picker" sees 'Nothing is attached'
check "and the service is free" wait_for is_free
press Q
check "the picker ends with status 0" ended_with 0

# from the picker into a saved session
mkdir -p "$work/state/heaptop"
cp "$work/one.heaptop" "$work/state/heaptop/saved.heaptop"
type_in "$heaptop"
sees 'Nothing is attached'
press o
sees 'saved'
press Enter
check "o and Enter open a saved session" sees 'session_store_put'
press Q
check "which is left with status 0" ended_with 0

# the demo's service would not outlive it
type_in "$heaptop demo -o $work/demo.heaptop"
check "the demo shows its leak" sees 'session_store_put'
press D
check "D is refused there" sees 'ends with the demo'
press Q
check "and Q leaves with status 0" ended_with 0

# a program that is started with the screen
type_in "$heaptop run --live -o $work/live.heaptop -- $service_program"
check "run --live shows the program" sees 'session_store_put'
press Q
ended_with 0
runs_on() {
        pid=$(sed -n 's/.*(pid \([0-9]*\)) goes on.*/\1/p' "$work/joined")
        [ -n "$pid" ] && started="$started $pid" && is_untouched "$pid"
}
picture | tr -d '\n' >"$work/joined"
check "which goes on when the screen is left" runs_on

# the terminal goes away
watch seven
mux kill-server
check "a terminal that is closed: the service is free" wait_for is_free
is_complete() { [ "$(query "$session" 'SELECT ended_ns > 0 FROM session')" = 1 ]; }
check "and the session complete" wait_for is_complete
the_end
