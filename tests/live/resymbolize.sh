#!/bin/sh
# heaptop resymbolize: a session that was recorded without debug information gets names later; and a session needs no file to be
# replayed with the names that it has.
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_ptrace
need_program sqlite3 cc strip readelf cmp
[ -x /usr/bin/python3 ] || skip_all "no python3 here"

chmod 755 "$work"
mkdir "$work/bin" "$work/server" "$work/cache" && chmod 755 "$work/server" || exit 99
[ "$(id -u)" != 0 ] || chown nobody "$work/cache"
cat >"$work/bin/leak.c" <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
/* a name that data/frames.conf takes for a part of the runtime */
__attribute__((noinline)) static void *g_malloc(size_t size)
{
        void *block = malloc(size);

        *(volatile char *)block = 1;
        return block;
}
static inline __attribute__((always_inline)) void *inner(void) { return g_malloc(5000); }
__attribute__((noinline)) static void leak_here(void) { *(volatile char *)inner() = 1; }
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
cc -g -gdwarf-5 -O1 -Wl,--build-id -o "$work/full" "$work/bin/leak.c" && strip -o "$work/bin/leak" "$work/full" || exit 99
id=$(readelf -n "$work/full" | awk '/Build ID:/ { print $3 }')
objcopy --only-keep-debug "$work/full" "$work/server/$id.debug" || exit 99

"$work/bin/leak" >"$work/leak.out" &
target=$!
started="$started $target"
wait_for grep -q READY "$work/leak.out"
session=$work/old.heaptop
"$heaptop" record -p $target --mean 16K -o "$session" >/dev/null 2>&1 &
recording=$!
started="$started $recording"
sampled() { query "$session" 'SELECT 1 FROM stack WHERE site != 0' 2>/dev/null | grep -q 1; }
wait_for sampled

resymbolize() { status_of "$heaptop" resymbolize "$@"; }
is_as_before() { cmp -s "$session" "$work/before" && [ "$(ls "$work"/old.heaptop*)" = "$session" ]; }
leak_frames() { query "$1" "SELECT count(*) FROM frame f JOIN module m ON m.id = f.module WHERE m.path LIKE '%/leak' AND ($2)"; }
site_name() { query "$1" "SELECT f.func FROM site s JOIN frame f ON f.id = s.frame"; }

plan 25
resymbolize "$session"
check "a session that is being recorded is refused" test "$status" = 75
note <"$work/err"
kill -INT $recording
wait $recording
cp "$session" "$work/before"
check "it was recorded without names" test "$(leak_frames "$session" 'func IS NOT NULL OR file IS NOT NULL')" = 0

resymbolize "$session"
check "as long as nothing is there the file stays as it is" is_as_before
check "and the missing build id is named" grep -q "no debug information: $work/bin/leak (build id $id), .* frames: not on this machine" "$work/out"
chmod 400 "$session"
resymbolize "$session"
check "a read-only file is refused" test "$status" = 73
check "in words, and stays as it is" test "$(is_one_sentence && is_as_before && grep -c 'read-only' "$work/err")" = 1
chmod 600 "$session"

if has_debuginfod; then
        echo hang >"$work/server/mode"
        /usr/bin/python3 -B "$HEAPTOP_SRC/tests/live/buildid_server.py" "$work/server" &
        started="$started $!"
        wait_for test -s "$work/server/port"
        DEBUGINFOD_URLS=http://127.0.0.1:$(cat "$work/server/port") DEBUGINFOD_CACHE_PATH=$work/cache
        export DEBUGINFOD_URLS DEBUGINFOD_CACHE_PATH
        "$heaptop" resymbolize --no-debuginfod "$session" >"$work/out" 2>&1
        check "with --no-debuginfod no server is asked" test ! -e "$work/server/requests"
        # a shell's background job ignores SIGINT
        /usr/bin/python3 -c 'import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])' \
                "$heaptop" resymbolize "$session" >"$work/out" 2>&1 &
        interrupted=$!
        wait_for test -s "$work/server/requests"
        kill -INT $interrupted
        status=0
        wait $interrupted || status=$?
        check "ctrl-C ends it" test $status = 130
        check "and leaves the file as it was" is_as_before
        echo serve >"$work/server/mode"
        resymbolize -o "$work/fetched.heaptop" "$session"
        check "names come from a server" test "$(leak_frames "$work/fetched.heaptop" "func = 'leak_here' AND line = 13")" = 1
        check "the session stays as it is when a copy is asked for" is_as_before
        unset DEBUGINFOD_URLS
else
        for point in "with --no-debuginfod no server is asked" "ctrl-C ends it" "and leaves the file as it was" \
                "names come from a server" "the session stays as it is when a copy is asked for"; do
                check "$point # SKIP no libdebuginfod here" true
        done
fi

cp "$work/full" "$work/bin/leak.new" && mv "$work/bin/leak.new" "$work/bin/leak"
query_write() { sqlite3 "$session" "$1"; }
query_write "INSERT INTO module VALUES (900, '[jit]', ''); INSERT INTO frame VALUES (900, 900, 7, 'compiled', NULL, 0, 0, 33, 1);
        INSERT INTO frame VALUES (901, (SELECT id FROM module WHERE path LIKE '%/leak'), (SELECT offset FROM frame f JOIN module m ON
        m.id = f.module WHERE m.path LIKE '%/leak' LIMIT 1), 'handler', 'app.py', 31, 0, 65, 1)"
