#!/bin/sh
# kill -9 of heaptop's processes at random moments never harms the target, and the next attach finds and removes what
# was left. HEAPTOP_KILLS says how often (make check: 20, make check-soak: 200).
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_ptrace
kills=${HEAPTOP_KILLS:-20}
seed=${HEAPTOP_SEED:-$$}
plan 3
echo "# seed $seed, $kills rounds"

"$HEAPTOP_BUILD/tests/targets/churn" 4 3600 5000 >"$work/churn" 2>&1 &
target=$!
started="$started $target"
wait_for grep -q READY "$work/churn"
fingerprint $target "$work/before"

survives_kills() {
        /usr/bin/python3 "$HEAPTOP_SRC/tests/live/kills.py" "$heaptop" $target "$kills" "$seed" >"$work/kills" 2>&1
        result=$?
        note <"$work/kills"
        return $result
}
check "the target survives kill -9 of guardian, recorder, viewer and all of them" survives_kills

# recording succeeds only when it could remove what was there
is_as_before() {
        status_of "$heaptop" record -p $target -o "$work/last.heaptop" -d 2s
        note <"$work/err"
        fingerprint $target "$work/after"
        diff "$work/before" "$work/after" | head -n 20 | note
        [ "$status" = 0 ] && cmp -s "$work/before" "$work/after"
}
check "the next attach and detach leave the target as it was at first" is_as_before

ends_well() {
        kill -TERM $target
        wait $target
        result=$?
        note <"$work/churn"
        return $result
}
check "the target's own checks were right to the end" ends_well
the_end
