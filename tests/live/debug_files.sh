#!/bin/sh
# Debug information in all the ways in which it can be kept apart from the program: the names are the same as with all in one
# file. What is in the place of a file and is none harms nobody.
. "$HEAPTOP_SRC/tests/live/lib.sh"
need_program g++ objcopy strip objdump nm readelf xz dwz dwp mkfifo timeout sqlite3

tool=$HEAPTOP_BUILD/tests/live/names_tool
targets=$(cd "$HEAPTOP_SRC/tests/targets" && pwd)
chmod 711 "$work" # for who reads debug information: nobody
mkdir "$work/src" && cp "$targets"/shelf* "$work/src" || exit 99
cd "$work/src" || exit 99

# build TO OPTION...: from the same sources, in the folder of TO, since some files stand beside it
build() {
        to=$1
        shift
        mkdir -p "$(dirname "$to")"
        (cd "$(dirname "$to")" && g++ -O2 "$@" -o "$(basename "$to")" "$work/src/shelf.cc" "$work/src/shelf_other.cc")
}

# code FILE: the addresses of its instructions
code() {
        objdump -d --no-show-raw-insn -j .text "$1" | sed -n 's/^ *\([0-9a-f]*\):.*/\1/p'
}

# names FILE [ROOT]: of all the addresses in $work/code; never for longer than a while
names() {
        timeout 60 "$tool" ${2:+--root "$2"} "$1" <"$work/code"
}

# same WANT FILE [ROOT]: all names of FILE are as in WANT
same() {
        names "$2" ${3:+"$3"} >"$work/got" && cmp -s "$1" "$work/got" && return 0
        diff "$1" "$work/got" | head -n 6 | note
        return 1
}

# functions: the outermost frame of each line, without its place; a symbol says of which part of the function it is
functions() {
        sed -e 's/.* < //' -e 's/ [^ ]*$//' -e 's/\.cold$//'
}

build "$work/whole/shelf" -g || exit 99
code "$work/whole/shelf" >"$work/code"
names "$work/whole/shelf" >"$work/want" || exit 99
functions <"$work/want" >"$work/want.functions"
strip -o "$work/stripped" "$work/whole/shelf"
objcopy --only-keep-debug "$work/whole/shelf" "$work/shelf.debug"
id=$(readelf -n "$work/whole/shelf" | sed -n 's/.*Build ID: //p')
by_id=usr/lib/debug/.build-id/$(echo "$id" | cut -c1-2)/$(echo "$id" | cut -c3-).debug

points=26
[ "$(id -u)" != 0 ] || points=27
plan $points

inlined() {
        grep -q '^Shelf<Book>::put shelf.h:[0-9]* < Shelf<Book>::add shelf.h:[0-9]*$' "$work/want" &&
                grep -q '^twice shelf_other.cc:[0-9]* < other.*shelf_other.cc:[0-9]*$' "$work/want"
}
check "inlined calls are there to be found ($(wc -l <"$work/code") addresses)" inlined

old() {
        for version in 2 3; do
                build "$work/old$version/shelf" -g -gdwarf-$version && same "$work/want" "$work/old$version/shelf" || return 1
        done
}
check "DWARF 2 and 3" old

objcopy --compress-debug-sections=zlib "$work/whole/shelf" "$work/zlib"
objcopy --compress-debug-sections=zlib-gnu "$work/whole/shelf" "$work/zlib-gnu"
check "sections compressed by zlib" same "$work/want" "$work/zlib"
check "sections compressed as they were once (.zdebug)" same "$work/want" "$work/zlib-gnu"
zstd() { # which libelf may not know
        objcopy --compress-debug-sections=zstd "$work/whole/shelf" "$work/zstd" 2>/dev/null || return 0
        names "$work/zstd" | functions | cmp -s "$work/want.functions" -
}
check "sections compressed by zstd: functions have their names" zstd

