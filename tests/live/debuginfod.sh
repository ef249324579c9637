#!/bin/sh
# Debug information from servers (DEBUGINFOD_URLS), against one on loopback that can misbehave in all ways. Several recordings run at the
# same time, each with a program, a server and a cache of its own.
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_ptrace
need_program sqlite3 cc objcopy readelf dwz
[ -x /usr/bin/python3 ] || skip_all "no python3 here"
has_debuginfod || skip_all "no libdebuginfod here"

cat >"$work/leak.c" <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
struct long_list { struct long_list *previous_member, *next_member; }; static inline __attribute__((always_inline)) void *inner(struct long_list *list) { return malloc(5000); }
__attribute__((noinline)) void leak_here(void) { *(volatile char *)inner(0) = 1; }
int main(void)
{
        puts("READY");
        fflush(stdout);
        for (;;) {
                leak_here();
                usleep(200);
        }
}
END
cc -g -O1 -Wl,--build-id -o "$work/full" "$work/leak.c" || exit 99
objcopy --only-keep-debug "$work/full" "$work/debug" && objcopy --strip-debug "$work/full" "$work/leak" || exit 99
id=$(readelf -n "$work/full" | awk '/Build ID:/ { print $3 }')
# the same, with names that it shares with others in a file of its own (dwz)
mkdir "$work/shared" "$work/shared.files" && cp "$work/full" "$work/shared/full" && cp "$work/full" "$work/shared/again" || exit 99
cc -g -O1 -Wl,--build-id -DSECOND -o "$work/shared/second" "$work/leak.c" || exit 99
(cd "$work/shared" && dwz -m common full again second) || exit 99
objcopy --only-keep-debug "$work/shared/full" "$work/shared.files/$id.debug" || exit 99
mv "$work/shared/common" "$work/shared.files/$(readelf -n "$work/shared/common" | awk '/Build ID:/ { print $3 }').debug" || exit 99
rm -r "$work/shared"
chmod 755 "$work"
user=nobody
[ "$(id -u)" = 0 ] || user=$(id -un)

# begin NAME MODE [OPTION...]: a recording of its own; $work/NAME.heaptop, .log, .pid. Variables: extra=
begin() {
        name=$1
        mkdir -p "$work/$name" "$work/$name.cache" && chmod 755 "$work/$name" || exit 99
        [ "$user" != nobody ] || chown nobody "$work/$name.cache"
        cp "$work/debug" "$work/$name/$id.debug"
        [ "$name" != shared ] || cp "$work/shared.files"/* "$work/$name/"
        echo "$2" >"$work/$name/mode"
        if [ "$2" = nowhere ]; then
                echo 1 >"$work/$name/port"
        else
                /usr/bin/python3 -B "$HEAPTOP_SRC/tests/live/buildid_server.py" "$work/$name" &
                started="$started $!"
        fi
        shift 2
        wait_for test -s "$work/$name/port"
        record "$name" "$@"
}

# record NAME [OPTION...]
record() {
        name=$1
        shift
        "$work/leak" >"$work/$name.out" &
        echo $! >"$work/$name.target"
        started="$started $!"
        wait_for grep -qs READY "$work/$name.out"
        rm -f "$work/$name.heaptop"
        env DEBUGINFOD_URLS="http://127.0.0.1:$(cat "$work/$name/port")" DEBUGINFOD_CACHE_PATH="$work/$name.cache" $extra \
                "$heaptop" record -p "$(cat "$work/$name.target")" --mean 16K -o "$work/$name.heaptop" --log "$work/$name.log" "$@" \
                >"$work/$name.said" 2>&1 &
        echo $! >"$work/$name.pid"
        started="$started $!"
}

# finish NAME: ends the recording; its status
finish() {
        kill -INT "$(cat "$work/$1.pid")"
        status=0
        wait "$(cat "$work/$1.pid")" || status=$?
        [ $status = 130 ]
}

asked() { grep -q "$id" "$work/$1/requests" 2>/dev/null; }
logged() { grep -q "$2" "$work/$1.log" 2>/dev/null; }
ticks() { [ "$(query "$work/$1.heaptop" 'SELECT max(id) FROM tick' 2>/dev/null || echo 0)" -ge "$2" ]; }
has_name() { query "$work/$1.heaptop" "SELECT 1 FROM frame WHERE func = 'leak_here'" 2>/dev/null | grep -q 1; }
has_lines() {
        query "$work/$1.heaptop" "SELECT i.line FROM frame f JOIN frame i ON i.inlined_in = f.id WHERE f.func = 'leak_here' AND
                f.line = 5 AND f.file LIKE '%/leak.c' AND i.func = 'inner'" 2>/dev/null | grep -qx 4
}
has_none() { [ "$(query "$work/$1.heaptop" "SELECT count(*) FROM frame WHERE file LIKE '%/leak.c'")" = 0 ]; }
notes() { query "$work/$1.heaptop" "SELECT text FROM event WHERE text LIKE 'debug information is not fetched%'" 2>/dev/null; }

plan 26
extra=
begin good trickle
begin shared serve
begin off serve --no-debuginfod
begin hang hang
begin wrong wrong
begin huge huge
begin nowhere nowhere
extra=DEBUGINFOD_MAXSIZE=3000000
begin endless endless
extra=DEBUGINFOD_TIMEOUT=1
begin loop loop
extra=

# fetcher_of NAME: the process that fetches for this recording; its pid is in $fetcher
fetcher_of() {
        for stat in /proc/[0-9]*/stat; do
                read -r pid name state parent rest 2>/dev/null <"$stat" || continue
                [ "$name" = '(heaptop-fetch)' ] || continue
                read -r parent name state grandparent rest 2>/dev/null <"/proc/$parent/stat" || continue
                [ "$grandparent" = "$(cat "$work/$1.pid")" ] || continue
                fetcher=$pid
                return 0
        done
        return 1
}
check "a process of its own fetches" wait_for fetcher_of good
uid=$(id -u $user)
check "it is the user's, has no group and no capability" test "$(awk '/^Uid:/ { u = $2 $3 $4 $5 } /^Groups:/ { g = NF } /^Cap(Prm|Eff|Amb):/ { c = c $2 }
        /^NoNewPrivs:/ { n = $2 } END { print u, c ~ /^0*$/, n, g == 1 || '"$(id -u)"' != 0 }' "/proc/${fetcher:-self}/status")" = "$uid$uid$uid$uid 1 1 1"
