/* fuzz_glibc: memory that says anything where malloc's state should be ends every walk over it in bounded time.
 *
 * The memory is a file: the input stands at BASE, so that addresses of BASE and a little more, as the input may have them, lead
 * into it again. */
#include "target/glibc.h"
#include "target/glibc_walk.h"
#include "target/memory.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define BASE 0x10000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count(void *arg, int64_t blocks, int64_t bytes)
{
        int64_t *total = arg;

        *total += bytes ^ blocks;
}

static void walk(int memory, const struct glibc_heap *heap)
{
        struct glibc_walk w = { 0 };
        int64_t total = 0;

        /* of its pages the file says what a page map would */
        if (glibc_walk_init(&w, memory, memory, heap, count, &total) == 0)
                for (int i = 0; i < 64 && !glibc_walk_step(&w, 1000000); i++)
                        ;
        glibc_walk_done(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct glibc_heap heap = { .main_arena = BASE, .parameters = BASE + 2200, .n_arenas = 1, .complete = true };
        struct glibc_range ranges[64];
        struct glibc_arena arena;
        uint64_t addr = BASE;
        int memory = memfd_create("fuzz_glibc", MFD_CLOEXEC), n;

        if (memory < 0 || pwrite(memory, data, size, BASE) != (ssize_t)size)
                abort();
        for (int i = 0; i < GLIBC_ARENAS_MAX && glibc_arena_read(memory, addr, &arena) == 0; i++)
                addr = arena.next;
        heap.old_parameters = size % 2;
        glibc_main_base(memory, &heap);
        n = glibc_ranges(memory, &heap, ranges, 64);
        for (int i = 0; i < n; i++)
                if (ranges[i].start > ranges[i].end)
                        abort();
        glibc_heap_refresh(memory, &heap);
        walk(memory, &heap);
        close(memory);
        return 0;
}
