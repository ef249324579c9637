#!/bin/sh
# Marks on a live session with two viewers, and in its replay: set, compared, renamed, deleted; what is kept agrees with the file.
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_ptrace
need_program tmux sqlite3

start_service || exit 99
session=$work/marks.heaptop

mux() {
        TMUX='' TERM=screen tmux -S "$work/tmux" -f /dev/null "$@"
}
mux new-session -d -s base 'exec sleep 600' || skip_all "tmux does not start" # keeps the server when a viewer has ended
started="$started $(mux display-message -p '#{pid}')"
mux new-session -d -s one -x 100 -y 30 "exec env TERM=screen $heaptop -p $service --mean 16K -o $session"

picture() { mux capture-pane -p -t "$1"; }
shows() { picture "$1" | grep -q -e "$2"; }
sees() { wait_for shows "$1" "$2" || { picture "$1" | note; return 1; }; }
press() { mux send-keys -t "$@"; }
n_marks() { query "$session" 'SELECT count(*) FROM mark' 2>/dev/null || echo 0; }
has_marks() { [ "$(n_marks)" = "$1" ]; }
ticks_after() { [ "$(query "$session" "SELECT (SELECT max(id) FROM tick) - tick FROM mark ORDER BY id DESC LIMIT 1")" -ge "$1" ]; }

# kept_in_file: bytes born between the first two marks and alive at the second
kept_in_file() {
        query "$session" "SELECT sum(CAST(round(size * weight) AS INTEGER)) FROM block,
                (SELECT (SELECT time_ns FROM tick t WHERE t.id = m.tick) a FROM mark m ORDER BY id LIMIT 1),
                (SELECT (SELECT time_ns FROM tick t WHERE t.id = m.tick) b FROM mark m ORDER BY id LIMIT 1 OFFSET 1)
                WHERE birth_ns > a AND birth_ns <= b AND (death_ns = 0 OR death_ns > b)"
}
# agrees: "KEPT 39M" of the totals' line
agrees() {
        shown=$(picture one | sed -n 's/.*KEPT \([0-9.]*\)\([KMG]\) .*older.*/\1 \2/p' | head -n 1)
        echo "$shown $(kept_in_file)" | awk '{ unit = $2 == "K" ? 1024 : $2 == "M" ? 1048576 : 1073741824
                exit !(NF == 3 && $1 * unit >= $3 * .97 && $1 * unit <= $3 * 1.03) }' || { echo "# $shown of $(kept_in_file)"; return 1; }
}

plan 14
check "the first viewer watches" sees one 'session_store_put'
press one m
check "m sets a mark" wait_for has_marks 1
wait_for ticks_after 7
press one m
check "and another one" wait_for has_marks 2
press one c
check "c compares the two" sees one '\[A>B\]'
check "the leak stands first" sees one '^>.*session_sto'
check "what was kept is what the file has" agrees
press one Enter
check "Enter shows the call tree of what was kept" sees one 'KEPT.*SHARE'
press one 4
mux new-session -d -s two -x 100 -y 30 "exec env TERM=screen $heaptop replay $session"
sees two 'session_store_put'
press two 4
check "a second viewer sees the marks" sees two '\[A>B\]'
press two r
sees two 'name:'
press two -l 'warm up'
press two Enter
check "the mark that it renames has that name in the first one" sees one 'A [0-9:]* "warm up"'
sees two ' B>now ' # there is nothing after B before the next tick
press two '>'
sees two '\[B>now\]'
press two d
check "the mark that it deletes is gone there" sees one '\[A>now\]'
check "and from the file" wait_for has_marks 1
press two Q
press one Q
check "the service is free again" wait_for is_untouched "$service"
is_finished() { [ ! -e "$session-live" ]; }
wait_for is_finished # before, it is no replay
mux new-session -d -s three -x 100 -y 30 "exec env TERM=screen $heaptop replay $session"
sees three 'PAUSED' >/dev/null
press three 4
sees three '"warm up"' >/dev/null
press three r
sees three 'name:' >/dev/null
press three C-u
press three -l 'cold'
press three Enter
check "in a replay the file is changed" sees three '"cold"'
press three d
check "and a deleted mark is gone" wait_for has_marks 0
press three Q
the_end
