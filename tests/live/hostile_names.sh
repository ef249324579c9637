#!/bin/sh
# A program chooses its names and its debug files. Whatever it chooses, it is recorded, nothing of it reaches the terminal raw, and heaptop
# neither hangs nor grows: symbols of 64 KiB, escape sequences, bidirectional overrides, newlines, files that are no files.
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_ptrace
need_program sqlite3 cc objcopy strip
plan 11

cat >"$work/names.py" <<'PY'
import sys
def quoted(name):
    return "".join(f"\\{byte:03o}" if byte < 32 or byte > 126 or byte in b'"\\' else chr(byte) for byte in name)
names = [b"x" * 65536, b"\033[2J\033]0;pwned\007red", b"two\nlines\tand\rmore", "over\u202eride\u2066".encode(), b"\xff\xfe\x80not utf-8",
         b"_ZN" + b"1a" * 30000 + b"Ev", b"_Z1f" + b"N1a1bE" * 2000, b"_RNvC" + b"y" * 5000, b"; DROP TABLE frame; --'\"", b"%s%n%x"]
print(".text")
for i, name in enumerate(names):
    print(f'.globl site{i}\n.type site{i}, @function\n.type "{quoted(name)}", @function\n"{quoted(name)}":\n.cfi_startproc\nsub $8, %rsp\n'
          f'.cfi_adjust_cfa_offset 8\nmov ${5000 + i}, %edi\ncall malloc@plt\nadd $8, %rsp\n.cfi_adjust_cfa_offset -8\nret\n.cfi_endproc\n'
          f'.size "{quoted(name)}", . - "{quoted(name)}"\n.set site{i}, "{quoted(name)}"')
print('.section .note.GNU-stack,"",@progbits')
with open(sys.argv[1], "w") as file:
    file.write("#include <poll.h>\n#include <stdio.h>\n#include <stdlib.h>\n" + "".join(f"void *site{i}(void);\n" for i in range(len(names))))
    file.write("int main(void)\n{\n\tputs(\"READY\");\n\tfflush(stdout);\n\tfor (;;) {\n" +
               "".join(f"\t\t*(volatile char *)site{i}() = 1;\n" for i in range(len(names))) + "\t\tpoll(NULL, 0, 1);\n\t}\n}\n")
PY
/usr/bin/python3 "$work/names.py" "$work/main.c" >"$work/names.s" || exit 99
cc -g -O1 -o "$work/hostile" "$work/main.c" "$work/names.s" 2>"$work/err" || { note <"$work/err"; exit 99; }
# what it says its debug file is: a FIFO that nobody writes to, beside a link that leads to itself
objcopy --only-keep-debug "$work/hostile" "$work/hostile.debug"
objcopy --add-gnu-debuglink="$work/hostile.debug" "$work/hostile"
rm "$work/hostile.debug"
mkfifo "$work/hostile.debug"
mkdir "$work/.debug"
ln -s hostile.debug "$work/.debug/hostile.debug"
"$work/hostile" >"$work/ready" &
target=$!
started="$started $target"
wait_for grep -qs READY "$work/ready"
session=$work/hostile.heaptop

recorded() {
        status_of timeout -k 5 60 "$heaptop" record -p $target -d 3s --mean 16K -o "$session"
        note <"$work/err"
        [ "$status" = 0 ]
}
check "a program with hostile names is recorded, and heaptop ends in time" recorded
check "and it is untouched" is_untouched $target

# shows COMMAND...: has no control characters but newlines, and none that turn the direction of text, and is UTF-8
shows() {
        status_of timeout -k 5 60 "$@"
        [ "$status" = 0 ] && [ -s "$work/out" ] && ! LC_ALL=C grep -q "$(printf '[\001-\010\013-\037\177]')" "$work/out" &&
                ! grep -q "$(printf '\342\200\256\|\342\201\246')" "$work/out" && iconv -f UTF-8 -t UTF-8 "$work/out" >/dev/null
}
check "its report is clean" shows "$heaptop" report "$session"
check "so is the JSON" shows "$heaptop" report "$session" --json
check "so are the sites on screen" shows "$heaptop" replay "$session" --screen 140x40 --keys s
check "and a stack" shows "$heaptop" replay "$session" --screen 80x24 --keys '> Enter'
exports() {
        for format in folded speedscope json openmetrics; do
                shows "$heaptop" export "$session" --to $format || { echo "# $format"; return 1; }
                cp "$work/out" "$work/$format"
        done
        "$heaptop" export "$session" --to csv >"$work/csv" && shows sh -c 'tr -d "\r" <"$1"' sh "$work/csv"
}
check "and what is exported" exports
adds_up() {
        "$heaptop" report "$session" --top 100 --json >"$work/report.json"
        "$heaptop" export "$session" --to pprof -o "$work/pprof" && cp "$work/pprof" "$work/pprof.kept"
        "$heaptop" export "$session" --to folded --metric born -o "$work/folded.born"
        cp "$work/folded" "$work/folded.kept"
        /usr/bin/python3 "$HEAPTOP_SRC/tests/live/export_check.py" totals "$work" >"$work/checked" 2>&1 || { note <"$work/checked"; return 1; }
}
check "which adds up whatever the names are" adds_up
found() {
        query "$session" "SELECT count(DISTINCT site.frame) FROM site" | { read -r n; [ "$n" -ge 10 ]; }
}
check "each function is a site of its own" found
most=$((64 << 20))
[ -z "${HEAPTOP_SANITIZED:-}" ] || most=$((most * 8)) # shadow memory and quarantine
bounded() {
        query "$session" "SELECT max(recorder_rss) FROM tick" | { read -r n; echo "# recorder $((n / 1048576)) MiB"; [ "$n" -lt $most ]; }
}
check "the recorder stays small" bounded
longest() {
        query "$session" "SELECT max(length(func)) FROM frame" | { read -r n; echo "# longest name: $n"; [ "$n" -le 70000 ]; }
}
check "names are bounded" longest
the_end
