#!/bin/sh
# Code that stands in no file, or in one that is gone: what was compiled while the program ran has the names that its runtime
# writes down, also in a container; memory without names says what it is; programs that were deleted or replaced keep theirs.
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_ptrace
need_program node sqlite3 cc unshare
here=$(realpath "$HEAPTOP_SRC/tests/live")
targets=$HEAPTOP_BUILD/tests/targets

cd "$work" || exit 99
recordings=
remove_maps() {
        for pid in $started; do
                rm -f "/tmp/perf-$pid.map"
        done
}
trap 'remove_maps; clean_up' EXIT

# start NAME COMMAND...: runs it until the test ends, waits for READY; its pid is in $pid
start() {
        name=$1
        shift
        mkfifo "$work/$name.ready" "$work/$name.hold"
        "$@" <"$work/$name.hold" >"$work/$name.ready" 2>"$work/$name.err" &
        pid=$!
        started="$started $pid"
        exec 9>"$work/$name.hold" # kept open in a sleeper, so that each program has its own end
        sleep 600 >&9 &
        started="$started $!"
        exec 9>&-
        read -r ready <"$work/$name.ready"
        [ "$ready" = READY ] || { echo "Bail out! $name does not start"; note <"$work/$name.err"; exit 99; }
}

# record NAME PID SECONDS: in the background; the session is NAME.heaptop
record() {
        "$heaptop" record -p "$2" -d "$3s" --mean 64K -o "$work/$1.heaptop" >"$work/$1.out" 2>&1 &
        recordings="$recordings $!:$1"
}

wait_for_recordings() {
        for recording in $recordings; do
                wait "${recording%%:*}" || note <"$work/${recording#*:}.out"
        done
        recordings=
}

sites="SELECT f.func || ' ' || coalesce(f.file, '') || ':' || f.line FROM site s JOIN frame f ON f.id = s.frame"
has_site() { query "$work/$1.heaptop" "$sites" | grep -q "$2"; }
tells() { query "$work/$1.heaptop" "SELECT text FROM event" | grep -q "$2"; }
# blocks NAME FUNC SIZE: how many sampled blocks of that size belong to the site of that function
blocks() {
        query "$work/$1.heaptop" "SELECT count(*) FROM block b JOIN stack k ON k.id = b.stack 
                JOIN site s ON s.id = k.site JOIN frame f ON f.id = s.frame WHERE f.func = '$2' AND b.size = $3"
}
# frame NAME FUNC: path and build id of the module of that function
frame() {
        query "$work/$1.heaptop" "SELECT DISTINCT m.path, length(m.build_id) FROM frame f JOIN module m ON m.id = f.module
                WHERE f.func = '$2'"
}

plan 20

# Two functions that take turns at one address, one in a memfd, one that is told of late.
start turns "$targets/jit" map
turns=$pid
record turns $turns 5
cp "$targets/jit" "$work/deleted"
start deleted "$work/deleted" silent
rm "$work/deleted"
record deleted $pid 2
cp "$targets/jit" "$work/replaced"
start replaced "$work/replaced" silent
cp "$targets/churn" "$work/newer" && mv "$work/newer" "$work/replaced"
record replaced $pid 2
start copied "$targets/jit" memfd-program
record copied $pid 2
is_hooked_now() { is_hooked $turns; }
wait_for is_hooked_now
kill -USR1 $turns
wait_for_recordings
kill $turns

even=$(blocks turns even 3000) odd=$(blocks turns odd 5000)
check "functions at one address are two sites" test "$even" -gt 20 -a "$odd" -gt 20
wrong=$(($(blocks turns even 5000) + $(blocks turns odd 3000)))
right=$((even + odd))
echo "# $wrong of $((wrong + right)) samples have the name of the other, at two changes a second"
check "and samples belong to the one that stood there then" test $((wrong * 3)) -lt $right
check "one whose line came after its samples has its name" test "$(blocks turns late 9000)" -gt 5
check "as has one in a memfd" test "$(blocks turns in_memfd 7000)" -gt 5
check "it is said where names come from" tells turns "are read from /tmp/perf-$turns.map"

is_anonymous() {
        query "$work/$1.heaptop" "SELECT count(*) FROM frame f JOIN module m ON m.id = f.module
                WHERE m.path = '[anon]' AND f.func IS NULL" | grep -q '^[1-9]'
}
in_memfd() {
        query "$work/$1.heaptop" "SELECT count(*) FROM frame f JOIN module m ON m.id = f.module
                WHERE m.path = '/memfd:program (deleted)'" | grep -q '^[1-9]'
}
check "without names, code says that it is anonymous" is_anonymous deleted
check "or in which memfd it is" in_memfd deleted
check "a program that was deleted has its names, and its path says so" \
        test "$(frame deleted call)" = "$work/deleted (deleted)|40"
check "one that was replaced has those of the file it runs" \
        test "$(frame replaced call)" = "$work/replaced (deleted)|40"
check "one that stands in memory only has names" test "$(frame copied call)" = "/memfd:copied (deleted)|40"

# In a container: another root, where it has another number.
if unshare --mount --pid --fork true 2>/dev/null; then
        mkdir "$work/inside"
        cat >"$work/container" <<'EOF'
mount -t tmpfs none /tmp || exit 1
exec "$1" map
EOF
        start box unshare --mount --pid --fork sh "$work/container" "$(realpath "$targets/jit")"
        inner=$(cat /proc/$pid/task/$pid/children)
        started="$started $inner"
        record box ${inner%% *} 3
        wait_for_recordings
        check "in a container, the map is found by the number it has there" has_site box '^even '
        check "and read from its own root" tells box "/tmp/perf-1.map"
else
        check "in a container, the map is found # SKIP no name spaces here" true
        check "and read from its own root # SKIP no name spaces here" true
fi

start map node --perf-basic-prof "$here/jit.js"
record map $pid 4
start frames node --perf-basic-prof --interpreted-frames-native-stack "$here/jit.js"
record frames $pid 4
wait_for_recordings
start dump node --perf-prof "$here/jit.js"
record dump $pid 4
start none node "$here/jit.js"
record none $pid 3
wait_for_recordings
for name in map frames dump none; do
        query "$work/$name.heaptop" "$sites" | head -n 8 | sed "s/^/# $name: /"
done
check "node: a compiled function is a site with its script and line" has_site map '^often /.*jit.js:9$'
check "and so is another" has_site map '^timed /.*jit.js:14$'
check "one that is interpreted is one, too" has_site map '^keep /.*jit.js:6$'
check "with frames of their own, interpreted functions are sites as well" has_site frames '^keep /.*jit.js:6$'
check "and compiled ones are" has_site frames '^often /.*jit.js:9$'
check "a jitdump file names them as well" has_site dump '^often /.*jit.js:9$'
check "the page that marks it is no library that was loaded" \
        sh -c "! sqlite3 '$work/dump.heaptop' 'SELECT text FROM event' | grep 'loaded.*dump'"
check "without names it is said how to get them" tells none 'perf-basic-prof'
the_end
