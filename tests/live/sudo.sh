#!/bin/sh
# Started by sudo: only guardian and recorder keep root. The file belongs to the user who called, is made with that user's rights,
# and the screen runs as that user.
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_ptrace
need_program sqlite3 tmux
[ "$(id -u)" = 0 ] || skip_all "only root can be called by sudo"
id nobody >/dev/null 2>&1 || skip_all "there is no user nobody"
uid=$(id -u nobody)

start_service || exit 99
chmod 711 "$work"
mkdir -m 700 "$work/home" && chown nobody "$work/home"
mkdir -m 700 "$work/secret"
echo secret >"$work/secret/file"
export SUDO_UID="$uid"
unset XDG_RUNTIME_DIR

owner_and_mode() { stat -c '%U %a' "$1"; }

plan 12
status_of "$heaptop" record -p $service -d 2s -o "$work/home/a.heaptop"
check "recording works" test "$status" = 0
check "the file is the user's, mode 600" test "$(owner_and_mode "$work/home/a.heaptop")" = "nobody 600"
check "and readable" test "$(query "$work/home/a.heaptop" 'SELECT count(*) > 0 FROM tick')" = 1

ln -s "$work/secret/b.heaptop" "$work/home/b.heaptop"
status_of "$heaptop" record -p $service -d 1s -o "$work/home/b.heaptop"
check "a symbolic link is not followed" test "$status" != 0
check "nothing was made where it leads" test ! -e "$work/secret/b.heaptop"
ln -s "$work/secret" "$work/home/dir"
status_of "$heaptop" record -p $service -d 1s -o "$work/home/dir/c.heaptop"
check "a folder that is root's only is refused, although we are root" test "$status $(ls "$work/secret")" = "77 file"
check "the service is untouched" is_untouched $service

cp "$work/home/a.heaptop" "$work/secret/d.heaptop"
status_of "$heaptop" replay --screen 80x24 "$work/secret/d.heaptop"
check "a session that only root may read is not shown" test "$status" = 77
status_of "$heaptop" replay --screen 80x24 "$work/home/a.heaptop"
check "the user's own is" test "$status" = 0
chmod 755 "$work/secret" && chmod 600 "$work/secret/file"
status_of "$heaptop" report "$work/home/a.heaptop" --expected "$work/secret/file"
not_told() { [ "$status" = 66 ] && grep -q 'Permission denied' "$work/err" && ! grep -q 'is leak:' "$work/err"; }
check "a file of suppressions that only root may read is not read" not_told

uids() { awk '/^Uid:/ { print $2, $3, $4, $5 }' "/proc/$1/status"; }
TMUX='' TERM=screen tmux -S "$work/tmux" -f /dev/null new-session -d -x 80 -y 24 \
        "exec $heaptop -p $service -o $work/home/e.heaptop" || exit 99
started="$started $(tmux -S "$work/tmux" display-message -p '#{pid}')"
guardian=$(tmux -S "$work/tmux" display-message -p '#{pane_pid}')
find_viewer() {
        viewer=
        for pid in $(cat "/proc/$guardian/task/$guardian/children"); do
                [ "$(awk '{ print $6 }' "/proc/$pid/stat")" = "$pid" ] || viewer=$pid
        done
        [ -n "$viewer" ] && [ "$(uids "$viewer")" = "$uid $uid $uid $uid" ]
}
check "the viewer runs as the user, and cannot go back" wait_for find_viewer
is_drawn() { tmux -S "$work/tmux" capture-pane -p | grep -q session_store_put; }
check "it shows the file" wait_for is_drawn
tmux -S "$work/tmux" send-keys Q
is_free() { is_untouched $service; }
wait_for is_free
tmux -S "$work/tmux" kill-server 2>/dev/null
the_end
