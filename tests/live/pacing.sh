#!/bin/sh
# Adaptive sampling on real processes: the budget, a step in the load, estimates against the truth, a fixed mean.
#
# HEAPTOP_ZOOM=240 tests/live/pacing.sh (seconds, at least 200) also watches a leak of 20 kB/s under 50 MB/s until its
# size class is zoomed; make check leaves that out. HEAPTOP_BUILD and HEAPTOP_SRC as in make check.
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_ptrace
need_program sqlite3
zoom_s=${HEAPTOP_ZOOM:-0}
plan $((zoom_s ? 14 : 10))

# start_drip CHURN LEAK SIZE [LATER]: sets $drip, its truth goes to $work/truth
start_drip() {
        : >"$work/truth"
        "$HEAPTOP_BUILD/tests/targets/drip" "$@" >"$work/truth" 2>/dev/null &
        drip=$!
        started="$started $drip"
        wait_for grep -q leaked "$work/truth"
}

stop_drip() {
        kill "$drip"
        wait "$drip" 2>/dev/null
}

# truth_at NS: bytes leaked until then, interpolated
truth_at() {
        awk -v when="$1" '/^time=/ { sub("time=", "", $1); sub("leaked=", "", $2); time[++n] = $1; leaked[n] = $2 }
                END { for (i = 2; i < n && time[i] < when; i++) ;
                      printf "%.0f\n", leaked[i - 1] + (leaked[i] - leaked[i - 1]) * (when - time[i - 1]) / (time[i] - time[i - 1]) }' \
                "$work/truth"
}

truth_reaches() {
        [ "$(tail -n 2 "$work/truth" | sed -n 's/^time=\([0-9]*\) .*/\1/p' | head -n 1)" -gt "$1" ]
}

# agrees SESSION: the leak's estimate is within four standard deviations of the truth
agrees() {
        from=$(query "$1" 'SELECT started_ns FROM session')
        to=$(query "$1" 'SELECT max(time_ns) FROM tick')
        wait_for truth_reaches "$to" || return 1
        want=$(($(truth_at "$to") - $(truth_at "$from")))
        query "$1" "SELECT coalesce(sum(live_bytes), 0), coalesce(sum(live_variance), 0), coalesce(sum(live_samples), 0) FROM (
                  SELECT s.live_bytes, s.live_variance, s.live_samples, max(s.tick) FROM stack_tick s
                  JOIN stack k ON k.id = s.stack JOIN site ON site.id = k.site JOIN frame f ON f.id = site.frame
                  WHERE f.func LIKE '%drip_leak%' GROUP BY s.stack)" | tr '|' ' ' | awk -v want="$want" '{
                error = 4 * sqrt($2) + 0.03 * want
                printf "# found %d, true %d, allowed +-%d, %d samples\n", $1, want, error, $3
                exit !($3 > 20 && $1 - want <= error && want - $1 <= error) }'
}

# per_second SESSION FROM TO: samples a second between two times since the start, in seconds
per_second() {
        query "$1" "SELECT (max(samples) - min(samples)) / ((max(time_ns) - min(time_ns)) / 1e9) FROM tick, session
                WHERE time_ns - started_ns BETWEEN $2 * 1e9 AND $3 * 1e9"
}

# within LOW HIGH VALUE
within() {
        echo "# $3 samples/s"
        awk -v x="$3" -v low="$1" -v high="$2" 'BEGIN { exit !(x >= low && x <= high) }'
}

is() {
        [ "$1" = "$2" ] || { echo "# $1, not $2"; return 1; }
}

ask_for_mean() {
        query_rw "INSERT INTO request (kind, text, number, asked_ns) VALUES (1, NULL, 65536, 0)"
}

query_rw() {
        sqlite3 -cmd '.timeout 5000' "$session" "$1"
}

# A quiet process, and a viewer that wants another mean
session=$work/quiet.heaptop
start_drip 20000 0 96
"$heaptop" record -p "$drip" -d 60s -o "$session" 2>"$work/err" &
recorder=$!
started="$started $recorder"
ticked() {
        [ "$(query "$session" 'SELECT count(*) FROM tick' 2>/dev/null || echo 0)" -ge "$1" ]
}
wait_for ticked 2
check "a quiet process is sampled at 4 KiB from the first tick on" is "$(query "$session" 'SELECT DISTINCT mean FROM tick')" 4096
check "what a viewer asks for" ask_for_mean
mean_is() {
        [ "$(query "$session" 'SELECT mean FROM tick ORDER BY id DESC LIMIT 1')" = "$1" ]
}
check "is the mean from then on" wait_for mean_is 65536
kill -INT $recorder
wait $recorder
stop_drip

# A busy one that becomes ten times as busy
session=$work/busy.heaptop
start_drip 50e6 3e6 96 500e6
(
        wait_for ticked 6
        kill -USR1 "$drip"
) &
status_of "$heaptop" record -p "$drip" -d 15s -o "$session"
check "at 50 MB/s the samples stay within the budget" within 30 700 "$(per_second "$session" 2.5 5)"
check "at 500 MB/s they do again" within 30 700 "$(per_second "$session" 10 15)"
grew() {
        query "$session" "SELECT min(mean), max(mean) FROM tick WHERE id > 2" | tr '|' ' ' | {
                read -r low high
                echo "# mean $low to $high"
                [ "$high" -ge $((low * 2)) ] && [ "$low" -ge 16384 ]
        }
}
check "because the mean has become coarser" grew
check "the leak's estimate over both agrees with the truth" agrees "$session"
check "and no reader is bothered with every step" is "$(query "$session" 'SELECT count(*) <= 2 FROM event WHERE kind = 5')" 1
stop_drip

# --mean fixes it
session=$work/fixed.heaptop
start_drip 20e6 0 96
status_of "$heaptop" record -p "$drip" -d 3s --mean 64K -o "$session"
check "--mean fixes the mean" is "$(query "$session" 'SELECT DISTINCT mean FROM tick')" 65536
check "without zoom and without an event" is "$(query "$session" \
        'SELECT (SELECT count(*) FROM class_mean) + (SELECT count(*) FROM event WHERE kind = 5)')" 0
stop_drip

if [ "$zoom_s" -gt 0 ]; then
        session=$work/zoom.heaptop
        start_drip 50e6 20e3 96
        status_of "$heaptop" record -p "$drip" -d "${zoom_s}s" -o "$session"
        query "$session" "SELECT '# tick ' || tick || ' class ' || class || ' mean ' || mean FROM class_mean LIMIT 20"
        # request 96 is a chunk of 112 bytes, in the class [112, 128)
        check "the class of the leak is zoomed" is \
                "$(query "$session" 'SELECT mean BETWEEN 4096 AND 32768 FROM class_mean WHERE class = 11 ORDER BY tick DESC LIMIT 1')" 1
        check "few others are looked at, too" is "$(query "$session" 'SELECT count(DISTINCT class) < 12 FROM class_mean')" 1
        check "within the budget" within 30 700 "$(per_second "$session" 120 "$zoom_s")"
        check "and its estimate agrees with the truth" agrees "$session"
        stop_drip
fi
the_end
