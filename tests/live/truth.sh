#!/bin/sh
# What heaptop found in the demo service against what the service knows about itself.
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_ptrace
need_program sqlite3

start_service || exit 99
session=$work/demo.heaptop
# enough of the truth before the attach to interpolate
wait_for test -s "$work/truth"
plan 9
status_of "$heaptop" record -p $service -d 8s --mean 32K -o "$session"
note <"$work/err"
check "the recording ends well" test "$status" = 0
check "the service runs on, untouched" is_untouched $service

# the service writes its truth once a second: wait for a line after the end of the recording
ended=$(query "$session" 'SELECT max(time_ns) FROM tick')
truth_is_later() {
        [ "$(tail -n 1 "$work/truth" | sed 's/time=\([0-9]*\).*/\1/')" -gt "$ended" ]
}
wait_for truth_is_later
began=$(query "$session" 'SELECT started_ns FROM session')

# true_growth SITE: bytes that came to live between attach and last tick, interpolated
true_growth() {
        awk -v site="site=$1" -v began="$began" -v ended="$ended" '
                function at(when,    i) {
                        for (i = 2; i <= n && time[i] < when; i++)
                                ;
                        return live[i - 1] + (live[i] - live[i - 1]) * (when - time[i - 1]) / (time[i] - time[i - 1])
                }
                $2 == site { n++; sub("time=", "", $1); sub("live=", "", $3); time[n] = $1; live[n] = $3 }
                END { printf "%.0f\n", at(ended) - at(began) }' "$work/truth"
}

# found SITE: "bytes deviation" of the function's live blocks at the last tick
found() {
        query "$session" "
                SELECT coalesce(sum(live_bytes), 0), coalesce(sum(live_variance), 0) FROM (
                  SELECT s.live_bytes, s.live_variance, max(s.tick) FROM stack_tick s
                  JOIN stack k ON k.id = s.stack JOIN site ON site.id = k.site JOIN frame f ON f.id = site.frame
                  WHERE f.func LIKE '%$1%' GROUP BY s.stack)"
}

# agrees SITE: within four standard deviations, plus 2 % for the second between two lines of the truth
agrees() {
        want=$(true_growth "$1")
        found "$1" | tr '|' ' ' | awk -v want="$want" -v site="$1" '{
                error = 4 * sqrt($2) + 0.02 * want
                off = $1 - want
                printf "# %s: found %d, true %d, off %d, allowed %d\n", site, $1, want, off, error
                exit !($1 > 0 && off <= error && -off <= error)
        }'
}

check "the leak's bytes agree with the truth" agrees session_store_put
check "the growing cache's bytes agree with the truth" agrees template_cache_add

exact_total() {
        query "$session" "SELECT allocated_bytes - freed_bytes, live_bytes, live_variance FROM tick ORDER BY id DESC LIMIT 1" |
                tr '|' ' ' | awk '{ printf "# exact net %d, estimate %d +- %d\n", $1, $2, 2 * sqrt($3); exit !($1 > 5e6) }'
}
check "the exact counters saw the growth" exact_total

screen() {
        "$heaptop" replay "$session" --screen 120x40 --ascii "$@" >"$work/screen" 2>"$work/err"
}

top_row_is_the_leak() {
        screen || return 1
        # "before attach" is no site; in so short a time it may be the largest
        row=$(sed -n '/^ CLASS/,$p' "$work/screen" | sed 1d | grep -v 'before attach' | head -n 1)
        echo "# $row"
        echo "$row" | grep -q 'session_store_put *demo_service.c:[0-9]'
}
check "the top row is the leaking function with file and line" top_row_is_the_leak

line_is_right() {
        line=$(sed -n 's/.*session_store_put *demo_service.c:\([0-9]*\).*/\1/p' "$work/screen" | head -n 1)
        sed -n "${line:-1}p" "$HEAPTOP_SRC/src/app/demo_service.c" | grep -q 'malloc(size)'
}
check "the line is the one that calls malloc" line_is_right

stack_is_known() {
        screen --keys '/ =session_store Enter Enter' || return 1
        for name in main handle_requests handle_login session_store_put; do
                grep -q "$name" "$work/screen" || { note <"$work/screen"; return 1; }
        done
}
check "Enter shows the calling functions down to main" stack_is_known
check "the file is one plain file of ours" test "$(stat -c %a "$session") $(ls "$session"*)" = "600 $session"
the_end
