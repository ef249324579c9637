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

# record NAME PID: in the background until finish; the session is NAME.heaptop
record() {
        "$heaptop" record -p "$2" -d 120s --mean 64K -o "$work/$1.heaptop" >"$work/$1.out" 2>&1 &
        recordings="$recordings $!:$1"
        started="$started $!"
}

# finish: ends all recordings, which have seen what they were for
finish() {
        for recording in $recordings; do
                kill -INT "${recording%%:*}" 2>/dev/null
                wait "${recording%%:*}" || note <"$work/${recording#*:}.out"
        done
        recordings=
}

sites="SELECT f.func || ' ' || coalesce(f.file, '') || ':' || f.line FROM site s JOIN frame f ON f.id = s.frame"
has_site() { query "$work/$1.heaptop" "$sites" 2>/dev/null | grep -q "$2"; }
tells() { query "$work/$1.heaptop" "SELECT text FROM event" 2>/dev/null | grep -q "$2"; }
# blocks NAME FUNC SIZE: how many sampled blocks of that size belong to the site of that function
blocks() {
        query "$work/$1.heaptop" "SELECT count(*) FROM block b JOIN stack k ON k.id = b.stack 
                JOIN site s ON s.id = k.site JOIN frame f ON f.id = s.frame WHERE f.func = '$2' AND b.size = $3" 2>/dev/null ||
                echo 0
}
# frame NAME FUNC: path and build id of the module of that function
frame() {
        query "$work/$1.heaptop" "SELECT DISTINCT m.path, length(m.build_id) FROM frame f JOIN module m ON m.id = f.module
                WHERE f.func = '$2'" 2>/dev/null
}

plan 20

# Two functions that take turns at one address, one in a memfd, one that is told of late.
start turns "$targets/jit" map
turns=$pid
record turns $turns
cp "$targets/jit" "$work/deleted"
start deleted "$work/deleted" silent
rm "$work/deleted"
record deleted $pid
cp "$targets/jit" "$work/replaced"
start replaced "$work/replaced" silent
cp "$targets/churn" "$work/newer" && mv "$work/newer" "$work/replaced"
record replaced $pid
start copied "$targets/jit" memfd-program
record copied $pid

have_taken_turns() {
        [ "$(blocks turns even 3000)" -gt 200 ] && [ "$(blocks turns odd 5000)" -gt 200 ]
}
was_late() { [ "$(blocks turns late 9000)" -gt 5 ]; }
is_in_memfd() { [ "$(blocks turns in_memfd 7000)" -gt 5 ]; }
is_frame() { [ "$(frame "$1" call)" = "$2" ]; }
has_module() {
        [ "$(query "$work/$1.heaptop" "SELECT count(*) > 0 FROM frame f JOIN module m ON m.id = f.module
                WHERE m.path = '$2' AND f.func IS NULL" 2>/dev/null)" = 1 ]
}
is_hooked_now() { is_hooked $turns; }
wait_for is_hooked_now
kill -USR1 $turns
check "functions at one address are two sites" wait_for have_taken_turns
check "one whose line came after its samples has its name" wait_for was_late
check "as has one in a memfd" wait_for is_in_memfd
check "it is said where names come from" wait_for tells turns "are read from /tmp/perf-$turns.map"
check "without names, code says that it is anonymous" wait_for has_module deleted '[anon]'
check "or in which memfd it is" wait_for has_module deleted '/memfd:program (deleted)'
check "a program that was deleted has its names, and its path says so" \
        wait_for is_frame deleted "$work/deleted (deleted)|40"
check "one that was replaced has those of the file it runs" wait_for is_frame replaced "$work/replaced (deleted)|40"
check "one that stands in memory only has names" wait_for is_frame copied "/memfd:copied (deleted)|40"
finish
wrong=$(($(blocks turns even 5000) + $(blocks turns odd 3000)))
right=$(($(blocks turns even 3000) + $(blocks turns odd 5000)))
echo "# $wrong of $((wrong + right)) samples have the name of the other, at two changes a second"
check "samples belong to the function that stood there then" test $((wrong * 3)) -lt $right

# In a container: another root, where it has another number.
if unshare --mount --pid --fork true 2>/dev/null; then
        mkdir "$work/inside"
        cat >"$work/container" <<'EOF'
exec 3<"$1" # the program itself may stand below /tmp
mount -t tmpfs none /tmp || exit 1
exec /proc/self/fd/3 map
EOF
        start box unshare --mount --pid --fork sh "$work/container" "$(realpath "$targets/jit")"
        inner=$(cat /proc/$pid/task/$pid/children)
        started="$started $inner"
        record box ${inner%% *}
        check "in a container, the map is found by the number it has there" wait_for has_site box '^even '
        check "and read from its own root" wait_for tells box "/tmp/perf-1.map"
        finish
else
        check "in a container, the map is found # SKIP no name spaces here" true
        check "and read from its own root # SKIP no name spaces here" true
fi

start map node --perf-basic-prof "$here/jit.js"
record map $pid
start frames node --perf-basic-prof --interpreted-frames-native-stack "$here/jit.js"
record frames $pid
check "node: a compiled function is a site with its script and line" wait_for has_site map '^often /.*jit.js:9$'
check "and so is another" wait_for has_site map '^timed /.*jit.js:14$'
check "one that is interpreted is one, too" wait_for has_site map '^keep /.*jit.js:6$'
check "with frames of their own, interpreted functions are sites as well" wait_for has_site frames '^keep /.*jit.js:6$'
check "and compiled ones are" wait_for has_site frames '^often /.*jit.js:9$'
finish
start dump node --perf-prof "$here/jit.js"
record dump $pid
start none node "$here/jit.js"
record none $pid
check "a jitdump file names them as well" wait_for has_site dump '^often /.*jit.js:9$'
check "without names it is said how to get them" wait_for tells none 'perf-basic-prof'
finish
for name in map frames dump none; do
        query "$work/$name.heaptop" "$sites" | head -n 6 | sed "s/^/# $name: /"
done
check "the page that marks a jitdump file is no library that was loaded" \
        sh -c "! sqlite3 '$work/dump.heaptop' 'SELECT text FROM event' | grep 'loaded.*dump'"
the_end