left_alone() { [ "$(query "$1" 'SELECT func, file, line, flags FROM frame WHERE id IN (900, 901)' | tr '\n' ' ')" = "compiled||0|33 handler|app.py|31|65 " ]; }
before=$(query "$session" 'SELECT id FROM site')
resymbolize "$session"
note <"$work/out"
check "names come from a file with the same build id" test "$(leak_frames "$session" "func = 'leak_here' AND file LIKE '%/leak.c' AND line = 13")" = 1
check "and inlined calls with them" test "$(query "$session" "SELECT i.func, i.line, f.func FROM frame i JOIN frame f ON f.id = i.inlined_in
        WHERE i.func = 'inner'")" = "inner|12|leak_here"
check "compiled and interpreted frames stay as they are" left_alone "$session"
check "sites keep their ids" test "$(query "$session" 'SELECT id FROM site')" = "$before"
check "and are named by the rules: not by a part of the runtime" test "$(site_name "$session")" = leak_here
check "it is a whole session" test "$(query "$session" 'PRAGMA integrity_check')" = ok
check "once more changes nothing" test "$(cp "$session" "$work/before"; resymbolize "$session"; is_as_before && echo "$status")" = 0
check "something that is there is not overwritten" test "$(resymbolize -o "$work/before" "$session"; echo "$status")" = 73
resymbolize --json -o "$work/copy.heaptop" "$session"
check "--json is JSON" /usr/bin/python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); assert d["heaptop_schema"] == 1 and d["after"]["with_lines"] > 2' "$work/out"

# a file without a build id counts while it has the size and time of the session
cc -g -O1 -Wl,--build-id=none -o "$work/bin/plain" "$work/bin/leak.c" || exit 99
"$work/bin/plain" >"$work/plain.out" &
plain=$!
started="$started $plain"
wait_for grep -q READY "$work/plain.out"
"$heaptop" record -p $plain -d 1s --mean 16K -o "$work/plain.heaptop" >/dev/null 2>&1
forget() { sqlite3 "$1" "DELETE FROM frame WHERE inlined_in != 0; UPDATE frame SET func = NULL, file = NULL, line = 0"; }
forget "$work/plain.heaptop"
cp "$work/plain.heaptop" "$work/touched.heaptop"
resymbolize "$work/plain.heaptop"
plain_lines() { query "$1" "SELECT count(*) FROM frame WHERE file LIKE '%/leak.c'"; }
check "without a build id size and time decide: the same file" test "$(plain_lines "$work/plain.heaptop")" -ge 3
touch "$work/bin/plain"
resymbolize "$work/touched.heaptop"
check "another file" test "$(plain_lines "$work/touched.heaptop") $(grep -c 'build id none.*no build id' "$work/out")" = "0 1"

# sessions may come from anybody
mkfifo "$work/fifo"
tampered() {
        while read -r sql; do
                cp "$work/before" "$work/tampered.heaptop" && sqlite3 "$work/tampered.heaptop" "$sql" || return 1
                status_of timeout 60 "$heaptop" resymbolize "$work/tampered.heaptop"
                [ "$status" -le 2 ] && ! grep -q Sanitizer "$work/err" || { echo "# $status: $sql"; note <"$work/err"; return 1; }
        done <<END
UPDATE stack SET parent = id
UPDATE stack SET parent = (SELECT max(id) FROM stack), frame = 0
UPDATE frame SET inlined_in = 1 + (id % 5)
UPDATE frame SET id = 2147483640 WHERE id = 2
UPDATE frame SET offset = -1
UPDATE module SET path = '/dev/zero'
UPDATE module SET path = '$work/fifo'
UPDATE module SET build_id = '../../../../etc/passwd'
UPDATE module SET path = hex(zeroblob(30000)), build_id = hex(zeroblob(4000))
UPDATE site SET frame = 999999999
DELETE FROM module
END
}
check "one that was tampered with harms nothing" tampered

# what a session shows where there is nothing but heaptop and the file
show() { "$@" report --top 3 "$session" && "$@" replay --ascii --screen 100x30 --keys '> Enter u' "$session"; }
show "$heaptop" >"$work/here" 2>&1
kill $target
rm -rf "$work/bin" "$work/full" "$work/server"
if [ "$(id -u)" = 0 ] && [ -z "${HEAPTOP_SANITIZED:-}" ] && command -v chroot >/dev/null 2>&1; then # a sanitizer wants a /proc
        root=$work/root
        mkdir -p "$root/tmp" "$root/proc" "$root/usr/share"
        for library in $(ldd "$heaptop" | awk '/\// { print $(NF - 1) }'); do
                mkdir -p "$root/$(dirname "$library")" && cp -L "$library" "$root/$library"
        done
        cp "$heaptop" "$root/heaptop" && cp "$session" "$root/old.heaptop"
        elsewhere() { env -i PATH="$PATH" LC_ALL=C.UTF-8 TZ=UTC chroot "$root" /heaptop "$@"; }
        session=/old.heaptop
        show elsewhere >"$work/there" 2>&1
else
        show "$heaptop" >"$work/there" 2>&1
fi
same() {
        for file in here there; do # where the file lies, and the text of the source, are not the session's
                sed -e "s,$work/,/,g" -e '/^-- /,$d' -e '/^session/d' "$work/$file" >"$work/$file.same"
        done
        diff "$work/here.same" "$work/there.same" | note
        cmp -s "$work/here.same" "$work/there.same"
}
check "a session shows the same names without any file" same
check "of them those that were found later" grep -q 'inner.*leak.c:12' "$work/there"
the_end
