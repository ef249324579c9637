#!/bin/sh
# The probe's machine code keeps the promises of src/probe/handlers.c, whatever flags the rest is built with.
elf="$HEAPTOP_BUILD/src/probe/probe.elf"
bin="$HEAPTOP_BUILD/src/probe/probe.bin"
LC_ALL=C
export LC_ALL
n=0

check() { # check NAME FOUND: passes when FOUND is empty
        n=$((n + 1))
        if test -z "$2"; then
                echo "ok $n - $1"
        else
                echo "$2" | head -n 20 | sed 's/^/# /'
                echo "not ok $n - $1"
        fi
}

command -v objdump >/dev/null && command -v readelf >/dev/null && command -v nm >/dev/null || {
        echo "1..0 # SKIP binutils are missing"
        exit 0
}
echo 1..9
code=$(objdump -d --no-show-raw-insn "$elf")
check "no undefined symbol" "$(nm -u "$elf")"
check "no relocation is left" "$(readelf -rW "$elf" | grep -v '^$' | grep -v 'There are no relocations')"
check "no thread-local or writable data but the root page" "$(readelf -SW "$elf" |
        awk '/ \.(tdata|tbss|data|bss|got|plt|init_array|fini_array)/ && !/ 000000 00 /')"
check "no floating point, vector or SSE register" \
        "$(echo "$code" | grep -E '%([xyz]mm|mm[0-7]|st\b|st\()')"
check "no sanitizer, profiling or stack protector" \
        "$(nm "$elf" | grep -E '__asan|__ubsan|__tsan|__gcov|__sanitizer|stack_chk|mcount|fentry')"
check "every jump and call stays inside or goes through a register or the hook" "$(echo "$code" |
        awk '$2 ~ /^(call|jmp)/ && $3 ~ /\(%rip\)/')"

# Handlers: no frame and no call anywhere, so there is none on the fast path. The jump to the original comes last.
handlers=$(echo "$code" | awk '/^[0-9a-f]+ </ { on = $2 ~ /<(handle|search|with)_/ } on')
check "handlers have no frame and call nothing" "$(echo "$handlers" |
        grep -E '\b(push|pop|call|ret|leave|enter)|,%rsp|,%esp|\(%rsp|%rbp|%rbx|%r1[2345]')"
check "every handler is there" "$(nm "$elf" | awk '/ handle_/ { n++ }
        END { if (n < 9) print n + 0 " handlers" }')"
check "the binary is small" "$(test "$(wc -c <"$bin")" -le 24576 || ls -l "$bin")"
