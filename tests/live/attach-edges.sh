#!/bin/sh
# attach-edges: programs that are hard to attach to, and other C libraries and allocators. HEAPTOP_CYCLES: how often (15);
# HEAPTOP_PARTS="sleep inside": only these parts.
. "${HEAPTOP_SRC:-..}/tests/live/attach-lib.sh"
cycles=${HEAPTOP_CYCLES:-15}
skip_unless_possible
echo 1..37

# hold_until COMMAND...: attaches, and detaches as soon as that succeeds (after 30 s in any case)
hold_until() {
        "$tool" hold "$target" 60000 >"$dir/tool" 2>&1 &
        holder=$!
        polls=0
        until "$@" || [ $polls -ge 600 ]; do
                polls=$((polls + 1))
                sleep 0.05
        done
        kill $holder
        wait $holder
}

for mode in sleep leader threads fork coroutines closefds altstack handler nested sandboxed ring maps; do
        part $mode || continue
        begin "$edge" $mode $((cycles / 20 + 1))
        attach_tool cycle "$target" "$cycles" 5
        code=$?
        finish
        { [ $code = 0 ] || [ $code = 3 ]; } && [ "$status" = 0 ]
        result $? "$mode: $cycles cycles"
done

if part leader; then
begin "$edge" leader $((60 * slow))
attach_tool cycle "$target" 2 5
code=$?
kill "$target"
finish
result $code "a program whose first thread has ended is attached to"
fi # leader

if part vfork; then
begin "$edge" vforklong $((5 * slow))
attach_tool cycle "$target" 3 5
code=$?
finish
[ $code = 0 ] && [ "$status" = 0 ]
result $? "a parent in vfork is waited for, without stopping its threads for long"
fi # vfork

if part limits; then
begin "$edge" idle $((60 * slow))
(ulimit -s 100 && attach_tool cycle "$target" 2 5)
code=$?
kill "$target"
finish
result $code "heaptop's own stack may be small"
fi # limits

if part ends; then
attach_tool ends "$edge" idle $((60 * slow)) 4
result $? "a target that ends before any system call of attach or detach is said to be gone ($(cat "$dir/tool"))"
fi # ends

if part exec; then
begin "$edge" exec 1
hold_until grep -q sleep "/proc/$target/cmdline"
code=$?
finish
[ $code = 3 ] && [ "$status" = 0 ]
result $? "a program that has become another one is left alone"

begin "$edge" execs $((60 * slow)) 0
attach_tool execs "$target" 5
code=$?
kill "$target"
finish
result $code "one that begins another program while it is looked at is attached to in that ($(cat "$dir/tool"))"
fi # exec

if part forklive; then
begin "$edge" forklive $((6 * slow))
hold_until grep -q '^CHILD' "$dir/target"
child=$(sed -n 's/^CHILD //p' "$dir/target")
grep -q 'memfd:heaptop' "/proc/$child/maps"
result $? "a forked child keeps the (passive) hooks"
attach_tool repair "$child"
grep -q 'repaired=[1-9]' "$dir/tool" && ! grep -q 'memfd:heaptop' "/proc/$child/maps"
result $? "until they are removed from it, too"
finish
[ "$status" = 0 ]
result $? "both end well"
fi # forklive

if part heaptops; then
begin "$churn" 2 60 1000
setsid "$tool" hold "$target" 60000 >"$dir/inner" 2>&1 &
inner=$!
until grep -q ATTACHED "$dir/inner"; do
        kill -0 $inner || break
done
attach_tool repair "$inner"
grep -q 'repaired=0' "$dir/tool" && grep -q 'memfd:heaptop' "/proc/$inner/maps"
result $? "what another heaptop maps of its target is not taken for remains"
attach_tool cycle "$inner" 5 20
code=$?
kill $inner
wait $inner
inner_code=$?
kill -TERM "$target"
finish
[ $code = 0 ] && [ $inner_code = 0 ] && [ "$status" = 0 ] && grep -q DETACHED "$dir/inner"
result $? "a heaptop at work can be watched by another one"
fi # heaptops

if part refused; then
begin "$edge" strict $((10 * slow))
until grep -q '^Seccomp:.*1' "/proc/$target/status"; do
        kill -0 "$target" || break
