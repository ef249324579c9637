#!/bin/sh
# The names of what was recorded are those that binutils' addr2line, elfutils' eu-addr2line and llvm-symbolizer give: functions, lines and inlined calls, of
# programs from Debian and of C++ with much inlining, in each way that compilers describe it.
#
#   HEAPTOP_NAMES=more   records longer, for 2,000 frames and more
. "$HEAPTOP_SRC/tests/live/servers.sh"
need_ptrace
need_program redis-server nginx node $python sqlite3 g++ clang++ dwz addr2line eu-addr2line llvm-symbolizer c++filt
source=$(cd "$HEAPTOP_SRC/tests/targets" && pwd)/inlined.cc
seconds=3
[ "${HEAPTOP_NAMES:-}" = more ] && seconds=12
plan 15

# compile NAME COMPILER FLAGS...: in the background
compile() {
        name=$1
        shift
        "$@" -std=c++17 -O2 -fPIC -shared -fvisibility=hidden -o "$work/$name.so" "$source" 2>"$work/$name.err" &
        compiling="$compiling $!"
}

# agrees WHAT PID AT_LEAST: records PID and compares
agrees() {
        status_of "$heaptop" record -p "$2" -o "$work/$1.heaptop" -d ${seconds}s --mean 2K
        note <"$work/err"
        [ "$status" = 0 ] && "$python" -B "$here/names_check.py" "$1" "$work/$1.heaptop" "$3"
}

compiling=
compile gcc4 g++ -g -gdwarf-4
compile gcc5 g++ -g -gdwarf-5
wait $compiling
compiling=
compile clang4 clang++ -g -gdwarf-4
compile clang5 clang++ -g -gdwarf-5
wait $compiling
compiling=
(cd "$work" && compile split4 g++ -g -gdwarf-4 -gsplit-dwarf; wait $compiling)
(cd "$work" && compile split5 g++ -g -gdwarf-5 -gsplit-dwarf; wait $compiling)
cat "$work"/*.err | note
cp "$work/gcc5.so" "$work/dwz5.so" && cp "$work/gcc4.so" "$work/dwz4.so" && dwz "$work/dwz5.so" && dwz "$work/dwz4.so" || exit 99

mkfifo "$work/in"
for kind in gcc4 gcc5 clang4 clang5 dwz4 dwz5 split4 split5; do
        program=$kind
        "$HEAPTOP_BUILD/tests/targets/loads" "$work/$kind.so" <"$work/in" >"$work/$kind.out" 2>&1 &
        pid=$!
        started="$started $pid"
        exec 8>"$work/in"
        ready $kind
        check "C++ with inlined calls, $kind" agrees $kind $pid 100
        exec 8>&-
        wait $pid
done

scoped() {
        query "$work/$1.heaptop" "SELECT count(*) FROM frame WHERE inlined_in > 0 AND func LIKE '(anonymous namespace)::Shop<_>::order'" | grep -q '^[1-9]'
}
check "what has no linkage name is named with its scopes, gcc" scoped gcc5
check "also in split DWARF" scoped split4

start_redis
load redis "$port"
check "redis" agrees redis "$pid" 20
load_ends
start_nginx
load http "$port"
check "nginx" agrees nginx "$pid" 20
load_ends
start python "$python" "$here/grow.py"
ready python
check "python3" agrees python3 "$pid" 20
start node node "$here/grow.js"
ready node
check "node" agrees node "$pid" 100
mkfifo "$work/sql"
sqlite3 -batch :memory: <"$work/sql" >/dev/null &
pid=$!
started="$started $pid"
exec 8>"$work/sql"
{
        echo 'CREATE TABLE item(id INTEGER, name TEXT, body TEXT);'
        for i in $(seq 4000); do cat "$HEAPTOP_SRC/tests/bench/work.sql"; done
} >&8 2>/dev/null &
feeding=$!
started="$started $feeding"
check "sqlite3" agrees sqlite3 $pid 20
the_end
