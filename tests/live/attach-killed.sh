#!/bin/sh
# attach-killed: heaptop is killed at random moments; its target must not notice. HEAPTOP_KILLS: how often (60).
. "${HEAPTOP_SRC:-..}/tests/live/attach-lib.sh"
kills=${HEAPTOP_KILLS:-60}
skip_unless_possible
echo 1..3

# A fresh heaptop each time, which first repairs what the last one left.
survive() {
        i=0
        while [ $i -lt "$kills" ] && kill -0 "$target" 2>/dev/null; do
                "$tool" cycle "$target" 1000 1 >"$dir/tool" 2>&1 &
                victim=$!
                sleep "0.0$(awk -v seed="$$$i" 'BEGIN { srand(seed); printf "%03d", rand() * 100 }')"
                kill -KILL $victim
                wait $victim 2>/dev/null
                i=$((i + 1))
        done
}

begin "$churn" 2 3600 5000
survive
kill -0 "$target"
result $? "killed $i times, the target lives"
attach_tool repair "$target"
! grep -q 'memfd:heaptop' "/proc/$target/maps"
result $? "the last remains are removed"
kill -TERM "$target"
finish
result "$status" "its data were right all the time"
