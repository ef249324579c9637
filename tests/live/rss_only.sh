#!/bin/sh
# --rss-only watches the resident memory from outside: nothing is traced, and it works where tracing is refused.
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_program sqlite3 /usr/bin/python3 setpriv

as_user=
if [ "$(id -u)" = 0 ]; then
        as_user="setpriv --reuid=65534 --regid=65534 --clear-groups"
        chmod 755 "$work"
        mkdir -p "$work/nobody" && chown 65534:65534 "$work/nobody"
else
        mkdir -p "$work/nobody"
fi
export XDG_STATE_HOME=$work/nobody XDG_RUNTIME_DIR=$work/nobody HOME=$work/nobody

# PR_SET_DUMPABLE 0: nobody but root may trace it, whoever it belongs to
$as_user /usr/bin/python3 -c "
import ctypes, time
ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
held = []
while True:
    held.append(bytearray(1 << 20))
    time.sleep(0.02)
    if len(held) == 40: print('READY', flush=True)
    if len(held) > 100: time.sleep(600)
" >"$work/ready" &
target=$!
started=$target
is_ready() { grep -q READY "$work/ready"; }
wait_for is_ready || exit 99

plan 8
status=0
$as_user "$heaptop" record -p $target -d 1s 2>"$work/err" || status=$?
check "tracing it is refused" test "$status" = 77
status=0
$as_user "$heaptop" record -p $target --rss-only -d 3s -o "$work/nobody/rss.heaptop" 2>"$work/err" || status=$?
check "its resident memory can be watched" test "$status" = 0
check "nothing was done to it" is_untouched $target
rss=$(($(awk '/^VmRSS/ { print $2 }' /proc/$target/status) * 1024))
seen=$(query "$work/nobody/rss.heaptop" 'SELECT max(rss_anon + rss_file + rss_shmem) FROM tick')
check "what was seen is what /proc says" test "$((seen > rss / 3 && seen <= rss + (1 << 20)))" = 1
check "there are no sites" test "$(query "$work/nobody/rss.heaptop" 'SELECT count(*) FROM site')" = 0
$as_user "$heaptop" record -p $target --rss-only -o "$work/nobody/killed.heaptop" 2>"$work/err" &
guardian=$!
started="$started $guardian"
has_tick() { [ "$(query "$work/nobody/killed.heaptop" 'SELECT count(*) FROM tick' 2>/dev/null || echo 0)" -gt 0 ]; }
wait_for has_tick
recorder=$(cat /proc/$guardian/task/$guardian/children)
kill -9 ${recorder%% *}
status=0
wait $guardian || status=$?
check "a recorder that is killed leaves nothing to repair" \
        sh -c 'test "$1" = 2 && grep -q "nothing was traced" "$2"' sh "$status" "$work/err"
"$heaptop" replay "$work/nobody/rss.heaptop" --keys 1 --screen 100x24 >"$work/screen"
check "the screen says so" sh -c 'grep -q "RSS only" "$1" && grep -q "nothing is traced" "$1"' sh "$work/screen"
"$heaptop" report "$work/nobody/rss.heaptop" >"$work/report"
check "and so does the report" grep -q 'only the resident memory was watched' "$work/report"
the_end
