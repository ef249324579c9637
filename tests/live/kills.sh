#!/bin/bash
# kill -9 of heaptop's processes at random moments never harms the target, and the next attach finds and removes what
# was left. HEAPTOP_KILLS says how often (make check: 24, make check-soak: 200).
set -u
heaptop=$HEAPTOP_BUILD/heaptop
kills=${HEAPTOP_KILLS:-24}
seed=${HEAPTOP_SEED:-$RANDOM}
dir=$(mktemp -d)

echo 1..3
echo "# seed $seed, $kills rounds"
"$HEAPTOP_BUILD/tests/targets/churn" --threads 4 --signals 5000 >"$dir/out" 2>&1 &
target=$!
trap 'kill "$target" 2>/dev/null; wait "$target" 2>/dev/null; rm -rf "$dir"' EXIT
timeout 20 bash -c 'until grep -q READY "$0"; do read -rt 0.05 <> <(:); done' "$dir/out"
"$HEAPTOP_BUILD/tests/live/fingerprint" "$target" >"$dir/before"

if /usr/bin/python3 "$HEAPTOP_SRC/tests/live/kills.py" "$heaptop" "$target" "$kills" "$seed" >"$dir/kills" 2>&1; then
        echo "ok 1 - the target survives kill -9 of guardian, recorder, viewer and all: $(cat "$dir/kills")"
else
        echo "not ok 1 - the target survives kill -9 of guardian, recorder, viewer and all"
        sed 's/^/# /' "$dir/kills"
fi

# record succeeds only if it could remove what was there
if "$heaptop" record -p "$target" -o "$dir/last.heaptop" -d 2s >"$dir/record" 2>&1 &&
        "$HEAPTOP_BUILD/tests/live/fingerprint" "$target" >"$dir/after" && cmp -s "$dir/before" "$dir/after"; then
        echo "ok 2 - the next attach and detach leave the target as it was at first"
else
        echo "not ok 2 - the next attach and detach leave the target as it was at first"
        { cat "$dir/record"; diff "$dir/before" "$dir/after"; } | head -20 | sed 's/^/# /'
fi

kill -TERM "$target"
wait "$target"
status=$?
if [ "$status" = 0 ]; then
        echo "ok 3 - the target's own checks were right to the end"
else
        echo "not ok 3 - the target's own checks were right to the end (exit status $status)"
        tail -n 3 "$dir/out" | sed 's/^/# /'
fi