# roots of our own, as a container has
root=$work/root
mkdir -p "$root/app" "$root/$(dirname $by_id)" && cp "$work/stripped" "$root/app/shelf"
cp "$work/shelf.debug" "$root/$by_id"
check "a debug file by build id in the target's root" same "$work/want" /app/shelf "$root"
mkdir "$root/store" && mv "$root/$by_id" "$root/store/it" && ln -s /store/it "$root/$by_id"
check "by a link that is absolute in that root" same "$work/want" /app/shelf "$root"
rm "$root/$by_id"
names /app/shelf "$root" >"$work/none"
outside() {
        ln -s "$work/shelf.debug" "$root/$by_id"
        same "$work/none" /app/shelf "$root"
}
check "but by no link out of it" outside
for place in app app/.debug usr/lib/debug/app; do
        mkdir -p "$root/$place" && cp "$work/shelf.debug" "$root/$place/shelf.debug"
        objcopy --add-gnu-debuglink="$work/shelf.debug" "$work/stripped" "$root/app/shelf"
        check "a debug file by debuglink in $place" same "$work/want" /app/shelf "$root"
        rm "$root/$place/shelf.debug"
done

# without a build id only the checksum is left
build "$work/noid/shelf" -g -Wl,--build-id=none
cp "$work/want" "$work/want.noid"
code "$work/noid/shelf" >"$work/code"
names "$work/noid/shelf" >"$work/want.noid"
objcopy --only-keep-debug "$work/noid/shelf" "$work/noid/shelf.debug"
strip "$work/noid/shelf" && objcopy --add-gnu-debuglink="$work/noid/shelf.debug" "$work/noid/shelf"
check "without a build id, by its checksum" same "$work/want.noid" "$work/noid/shelf"
printf x >>"$work/noid/shelf.debug"
wrong_sum() {
        names "$work/noid/shelf" >"$work/got" && ! grep -q 'hidden\|shelf.h' "$work/got"
}
check "and not when that is another" wrong_sum
code "$work/whole/shelf" >"$work/code"

# DWZ: what both have in common stands in a third file
mkdir "$work/dwz" && cp "$work/whole/shelf" "$work/dwz/shelf" && cp "$work/whole/shelf" "$work/dwz/again"
build "$work/dwz/second" -g -DSECOND && (cd "$work/dwz" && dwz -m common shelf again second 2>&1) | note
shares() {
        readelf -SW "$work/dwz/shelf" | grep -q gnu_debugaltlink && same "$work/want" "$work/dwz/shelf"
}
check "information shared by dwz" shares
alone() {
        rm "$work/dwz/common" && mkfifo "$work/dwz/common"
        names "$work/dwz/shelf" >"$work/got" && grep -q 'shelf.cc:[1-9]' "$work/got" || return 1
        functions <"$work/got" | cmp -s "$work/want.functions" -
}
check "when what is shared is gone (and a pipe in its place), functions have names and lines" alone

