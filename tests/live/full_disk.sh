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
plan 10

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

# a disk that is nearly full: 8 MB, of which a twentieth are 0.4
rm -f "$work/disk"/*
dd if=/dev/zero of="$work/disk/fill" bs=4k count=1300 2>/dev/null
timeout 60 "$heaptop" record -p $service --mean 64K -o "$work/disk/low.heaptop" >"$work/out" 2>"$work/err" </dev/null &
recorder=$!
started="$started $recorder"
has_low_ticks() { [ "$(query "$work/disk/low.heaptop" 'SELECT count(*) FROM tick' 2>/dev/null || echo 0)" -gt 0 ]; }
wait_for has_low_ticks
left=$(df -k --output=avail "$work/disk" | tail -n 1)
dd if=/dev/zero of="$work/disk/more" bs=1k count=$((left - 300)) 2>/dev/null
status=0
wait $recorder || status=$?
note <"$work/err"
check "before it is full it ends in words, status 73" sh -c 'test "$1" = 73 && grep -q "free space left" "$2"' sh "$status" "$work/err"
check "with a complete session that says so" test "$(query "$work/disk/low.heaptop" "SELECT ended_ns > 0 AND end_reason LIKE '%free space left%' FROM session")" = 1
status_of "$heaptop" record -p $service --min-free 100000G -o "$work/min.heaptop"
check "--min-free says how much" sh -c 'test "$1" = 73 && grep -q "free space left" "$2"' sh "$status" "$work/err"
check "the service is free again" is_untouched $service
the_end