done
attach_tool check "$target"
code=$?
kill "$target"
finish
[ $code = 1 ] && grep -q 'strict seccomp' "$dir/tool"
result $? "a program in strict seccomp mode is refused in words"

echo precious >"$dir/victim"
begin env EDGE_VICTIM="$dir/victim" "$edge" swapfds $((10 * slow))
attach_tool swapped "$target"
code=$?
kill "$target"
finish
[ $code = 1 ] && [ "$(cat "$dir/victim")" = precious ]
result $? "a file put in the place of the memory file is not written to"
fi # refused

if part modules; then
begin "$edge" diverted $((6 * slow))
attach_tool cycle "$target" 1 1000
code=$?
finish
[ $code = 0 ] && [ "$status" = 0 ] && grep -q DIVERTED "$dir/target" && grep -q 'left=1' "$dir/tool"
result $? "code that another tool may jump to stays"

cat >"$dir/module.c" <<'END'
#define _GNU_SOURCE
#include <sys/mman.h>
static char *pools[2];
static volatile int calls;
static void __attribute__((noinline)) *take(int which)
{
        if (!pools[which]) {
                pools[which] = mmap(0, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                pools[which] += 1 << 16;
                mprotect(pools[which], 1 << 16, PROT_READ | PROT_WRITE);
        }
        calls++;
        return pools[which];
}
int owner(const void *p) { return p == pools[0] ? 0 : p == pools[1] ? 1 : -1; }
void *malloc(size_t n) { calls++; return n ? take(0) : 0; }
void *realloc(void *p, size_t n) { calls++; return p && n ? p : take(0); }
void free(void *p) { if (p) calls++; }
void *_rjem_malloc(size_t n) { calls++; return n ? take(1) : 0; }
void *_rjem_realloc(void *p, size_t n) { calls++; return p && n ? p : take(1); }
void _rjem_free(void *p) { if (p) calls += 2; }
void *__libc_memalign(size_t a, size_t n) { return a > n ? take(0) : malloc(n); }
END
if gcc -O1 -fno-builtin -shared -fPIC -o "$dir/module.so" "$dir/module.c" 2>/dev/null; then
        begin env EDGE_MODULE="$dir/module.so" "$edge" unload $((5 * slow * slow))
        attach_tool cycle "$target" 1 1000
        code=$?
        ! grep -q 'memfd:heaptop' "/proc/$target/maps"
        gone=$?
        finish
        [ $code = 0 ] && [ $gone = 0 ] && [ "$status" = 0 ] && grep -q UNLOADED "$dir/target"
        result $? "two allocators of one module are kept apart, and need no repair when it is unloaded"
else
        number=$((number + 1))
        echo "ok $number - two allocators of one module are kept apart, and need no repair when it is unloaded # SKIP no gcc"
fi
fi # modules

if part inside; then
# rdx is a third argument, which the probe hands on: it is the count
cat >"$dir/inside.c" <<'END'
__asm__(".globl malloc\n.type malloc,@function\n.p2align 4\nmalloc: mov %edx,%ecx\nrep stosb\nret\n.size malloc,.-malloc\n"
        ".globl free\n.type free,@function\n.p2align 4\nfree: mov %edx,%ecx\nmov (%rdi),%al\nret\n.size free,.-free\n");
static volatile int calls;
void *realloc(void *p, unsigned long n) { calls++; return n ? p : 0; }
END
if gcc -O1 -fno-builtin -shared -fPIC -o "$dir/inside.so" "$dir/inside.c" 2>/dev/null; then
        begin env EDGE_MODULE="$dir/inside.so" "$edge" inside $((60 * slow))
        attach_tool cycle "$target" 10 5
        code=$?
        kill -0 "$target" && ! grep -q BAD "$dir/target" || code=1
        kill "$target"
        finish
        result $code "threads and signal frames that stand in the bytes to be patched go on in the copy"
else
        number=$((number + 1))
        echo "ok $number - threads and signal frames that stand in the bytes to be patched go on in the copy # SKIP no gcc"
fi

cat >"$dir/asleep.c" <<'END'
#include <unistd.h>
static char block[4096];
static volatile int calls;
void *malloc(unsigned long n) { calls++; usleep(300000); return n ? block : 0; }
void *realloc(void *p, unsigned long n) { calls++; return n ? p : 0; }
void free(void *p) { if (p) calls++; }
END
if gcc -O1 -fno-builtin -shared -fPIC -o "$dir/asleep.so" "$dir/asleep.c" 2>/dev/null; then
        begin env EDGE_MODULE="$dir/asleep.so" "$edge" asleep $((60 * slow))
        attach_tool cycle "$target" 3 700
        code=$?
        grep -q 'left=0' "$dir/tool" && kill -0 "$target" || code=1
        kill "$target"
        finish
        result $code "code that a thread will return to is taken out when it has"
else
        number=$((number + 1))
        echo "ok $number - code that a thread will return to is taken out when it has # SKIP no gcc"
fi
fi # inside

if part user; then
# another user cannot go into our folders: what it runs stands in one that is open
as_nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
open=$(mktemp -d "${TMPDIR:-/tmp}/heaptop-open.XXXXXX")
chmod 755 "$open" && cp "$tool" "$edge" "$open"
if [ "$(id -u)" = 0 ] && $as_nobody "$open/attach_tool" check 1 2>/dev/null | grep -q 'check:'; then
        begin $as_nobody "$open/edge" idle $((60 * slow))
        $as_nobody "$open/attach_tool" hold "$target" 60000 >"$dir/inner" 2>&1 &
        inner=$!
        until grep -q -e ATTACHED -e attach: "$dir/inner"; do
                kill -0 $inner || break
        done
        attach_tool hold "$target" 1
        code=$?
        kill $inner
        wait $inner
        inner_code=$?
        kill "$target"
        finish
        cat "$dir/inner" >>"$dir/tool"
        [ $code = 1 ] && [ $inner_code = 0 ] && grep -q "another user's heaptop" "$dir/tool"
        result $? "another user's heaptop is left at its work"
else
        number=$((number + 1))
        echo "ok $number - another user's heaptop is left at its work # SKIP needs root"
fi
rm -rf "$open"
fi # user

if part variants; then
# variant NAME COMMAND...: busy threads with another C library or allocator
variant() {
        name=$1
        shift
        begin "$@" 2 60 1000
        attach_tool cycle "$target" 10 5
        code=$?
        kill -TERM "$target"
        finish
        grep -q 'samples=0 ' "$dir/tool" || ! grep -q 'deaths=0 ' "$dir/tool" || code=4
        [ $code = 0 ] && [ "$status" = 0 ] && grep -q "$allocator" "$dir/tool"
        result $? "$name"
}

skip() {
        number=$((number + 1))
        echo "ok $number - $1 # SKIP $2"
}

targets=$source/tests/targets
flags="-O1 -D_GNU_SOURCE"
allocator=glibc
if gcc $flags -static -o "$dir/static" "$targets/churn.c" -lpthread 2>/dev/null; then
        variant "static glibc" "$dir/static"
else
        skip "static glibc" "no static C library"
fi
allocator=musl
if musl-gcc $flags -o "$dir/musl" "$targets/churn.c" 2>/dev/null; then
        variant "musl" "$dir/musl"
        musl-gcc $flags -static -o "$dir/musl-static" "$targets/churn.c"
        variant "static musl" "$dir/musl-static"
else
        skip "musl" "no musl-gcc"
        skip "static musl" "no musl-gcc"
fi
for allocator in jemalloc tcmalloc mimalloc; do
        library=$(ls /usr/lib/*/lib$allocator.so.[0-9] 2>/dev/null | head -n 1)
        if [ -n "$library" ]; then
                variant "$allocator" env LD_PRELOAD="$library" "$churn"
        else
                skip "$allocator" "not installed"
        fi
done
if g++ -O1 -o "$dir/throw" "$targets/throw.cc" 2>/dev/null; then
        begin "$dir/throw" 2
        attach_tool cycle "$target" 20 10
        code=$?
        finish
        { [ $code = 0 ] || [ $code = 3 ]; } && [ "$status" = 0 ]
        result $? "exceptions through operator new"
else
        skip "exceptions through operator new" "no g++"
fi
fi # variants