check "there are names meanwhile" wait_for has_name good
check "but no lines" has_none good
tells() { query "$work/good.heaptop" "SELECT waiting > 0 AND fetching LIKE 'leak%' FROM naming ORDER BY tick DESC LIMIT 1" 2>/dev/null | grep -qx 1; }
check "what is being fetched is told" wait_for tells
"$heaptop" replay --screen 120x24 "$work/good.heaptop" >"$work/screen" 2>&1
check "on the screen, too" grep -q 'fetching leak' "$work/screen"
echo serve >"$work/good/mode"
check "lines and inlined calls appear when it has come" wait_for has_lines good
check "the recording ends as ever" finish good
check "and has counted what was fetched" test "$(query "$work/good.heaptop" 'SELECT waiting, fetching, fetched_bytes FROM naming ORDER BY tick DESC
        LIMIT 1')" = "0||$(stat -c %s "$work/debug")"
is_free() { is_untouched "$(cat "$work/$1.target")"; }
check "the program is untouched" is_free good

record good
check "what is in the cache has lines again" wait_for has_lines good
check "and is not asked for" test "$(grep -c "$id" "$work/good/requests")" = 1
finish good

check "what debug information shares with others is fetched, too" wait_for has_lines shared
finish shared

by_sudo="root that came by sudo fetches as that user, into that user's cache"
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
        mkdir "$work/home" && chown 4321 "$work/home" || exit 99
        { cat /etc/passwd; echo "heaptop-tester:x:4321:4321::$work/home:/bin/sh"; } >"$work/passwd"
        printf '#!/bin/sh\nmount --bind "%s" /etc/passwd || exit 99\nexec "$@"\n' "$work/passwd" >"$work/with_tester"
        chmod 755 "$work/with_tester"
        extra="DEBUGINFOD_CACHE_PATH= XDG_CACHE_HOME=/root/.cache SUDO_UID=4321 unshare -m $work/with_tester"
        begin home/sudo serve
        extra=
        is_theirs() { wait_for has_lines home/sudo && [ "$(stat -c %u "$work/home/.cache/debuginfod_client/$id/debuginfo")" = 4321 ]; }
        check "$by_sudo" is_theirs
        finish home/sudo
else
        check "$by_sudo # SKIP only root can be called by sudo" true
fi

wait_for ticks off 4
check "with --no-debuginfod nobody is asked" test ! -e "$work/off/requests"
finish off

check "a server that hangs is asked" wait_for asked hang
last=$(query "$work/hang.heaptop" 'SELECT max(id) FROM tick')
check "the recording goes on meanwhile, with names" wait_for ticks hang $((${last:-0} + 3))
check "and ends, while the server hangs on" finish hang
check "nothing was lost" test "$(query "$work/hang.heaptop" 'SELECT max(lost_samples) FROM tick') $(query "$work/hang.heaptop" \
        'SELECT count(*) FROM gap')" = "0 0"

check "a file with another build id is refused" wait_for logged wrong 'another file'
forgotten() { ! find "$work/$1.cache" -name debuginfo -size +0 | grep -q .; }
check "and does not stay in the cache" forgotten wrong
check "one that says it is too big is refused" wait_for logged huge 'too big'
check "one that does not say so, too" wait_for logged endless 'no debug information: '
check "redirections in a circle end" wait_for logged loop 'no debug information: '
told_once() { [ "$(notes "$1" | wc -l)" = 1 ]; }
check "a server that is not there is told about once" wait_for told_once nowhere
for name in wrong huge endless loop nowhere; do
        finish $name
        has_name $name && has_none $name && is_free $name && [ "$(query "$work/$name.heaptop" 'PRAGMA integrity_check')" = ok ] ||
                bad="$bad $name"
done
check "all of them leave names, and nothing else" test -z "$bad"
notes nowhere | note
the_end
