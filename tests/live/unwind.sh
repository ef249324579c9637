#!/bin/sh
# Stacks of live programs under load, unwound by the compiled tables and by libunwind: at least 99.9 % must be identical frame by
# frame on stacks without JIT code. Through JIT code every frame must be one that V8 told in its perf map, in the order of the
# calls that are known.
#
# HEAPTOP_UNWIND_RECORDS=20000 for the long version (a few hundred of each program are looked at otherwise).
. "$HEAPTOP_SRC/tests/live/servers.sh"
need_ptrace
need_program redis-server nginx node g++ $python
checker=$HEAPTOP_BUILD/tests/live/unwind_check
records=${HEAPTOP_UNWIND_RECORDS:-600}

# figure NAME: what the checker printed as NAME=
figure() {
        sed -n "s/.*\\b$1=\\([0-9]*\\).*/\\1/p" "$work/found"
}

# agrees MEAN [LEAST]: the tables and libunwind, on at least 99.9 % of the stacks (without JIT code); of all LEAST % must be such
agrees() {
        "$checker" "$pid" "$records" "$1" >"$work/found" 2>&1 || { note <"$work/found"; return 1; }
        note <"$work/found"
        plain=$(($(figure identical) + $(figure different)))
        [ "$plain" -gt $((records * ${2:-100} / 100 - 1)) ] && [ $(($(figure different) * 1000)) -le "$plain" ]
}

plan 12

# every kind of frame that compilers make; with and without frame pointers, optimised or not
for flags in '-O2 -fomit-frame-pointer' '-O0' '-O2 -fno-omit-frame-pointer -fcf-protection=none' '-Os -fno-plt -Wl,-z,lazy'; do
        g++ $flags -g -o "$work/winding" "$HEAPTOP_SRC/tests/targets/winding.cc" -lpthread || exit 99
        mkfifo "$work/winding.in"
        "$work/winding" <"$work/winding.in" >"$work/winding.out" 2>&1 &
        pid=$!
        started="$started $pid"
        exec 8>"$work/winding.in"
        ready winding
        check "a program that knows all kinds of frames, $flags" agrees 3000
        exec 8>&-
        wait "$pid" 2>/dev/null
        rm -f "$work/winding.in" "$work/winding"
done

start_redis
load redis "$port"
check "redis" agrees 4000

start_nginx
load http "$port"
check "nginx" agrees 4000

start python "$python" "$here/grow.py"
ready python
check "python3" agrees 65536
kill "$pid"

# work for node's own threads, which run no JavaScript
cat >"$work/pool.js" <<'EOF'
const crypto = require('crypto'), fs = require('fs'), zlib = require('zlib');
const data = Buffer.alloc(30000, 'some text ');
function again() {
        zlib.gzip(data, () => crypto.scrypt('secret', 'salt', 32, { N: 64 }, () => fs.readdir('/usr/lib', () =>
                crypto.generateKeyPair('ec', { namedCurve: 'P-256' }, () => setImmediate(again)))));
}
console.log('READY');
for (let i = 0; i < 8; i++)
        again();
EOF
start node node "$work/pool.js"
ready node
check "node, where no JavaScript is on the stack" agrees 2000 30
kill "$pid"

# names_hold LEAST: every frame in anonymous memory is a function that V8 told; LEAST chains of calls, none broken
names_hold() {
        [ "$(figure unnamed)" -eq 0 ] && [ "$(figure jit_frames)" -gt "$records" ]
}

chains_hold() {
        [ "$(figure broken)" -eq 0 ] && [ "$(figure chains)" -gt $((records / 2)) ]
}

# through_jit INLINED OPTION...: runs steps.js with names
through_jit() {
        inlined=$1
        shift
        start "steps$inlined" node --perf-basic-prof "$@" "$here/steps.js"
        ready "steps$inlined"
        "$checker" "$pid" "$records" 65536 "/tmp/perf-$pid.map" $inlined >"$work/found" 2>&1
        result=$?
        note <"$work/found"
        kill "$pid"
        rm -f "/tmp/perf-$pid.map"
        [ $result = 0 ] && names_hold
}
check "through JIT code each frame is a function of V8's map" through_jit '' --interpreted-frames-native-stack --no-turbo-inlining
check "and they are the callers that the program has, each of them" chains_hold
check "through code as V8 makes it on its own, too" through_jit inlined
check "and the callers that are left stand in their order" chains_hold
the_end