# split DWARF; the code is the same, the names must be
for version in 4 5; do
        build "$work/plain$version/shelf" -g -gdwarf-$version
        build "$work/split$version/shelf" -g -gdwarf-$version -gsplit-dwarf
        code "$work/split$version/shelf" >"$work/code"
        names "$work/plain$version/shelf" >"$work/want.split"
        check "split DWARF $version" same "$work/want.split" "$work/split$version/shelf"
        dwp=dwp
        [ $version = 4 ] || dwp=$(command -v llvm-dwp)
        packed() {
                # not every machine has a program that makes packages of version 5
                [ -z "$dwp" ] || {
                        (cd "$work/split$version" && "$dwp" -e shelf -o shelf.dwp && rm -f ./*.dwo) 2>&1 | note
                        same "$work/want.split" "$work/split$version/shelf"
                }
        }
        check "and in a package${dwp:+ made by $(basename "$dwp")}" packed
done
lost() {
        rm -f "$work/split5/"*.dwo "$work/split5/"*.dwp
        mkfifo "$work/split5/shelf.dwp" "$work/split5/shelf-shelf.dwo" && ln -s shelf-shelf_other.dwo "$work/split5/shelf-shelf_other.dwo"
        names "$work/split5/shelf" >"$work/got" && functions <"$work/got" >"$work/got.functions" || return 1
        functions <"$work/want.split" | cmp -s - "$work/got.functions" && [ "$(grep -c ':0$' "$work/got")" -eq "$(grep -c ':0$' "$work/want.split")" ]
}
check "pipes and rings of links in the place of its files: functions and lines are still there" lost
code "$work/whole/shelf" >"$work/code"

# .gnu_debugdata: what is in the full symbol table and not in the dynamic one
nm -D "$work/whole/shelf" --format=posix --defined-only | awk '{ print $1 }' | sort >"$work/dynamic"
nm "$work/whole/shelf" --format=posix --defined-only | awk '$2 ~ /[TtWw]/ { print $1 }' | sort >"$work/all"
comm -13 "$work/dynamic" "$work/all" >"$work/keep"
objcopy -S --remove-section .comment --keep-symbols="$work/keep" "$work/shelf.debug" "$work/mini" 2>"$work/err"
objcopy --add-section .gnu_debugdata=/dev/null "$work/stripped" "$work/with-mini" 2>>"$work/err"
xz -k "$work/mini" && objcopy --update-section .gnu_debugdata="$work/mini.xz" "$work/with-mini"
mini() {
        names "$work/with-mini" | functions | grep -v '^~' >"$work/got"
        grep -qx 'hidden' "$work/got" && grep -qx 'Shelf<Book>::add' "$work/got"
}
check "symbols in .gnu_debugdata" mini
bomb() {
        head -c 80000000 /dev/zero | xz -1 >"$work/bomb"
        objcopy --update-section .gnu_debugdata="$work/bomb" "$work/with-mini"
        names "$work/with-mini" >"$work/got" && same "$work/none" "$work/with-mini"
}
check "but not when they unpack to 80 MB" bomb

# a stripped file: a name is right, or marked, or not there
honest() {
        names "$work/stripped" | functions | paste -d '|' - "$work/want.functions" |
                awk -F '|' '$1 != "?" && $1 !~ /^~/ && $1 != $2 { print "# " $0; bad = 1 } END { exit bad }'
}
check "a name in a stripped file is right, or marked as a guess, or left out" honest
plt() {
        objdump -d --no-show-raw-insn -j .plt -j .plt.sec -j .plt.got "$work/stripped" 2>/dev/null |
                sed -n 's/^0*\([0-9a-f]*\) <\(.*\)@plt>:$/\1 \2/p' | c++filt >"$work/plt"
        [ "$(wc -l <"$work/plt")" -gt 5 ] || return 1
        sed 's/ .*//' "$work/plt" | "$tool" "$work/stripped" | sed 's/ ?:0$//' >"$work/got"
        sed -e 's/^[^ ]* //' -e 's/(.*)$//' -e 's/$/@plt/' "$work/plt" | diff - "$work/got" | note
        sed -e 's/^[^ ]* //' -e 's/(.*)$//' -e 's/$/@plt/' "$work/plt" | cmp -s - "$work/got"
}
check "entries of the PLT are named by what they jump to" plt

# all the way, through a recording
lines_of() {
        query "$1" "SELECT count(*) FROM frame WHERE func = 'Shelf<Book>::add' AND file LIKE '%/shelf.h' AND line > 0" | grep -q '^[1-9]'
}
record() {
        wait_for grep -q READY "$work/shelf.out"
        "$heaptop" record -p "$1" -d 3s --mean 16K -o "$2" >"$work/out" 2>"$work/err" && lines_of "$2" && return 0
        note <"$work/err"
        return 1
}
if "$heaptop" doctor >"$work/doctor" 2>&1; then
        mkdir -p "$work/apart" && cp "$work/shelf.debug" "$work/apart/"
        objcopy --add-gnu-debuglink="$work/shelf.debug" "$work/stripped" "$work/apart/shelf"
        "$work/apart/shelf" loop >"$work/shelf.out" 2>&1 &
        started="$started $!"
        check "a stripped program with its debug file beside it is recorded with lines" record $! "$work/apart.heaptop"
        stable() {
                id_kept=$(query "$work/apart.heaptop" "SELECT build_id FROM module WHERE path LIKE '%/apart/shelf'")
                [ "$id_kept" = "$id" ]
        }
        check "its build id is in the session" stable
        if [ "$(id -u)" = 0 ]; then
                mkdir -p "$work/jail/app" "$work/jail/$(dirname $by_id)"
                cp "$work/stripped" "$work/jail/app/shelf" && cp "$work/shelf.debug" "$work/jail/$by_id"
                for library in $(ldd "$work/stripped" | grep -o '/[^ ]*'); do
                        mkdir -p "$work/jail/$(dirname "$library")" && cp "$library" "$work/jail/$library"
                done
                chroot "$work/jail" /app/shelf loop >"$work/shelf.out" 2>&1 &
                started="$started $!"
                check "so is one that has another root, with the debug file in there" record $! "$work/jail.heaptop"
        fi
else
        n_tests=$((points - 2))
        for point in "a recording" "its build id" "another root"; do
                [ $n_tests -ge $points ] || { n_tests=$((n_tests + 1)); echo "ok $n_tests - $point # SKIP no ptrace here"; }
        done
fi
the_end
