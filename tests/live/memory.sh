#!/bin/sh
# What RSS consists of, memory mapped by call site, and blocks from before the attach: a program that knows its own truth
# (tests/targets/memory.c), python3 and redis.
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_ptrace
need_program sqlite3 python3
python=$(command -v /usr/bin/python3 || command -v python3)
session=$work/memory.heaptop
plan 15

mkfifo "$work/commands" "$work/answers"
"$HEAPTOP_BUILD/tests/targets/memory" <"$work/commands" >"$work/answers" &
target=$!
started="$started $target"
exec 7>"$work/commands" 8<"$work/answers"
read -r ready <&8
[ "$ready" = READY ] || exit 99

# ask COMMAND: what the target answers goes to $work/truth
ask() {
        echo "$1" >&7
        while read -r line <&8 && [ "$line" != DONE ]; do
                echo "$line" >>"$work/truth"
        done
}

ticks() {
        query "$session" "SELECT coalesce(max(id), 0) FROM tick" 2>/dev/null || echo 0
}

# looked CONDITION: a look at memory says so
looked() {
        [ "$(query "$session" "SELECT count(*) FROM memory WHERE $1" 2>/dev/null || echo 0)" -gt 0 ]
}

classes_known() {
        [ "$(query "$session" "SELECT count(*) FROM before_class" 2>/dev/null || echo 0)" -gt 0 ]
}

"$heaptop" record -p $target --mean 64K -o "$session" >"$work/record.out" 2>"$work/record.err" &
recorder=$!
started="$started $recorder"
check "blocks from before the attach are looked at" wait_for classes_known
ask work
check "a look sees what was mapped and shared" wait_for looked 'shared > 7000000 AND stacks > 2000000 AND mapped > 30000000'
ask free
now=$(ticks)
wait_for looked "tick > $((now + 1))" # the look in the tick after NOW may have begun before
kill -INT $recorder
status=0
wait $recorder || status=$?
note <"$work/record.err"
check "the recording ends well" test "$status" = 130
check "the target runs on, untouched" is_untouched $target
"$heaptop" report --json "$session" >"$work/report.json"
"$heaptop" report "$session" >"$work/report.txt"

# holds EXPRESSION: about r (the report), t (the truth), parts, site(name)
holds() {
        $python - "$work/report.json" "$work/truth" "$1" <<'P'
import json, sys
r = json.load(open(sys.argv[1]))
t = {k: int(v) for k, v in (l.split('=') for l in open(sys.argv[2]).read().split())}
m, parts = r['memory'], {k[:-6]: v for k, v in r['memory']['parts'].items()}
p = r['process']
MIB = 1 << 20
def site(name):
    found = [s for s in r['sites'] if s['name'] == name and s['kind'] == 'mapped']
    return {'bytes': sum(s['live_bytes']['value'] for s in found), 'place': found[0]['place']}
def near(found, true, slack):
    print('# found %d, true %d, off %d, allowed %d' % (found, true, found - true, slack))
    return abs(found - true) <= slack
def before(size):
    return [c for c in r['before_attach']['classes'] if c['from_bytes'] <= size and (c['to_bytes'] or 1 << 62) >= size][0]
ok = eval("(" + sys.argv[3] + ")")
if not ok:
    print('# memory', m)
sys.exit(not ok)
P
}

check "the parts add up to RSS, to the byte" holds 'sum(parts.values()) == m["rss_bytes"] and min(parts.values()) >= 0'
check "that RSS is what the kernel says" holds \
        'near(m["rss_bytes"], p["rss_anon_bytes"] + p["rss_file_bytes"] + p["rss_shmem_bytes"], 2 * MIB)'
check "the leaking function has what it mapped" holds \
        'near(site("grow_map")["bytes"], t["grow_map"], MIB) and site("grow_map")["place"].startswith("memory.c")'
check "what was given back, cut and moved counts as what is left" holds \
        'near(site("keep_map")["bytes"], t["keep_map"], MIB)'
check "mapped by site is what is resident of it" holds 'near(parts["mapped"], t["mapped_resident"], MIB)'
check "stacks, files and shared memory are told apart" holds \
        'near(parts["stacks"], t["stacks"], MIB) and near(parts["shared"], t["shared"], 128 << 10) and
         parts["files"] >= t["file"] and parts["rest"] < MIB'
check "a block that was never written to is no resident heap" holds \
        'near(m["untouched_bytes"], t["unused"], MIB) and parts["heap_live"] < 16 * MIB'
check "blocks from before the attach shrink by size as they are freed" holds \
        'near(before(1008)["began_bytes"], 4000 * 1008, 64 << 10) and near(before(1008)["live_bytes"]["value"], 2000 * 1008, 64 << 10) and
         near(before(200704)["live_bytes"]["value"], 20 * 200704, 4096)'

says_it() {
        grep -q 'mmap:grow_map' "$work/report.txt" && grep -q '^ *7\.[0-9]*M .* shared memory' "$work/report.txt" &&
                grep -q 'of 3\.8M in blocks of 896 to 1.0K\|of 3\.[0-9]*M in blocks of' "$work/report.txt" &&
                "$heaptop" replay "$session" --screen 140x40 --ascii --keys 1 >"$work/screen" && grep -q '= .*mapped' "$work/screen" &&
                grep -q 'mmap:grow_map' "$work/screen" || { note <"$work/report.txt"; note <"$work/screen"; return 1; }
}
check "the page and the screen say so in words" says_it
echo quit >&7

# ---- others: figures that must at least be possible ----

record_a_while() {
        rm -f "$session"
        status_of "$heaptop" record -p "$1" -d 3s -o "$session"
        [ "$status" = 0 ] && "$heaptop" report --json "$session" >"$work/report.json" && "$heaptop" report "$session" >"$work/report.txt"
}

python_is_plausible() {
        $python -c 'import time; x = [bytes(100) * 50 for i in range(10000)]; y = list(range(10 ** 6)); print("READY", flush=True)
while True: time.sleep(0.01); y.append([0] * 10000)' >"$work/answers.py" &
        other=$!
        started="$started $other"
        wait_for grep -q READY "$work/answers.py"
        record_a_while $other && holds 'sum(parts.values()) == m["rss_bytes"] and parts["heap_live"] > 40 * MIB and m["heap_split"] and
                near(m["rss_bytes"], p["rss_anon_bytes"] + p["rss_file_bytes"] + p["rss_shmem_bytes"], 8 * MIB)'
}
check "python3: the parts add up and the heap is most of it" python_is_plausible

redis_says_at_most() {
        command -v redis-server >/dev/null || { echo "# no redis-server here"; return 0; }
        redis-server --port 0 --unixsocket "$work/redis.sock" --save '' --dir "$work" >"$work/redis.log" 2>&1 &
        other=$!
        started="$started $other"
        wait_for test -S "$work/redis.sock"
        record_a_while $other && holds 'sum(parts.values()) == m["rss_bytes"] and
                (m["heap_split"] or r["before_attach"]["upper_bound"] and not r["before_attach"]["classes"])' &&
                grep -q 'before     \(at most \)\?[0-9.]*[KMG]' "$work/report.txt"
}
check "another allocator: at most so much from before, and no sizes made up" redis_says_at_most
the_end
