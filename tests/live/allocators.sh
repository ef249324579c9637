#!/bin/sh
# allocators: every allocation and every free is counted exactly once, whoever the allocator is, and no block is lost or left over.
# tests/targets/reach.c calls each function that it finds and knows how often; tests/live/reach_tool.c samples them all.
. "${HEAPTOP_SRC:-..}/tests/live/attach-lib.sh"
reach_tool=$build/tests/live/reach_tool
code=$source/tests/targets/reach.c
flags="-std=gnu11 -O1 -g -fno-builtin -w"
lib=$(dirname "$(gcc -print-file-name=libc.so.6 2>/dev/null)")
skip_unless_possible

# reach NAME ALLOCATOR FUNCTIONS COMMAND...: the sums agree, ALLOCATOR is what it is called, and FUNCTIONS are hooked
reach() {
        point=$1 allocator=$2 functions=$3
        shift 3
        "$reach_tool" "$@" >"$dir/tool" 2>&1
        code_=$?
        set -- $(grep '^allocator=' "$dir/tool" | sed 's/^allocator=//; s/ hooks=.*//; s/ + /\n/g' | sort | tr '\n' '+')
        echo "$*" | grep -q "^$allocator+\$" || { code_=1; echo "# expected $allocator" >>"$dir/tool"; }
        for function in $functions; do
                grep '^allocator=' "$dir/tool" | grep -q " $function\( \|\$\)" ||
                        { code_=1; echo "# expected $function" >>"$dir/tool"; }
        done
        result $code_ "$point"
}

skip() {
        number=$((number + 1))
        echo "ok $number - $1 # SKIP $2"
}

# has NAME FILE: the library is there; else the point is skipped
has() {
        [ -e "$2" ] && return 0
        skip "$1" "no $(basename "$2")"
        return 1
}

# build_reach NAME CC ARG...: makes the target $dir/NAME; else the point is skipped
build_reach() {
        built=$1
        shift
        "$@" >"$dir/cc" 2>&1 && return 0
        skip "$point" "$(head -n 1 "$dir/cc" | cut -c1-60)"
        return 1
}

command -v gcc >/dev/null 2>&1 || { echo "1..0 # SKIP no gcc"; exit 0; }
echo 1..22
gcc $flags -o "$dir/plain" "$code" || exit 99

reach "glibc" "glibc [0-9.]*" "malloc free realloc calloc posix_memalign" "$dir/plain"
point="operator new of libstdc++ is counted as the malloc that it calls"
build_reach new gcc $flags -o "$dir/new" "$code" -Wl,--no-as-needed -lstdc++ ||
        build_reach new gcc $flags -o "$dir/new" "$code" -Wl,--no-as-needed -l:libstdc++.so.6 &&
        reach "$point" "glibc [0-9.]*" "malloc" "$dir/new"
for pie in -static-pie -static; do
        point="a static program with glibc ($pie)"
        build_reach static gcc $flags -DSTATIC -DCHUNKS $pie -o "$dir/static" "$code" &&
                reach "$point" "glibc[ 0-9.]*" "malloc free" "$dir/static"
done
point="a static program with an operator new of its own"
build_reach static gcc $flags -DSTATIC -DCHUNKS -DHEADERS -static -o "$dir/static" "$code" &&
        reach "$point" "glibc[ 0-9.]*" "malloc free" "$dir/static"
point="a program at a fixed address"
build_reach fixed gcc $flags -no-pie -fno-pie -o "$dir/fixed" "$code" &&
        reach "$point" "glibc [0-9.]*" "malloc free" "$dir/fixed"

for other in jemalloc tcmalloc tcmalloc_minimal mimalloc; do
        file=$lib/lib$other.so
        case $other in
        jemalloc) functions="mallocx rallocx xallocx dallocx sdallocx _Znwm _ZdlPvm" ;;
        tcmalloc*) functions="malloc _Znwm _ZdlPvm" ;;
        mimalloc) functions="malloc mi_zalloc mi_malloc_aligned" ;;
        esac
        has "$other, preloaded" "$file" &&
                reach "$other, preloaded" "glibc [0-9.]*+${other%_minimal}" "$functions" env LD_PRELOAD="$file" "$dir/plain"
        point="$other, linked"
        build_reach linked gcc $flags -o "$dir/linked" "$code" -Wl,--no-as-needed "$file" &&
                reach "$point" "glibc [0-9.]*+${other%_minimal}" "$functions" "$dir/linked"
done

point="a program with the address sanitizer, which remembers how each block was made"
build_reach asan gcc $flags -fsanitize=address -o "$dir/asan" "$code" &&
        reach "$point" "glibc [0-9.]*+libasan[a-z0-9.]*" "malloc _Znwm _Znam" env ASAN_OPTIONS=detect_leaks=0 "$dir/asan"
archive=$lib/libjemalloc_pic.a
point="jemalloc, linked statically"
build_reach inside gcc $flags -o "$dir/inside" "$code" -Wl,-u,mallocx -Wl,-u,xallocx -Wl,-u,_Znwm -Wl,-u,_ZdlPvm "$archive" -lstdc++ -lm -lpthread -ldl &&
        reach "$point" "glibc [0-9.]*+jemalloc" "mallocx xallocx _Znwm" "$dir/inside"
for prefix in je_ _rjem_; do
        point="jemalloc with the prefix $prefix beside glibc"
        rm -f "$dir/names"
        for name in malloc calloc realloc free memalign aligned_alloc posix_memalign valloc malloc_usable_size mallocx rallocx \
                xallocx dallocx sdallocx sallocx nallocx mallctl mallctlnametomib mallctlbymib malloc_stats_print; do
                echo "$name $prefix$name"
        done >"$dir/names"
        if has "$point" "$archive"; then
                build_reach two sh -c 'objcopy --redefine-syms="$1" "$2" "$3" && ar d "$3" jemalloc_cpp.pic.o && shift 3 && exec "$@"' \
                        sh "$dir/names" "$archive" "$dir/renamed.a" gcc $flags -o "$dir/two" "$code" -Wl,-u,${prefix}mallocx \
                        -Wl,-u,${prefix}malloc -Wl,-u,${prefix}xallocx "$dir/renamed.a" -lm -lpthread -ldl &&
                        reach "$point" "glibc [0-9.]*+jemalloc" "mallocx xallocx malloc" "$dir/two"
        fi
done

point="musl"
build_reach musl musl-gcc $flags -o "$dir/musl" "$code" && reach "$point" "musl" "malloc free" "$dir/musl"
point="musl, static"
build_reach musl-static musl-gcc $flags -DSTATIC -static $(printf ' -Wl,-u,%s' malloc free calloc realloc memalign aligned_alloc \
        posix_memalign) -o "$dir/musl-static" "$code" &&
        reach "$point" "musl" "malloc free" "$dir/musl-static"
point="a program with a malloc and an operator new of its own"
build_reach own gcc $flags -DOWN -DHEADERS -o "$dir/own" "$code" && reach "$point" "glibc [0-9.]*+own" "malloc _Znwm" "$dir/own"
point="a program whose malloc only calls glibc's"
build_reach wrap gcc $flags -DWRAP -o "$dir/wrap" "$code" && reach "$point" "glibc [0-9.]*" "malloc" "$dir/wrap"
