#!/bin/sh
# A target with more libraries than the recorder may have files open: names get worse, the hooks come out all the same.
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_ptrace
need_program cc /usr/bin/python3 sqlite3

echo 'int answer(void) { return 42; }' >"$work/one.c"
cc -shared -fPIC -Wl,--build-id=0x68656170746f7030 -o "$work/one.so" "$work/one.c" || skip_all "cc makes no library here"
cat >"$work/many.py" <<'END'
import ctypes, sys, time
work = sys.argv[1]
one = open(work + "/one.so", "rb").read()
libraries = []
for i in range(500):
    path = "%s/%d.so" % (work, i)
    open(path, "wb").write(one.replace(b"heaptop0", b"heap%04d" % i)) # a build id of its own: another file to all who look
    libraries.append(ctypes.CDLL(path))
open(work + "/ready", "w").close()
keep = []
while True:
    keep.append(bytearray(100000))
    time.sleep(0.01)
END
/usr/bin/python3 "$work/many.py" "$work" &
target=$!
started="$started $target"
wait_for test -e "$work/ready" || exit 99

plan 6
record_with() {
        rm -f "$work/a.heaptop"
        (ulimit "$1" 1024 && exec "$heaptop" record -p "$target" -d 2s -o "$work/a.heaptop") >"$work/out" 2>"$work/err"
        status=$?
        note <"$work/err"
}
for limit in -Sn -n; do
        record_with $limit
        check "with ulimit $limit 1024 it is recorded" test "$status" = 0
        check "and restored" grep -q 'hooks removed' "$work/err"
        check "the file is complete" test "$(sqlite3 "$work/a.heaptop" 'SELECT ended_ns > 0 AND (SELECT count(*) FROM tick) > 1 FROM session')" = 1
done
the_end
