#!/bin/sh
# Every system call of src/inject that touches another process goes through inject/sys.c, where tests make it fail: no other
# object of the library refers to such a call. Not counted: lock.c (heaptop's own lock files), seccomp.c (a child of our own
# tries our own filters), close() and munmap() (ours), and looks into /proc, which src/target has functions for.
echo 1..2
cd "$HEAPTOP_BUILD" || exit 1
calls='ptrace|wait|waitid|waitpid|wait4|kill|tgkill|process_vm_readv|process_vm_writev|open|open64|openat|openat64|creat'
calls="$calls|read|pread|pread64|write|pwrite|pwrite64|mmap|mmap64|ftruncate|ftruncate64|fcntl|fcntl64|fstat|fstat64"
calls="$calls|ioctl|syscall|memory_open|memory_read|memory_read_some|maps_read"
found=$(nm -A -u src/libinject.a 2>/dev/null | awk -v calls="^($calls)\$" '
        { object = $1; sub(/^[^:]*:/, "", object); sub(/:.*/, "", object); name = $NF; sub(/@.*/, "", name) }
        object ~ /(sys|lock|seccomp|worker)\.o$/ { next }
        name ~ calls { print "# " object " calls " name }')
if [ -z "$found" ]; then
        echo "ok 1 - no system call of src/inject goes around the seam"
else
        echo "not ok 1 - no system call of src/inject goes around the seam"
        echo "$found"
fi
# The look itself works: the seam has all of them.
if nm -A -u src/libinject.a 2>/dev/null | grep -q 'sys\.o:.*ptrace'; then
        echo "ok 2 - and the seam makes them"
else
        echo "not ok 2 - and the seam makes them"
fi
