#!/bin/sh
# A full disk ends the recording in words, with the target restored and the file readable.
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_ptrace
need_program sqlite3
[ "$(id -u)" = 0 ] || skip_all "only root can mount a small disk"
mkdir "$work/disk"
mount -t tmpfs -o size=8m heaptop-test "$work/disk" 2>/dev/null || skip_all "cannot mount a small disk here"
trap 'umount -l "$work/disk"; clean_up' EXIT

start_service || exit 99
plan 6

# The disk becomes full when some of the session is in it, whatever room its tables take.
has_ticks() {
        n=$(query "$work/disk/s.heaptop" 'SELECT count(*) FROM tick' 2>/dev/null)
        [ "${n:-0}" -ge 2 ]
}
timeout 60 "$heaptop" record -p $service --mean 4K -o "$work/disk/s.heaptop" >"$work/out" 2>"$work/err" </dev/null &
recorder=$!
started="$started $recorder"
wait_for has_ticks
written=$n
dd if=/dev/zero of="$work/disk/fill" bs=4k 2>/dev/null
status=0
wait $recorder || status=$?
note <"$work/err"
check "it ends by itself with status 73" test "$status" = 73
check "it says why, in one line" sh -c '[ "$(wc -l <"$1")" = 1 ] && grep -q "full\|space" "$1"' sh "$work/err"
check "the service is free" is_untouched $service
n=$(query "$work/disk/s.heaptop" 'SELECT count(*) FROM tick')
check "what was written before can be read" test "${n:-0}" -ge "${written:-1}"
check "and shown" sh -c '"$1" replay --screen 80x24 "$2" >/dev/null' sh "$heaptop" "$work/disk/s.heaptop"
dd if=/dev/zero of="$work/disk/more" bs=4k 2>/dev/null
status_of "$heaptop" record -p $service -o "$work/disk/t.heaptop"
check "on a full disk nothing is begun" sh -c 'test "$1" = 73 && ! [ -e "$2" ]' sh "$status" "$work/disk/t.heaptop"
the_end
