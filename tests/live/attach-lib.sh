# Sourced by the live tests of inject/: targets, comparing a process before and after, TAP.
build=${HEAPTOP_BUILD:-$(pwd)}
source=${HEAPTOP_SRC:-$(pwd)/..}
tool=$build/tests/live/attach_tool
churn=$build/tests/targets/churn
edge=$build/tests/targets/edge
dir=$(mktemp -d "${TMPDIR:-/tmp}/heaptop-live.XXXXXX")
number=0
# a sanitizer makes all of ours several times slower: targets live longer then
slow=${HEAPTOP_SANITIZED:+4}
slow=${slow:-1}
target=

clean_up() {
        [ -z "$target" ] || kill -KILL "$target" 2>/dev/null
        rm -rf "$dir"
}
trap clean_up EXIT

# part NAME: whether this part of the script is wanted: HEAPTOP_PARTS="name name", all of them without it
part() {
        case " ${HEAPTOP_PARTS:-$1} " in
        *" $1 "*) return 0 ;;
        *) return 1 ;;
        esac
}

# result STATUS NAME: one line of TAP
result() {
        number=$((number + 1))
        if [ "$1" = 0 ]; then
                echo "ok $number - $2"
        else
                echo "not ok $number - $2"
                sed 's/^/# /' "$dir"/tool "$dir"/target 2>/dev/null
        fi
}

# begin COMMAND...: starts a target in the background and waits until it says READY; its pid is in $target
begin() {
        rm -f "$dir/ready"
        mkfifo "$dir/ready"
        "$@" >"$dir/ready" 2>&1 &
        target=$!
        exec 3<"$dir/ready"
        read -r line <&3
        cat <&3 >"$dir/target" &
        reader=$!
        exec 3<&-
}

# finish: waits for the target; its exit status is in $status
finish() {
        wait "$target"
        status=$?
        target=
        wait "$reader"
}

attach_tool() {
        "$tool" "$@" >"$dir/tool" 2>&1
}

# What must be the same before and after: map, size, descriptors, signal masks, every byte of code.
state_of() {
        cut -d' ' -f1-6 "/proc/$1/maps" | grep -v '\[heap\]'
        grep -E '^(VmSize|SigBlk|SigIgn|SigCgt|Threads|TracerPid)' "/proc/$1/status"
        grep -h '^SigBlk' "/proc/$1/task"/*/status
        ls "/proc/$1/fd"
        grep -E '^[0-9a-f]+-[0-9a-f]+ r-x.*/' "/proc/$1/maps" | while IFS='- ' read -r from to rest; do
                dd if="/proc/$1/mem" bs=4096 skip=$((0x$from / 4096)) count=$(((0x$to - 0x$from) / 4096)) 2>/dev/null | cksum
        done
}

skip_unless_possible() {
        begin "$edge" idle 60
        if ! attach_tool check "$target"; then
                echo "1..0 # SKIP $(cat "$dir/tool")"
                exit 0
        fi
        kill "$target"
        finish
}
