# For test scripts that need no process to watch: sourced, with HEAPTOP_SRC and HEAPTOP_BUILD set. Gives $heaptop, a folder $work that is
# removed at the end, and check. (tests/live/lib.sh is for those that watch processes.)
heaptop=$HEAPTOP_BUILD/heaptop
[ -x "$heaptop" ] || { echo "Bail out! $heaptop is missing"; exit 99; }
work=$(mktemp -d "${TMPDIR:-/tmp}/heaptop-test.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
n=0
failed=0

# check NAME COMMAND...: one point, good when COMMAND is
check() {
        n=$((n + 1))
        name=$1
        shift
        if "$@"; then echo "ok $n - $name"; else
                echo "not ok $n - $name"
                failed=1
        fi
}
