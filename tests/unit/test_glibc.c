#include "unit.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "target/glibc.h"
#include "target/glibc_walk.h"
#include "target/memory.h"
#include "target/pagemap.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* glibc's own, also where a sanitizer has put its malloc() before it. */
void *__libc_malloc(size_t size);
void __libc_free(void *block);

/* What the child says about its own heap; mallinfo2() adds up the free blocks of all arenas, but not what they got. */
struct truth {
        uint64_t all_free, mmapped, n_mmapped;
        uint64_t all_system; /* of all arenas */
        uint64_t n_arenas;
};

static uint64_t last_number(const char *text, const char *key)
{
        uint64_t value = 0;

        for (const char *at = strstr(text, key); at; at = strstr(at + 1, key))
                value = strtoull(at + strlen(key), NULL, 10);
        return value;
}

static void tell_truth(struct truth *ret)
{
        struct mallinfo2 info;
        char *text = NULL;
        size_t len = 0;
        FILE *file = open_memstream(&text, &len);

        malloc_info(0, file);
        fclose(file);
        ret->all_system = last_number(text, "<system type=\"current\" size=\"");
        ret->n_arenas = 0;
        for (const char *at = strstr(text, "<heap nr="); at; at = strstr(at + 1, "<heap nr="))
                ret->n_arenas++;
        free(text);
        info = mallinfo2();
        ret->all_free = info.fordblks;
        ret->mmapped = info.hblkhd;
        ret->n_mmapped = info.hblks;
}

static void fragment(unsigned seed)
{
        enum { N = 20000 };
        void **blocks = __libc_malloc(N * sizeof *blocks);

        for (int i = 0; i < N; i++)
                blocks[i] = __libc_malloc(16 + (size_t)rand_r(&seed) % (i % 10 == 0 ? 20000 : 900));
        for (int i = 0; i < N; i++)
                if (rand_r(&seed) % 2)
                        __libc_free(blocks[i]);
        __libc_free(blocks); /* what is left is lost on purpose */
}

static void *fragment_in_thread(void *arg)
{
        int fd = *(int *)arg;
        char c;

        fragment(3);
        /* Lives on, so that its arena stays in use. */
        (void)!write(fd, "r", 1);
        for (;;)
                if (read(-1, &c, 1) < 0)
                        pause();
        return NULL;
}

/* Makes a heap of the KIND asked for, says what it is, and waits to be killed. */
static void child(int to_parent, int kind)
{
        struct truth truth;
        int pipes[2];
        pthread_t id;
        char c;

        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test must not leave us behind, with its output open */
        memset(__libc_malloc(1000), 1, 1000);
        if (kind >= 1)
                fragment(1);
        if (kind >= 2) {
                for (int i = 0; i < 5; i++)
                        memset(__libc_malloc((size_t)(1 + i) << 20), 1, 100);
                if (pipe(pipes) == 0 && pthread_create(&id, NULL, fragment_in_thread, &pipes[1]) == 0)
                        (void)!read(pipes[0], &c, 1);
        }
        tell_truth(&truth);
        (void)!write(to_parent, &truth, sizeof truth);
        for (;;)
                pause();
}

/* ---- the walk ---- */

struct histogram {
        int64_t blocks[1 << 12], bytes; /* by size / 16 */
};

static void count(void *arg, int64_t blocks, int64_t bytes)
{
        struct histogram *histogram = arg;
        int64_t size = bytes / blocks;

        if (size / 16 < 1 << 12)
                histogram->blocks[size / 16] += blocks;
        histogram->bytes += bytes;
}

/* Without heaptop's limits of time. */
static void walk_all(pid_t pid, int memory, const struct glibc_heap *heap, struct histogram *ret, struct glibc_walk *walk)
{
        int pagemap = pagemap_open(pid);

        assert_true(pagemap >= 0);
        *ret = (struct histogram){ 0 };
        assert_int_equal(glibc_walk_init(walk, memory, pagemap, heap, count, ret), 0);
        while (!glibc_walk_step(walk, NS_PER_MS))
                ;
        glibc_walk_done(walk);
        close(pagemap);
        assert_int_equal(walk->used_bytes, ret->bytes);
}

static void compare_walk(pid_t pid, int memory, const struct glibc_heap *heap)
{
        enum { ARENA_BYTES = 4096 }; /* its own state, and what begins and ends a heap */
        struct histogram histogram;
        struct glibc_walk walk;
        int64_t told, own = (int64_t)(heap->used_bytes - heap->mmapped_bytes);

        walk_all(pid, memory, heap, &histogram, &walk);
        told = walk.used_bytes + (int64_t)walk.cached_bytes;
        print_message("# walked %lld and %lld in caches, malloc says %lld, not walked %llu\n", (long long)walk.used_bytes,
                      (long long)walk.cached_bytes, (long long)own, (unsigned long long)walk.unwalked_bytes);
        assert_int_equal(walk.unwalked_bytes, 0);
        assert_true(told <= own && own - told <= (int64_t)heap->n_arenas * ARENA_BYTES);
}

static void compare(int kind)
{
        struct maps maps = { 0 };
        struct modules modules = { 0 };
        struct glibc_heap heap, before;
        struct truth truth;
        int pipes[2], memory;
        pid_t pid;

        assert_int_equal(pipe(pipes), 0);
        pid = fork();
        if (pid == 0)
                child(pipes[1], kind);
        assert_true(pid > 0);
        close(pipes[1]);
        assert_int_equal(read(pipes[0], &truth, sizeof truth), sizeof truth);
        assert_int_equal(maps_read(pid, &maps), 0);
        assert_int_equal(modules_read(pid, &maps, NULL, &modules), 0);
        memory = memory_open(pid, 0);
        assert_true(memory >= 0);
        assert_int_equal(glibc_heap_read(&modules, &maps, memory, &heap), 0);
        print_message("# system %llu of %llu, free %llu of %llu, mmapped %llu of %llu, arenas %u of %llu\n",
                      (unsigned long long)heap.system_bytes, (unsigned long long)truth.all_system,
                      (unsigned long long)(heap.binned_bytes + heap.top_bytes), (unsigned long long)truth.all_free,
                      (unsigned long long)heap.mmapped_bytes, (unsigned long long)truth.mmapped, heap.n_arenas,
                      (unsigned long long)truth.n_arenas);
        assert_true(heap.complete);
        assert_int_equal(heap.n_arenas, truth.n_arenas);
        assert_int_equal(heap.system_bytes, truth.all_system);
        assert_int_equal(heap.mmapped_bytes, truth.mmapped);
        assert_int_equal(heap.mmapped_blocks, truth.n_mmapped);
        assert_int_equal(heap.binned_bytes + heap.top_bytes, truth.all_free);
        assert_int_equal(heap.used_bytes, heap.system_bytes + heap.mmapped_bytes - heap.top_bytes - heap.binned_bytes);
        compare_walk(pid, memory, &heap);
        before = heap;
        assert_int_equal(glibc_heap_refresh(memory, &heap), 0);
        assert_memory_equal(&before, &heap, sizeof heap);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        assert_int_equal(glibc_heap_refresh(memory, &heap), -ESRCH);
        close(memory);
        close(pipes[0]);
        modules_done(&modules);
        maps_done(&maps);
}

static void a_small_heap_is_as_malloc_says(void **state)
{
        compare(0);
}

static void a_fragmented_heap_is_as_malloc_says(void **state)
{
        compare(1);
}

static void arenas_and_mapped_blocks_are_as_malloc_says(void **state)
{
        compare(2);
}

/* Allocates known sizes, frees some, and waits; with CHURN it goes on for good. */
static void known_sizes(int to_parent, bool churn)
{
        static void *large[1000], *small[3000];
        unsigned seed = 9;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (int i = 0; i < 1000; i++)
                memset(large[i] = __libc_malloc(3000), 1, 3000);
        for (int i = 0; i < 3000; i++)
                memset(small[i] = __libc_malloc(100), 1, 100);
        for (int i = 0; i < 1000; i += 2) /* 3008 bytes are not cached, and neighbours live, so nothing is joined */
                __libc_free(large[i]), large[i] = NULL;
        for (int i = 0; i < 3000; i += 3) /* 112 bytes: seven into the cache, the others into a fast bin */
                __libc_free(small[i]), small[i] = NULL;
        (void)!write(to_parent, "r", 1);
        while (churn) {
                void **at = rand_r(&seed) % 2 ? &small[rand_r(&seed) % 3000] : &large[rand_r(&seed) % 1000];

                __libc_free(*at);
                *at = __libc_malloc((size_t)rand_r(&seed) % 5000);
        }
        for (;;)
                pause();
}

static pid_t start_known_sizes(bool churn, int *ret_memory, struct glibc_heap *heap)
{
        struct maps maps = { 0 };
        struct modules modules = { 0 };
        int pipes[2], r, tries = 0;
        pid_t pid;
        char c;

        assert_int_equal(pipe(pipes), 0);
        pid = fork();
        if (pid == 0)
                known_sizes(pipes[1], churn);
        close(pipes[1]);
        assert_int_equal(read(pipes[0], &c, 1), 1);
        close(pipes[0]);
        assert_int_equal(maps_read(pid, &maps), 0);
        assert_int_equal(modules_read(pid, &maps, NULL, &modules), 0);
        *ret_memory = memory_open(pid, 0);
        do /* a list that just changes may hide malloc's state once */
                r = glibc_heap_read(&modules, &maps, *ret_memory, heap);
        while (r == -ENOENT && churn && ++tries < 1000);
        assert_int_equal(r, 0);
        modules_done(&modules);
        maps_done(&maps);
        return pid;
}

static void blocks_in_use_are_counted_by_size(void **state)
{
        struct histogram histogram;
        struct glibc_heap heap;
        struct glibc_walk walk;
        int memory;
        pid_t pid = start_known_sizes(false, &memory, &heap);

        walk_all(pid, memory, &heap, &histogram, &walk);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        close(memory);
        /* the program itself has a few of its own, and a chunk may be larger because the rest of it was too small */
        assert_in_range(histogram.blocks[3008 / 16], 500, 510);
        assert_in_range(histogram.blocks[112 / 16], 1990, 2060);
        assert_true(walk.cached_bytes >= 7 * 112);
}

static void what_was_not_walked_is_told_by_its_size(void **state)
{
        struct histogram histogram = { 0 };
        struct glibc_heap heap;
        struct glibc_walk walk;
        int memory;
        pid_t pid = start_known_sizes(false, &memory, &heap);

        assert_int_equal(glibc_walk_init(&walk, memory, -1, &heap, count, &histogram), 0);
        walk.left = 0; /* no range is even begun */
        while (!glibc_walk_step(&walk, NS_PER_MS))
                ;
        assert_int_equal(walk.walked_bytes, 0);
        assert_in_range(walk.unwalked_bytes, 1 << 20, 64 << 20);
        glibc_walk_done(&walk);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        close(memory);
}

/* Chunks come, go, split and join under our eyes: the walk ends, and what it says stays possible. */
static void a_heap_that_changes_all_the_time_is_walked_to_its_end(void **state)
{
        struct histogram histogram;
        struct glibc_heap heap;
        struct glibc_walk walk;
        int memory;
        pid_t pid = start_known_sizes(true, &memory, &heap);

        for (int round = 0; round < 50; round++) {
                walk_all(pid, memory, &heap, &histogram, &walk);
                /* it grows, but 4000 blocks of at most 5000 bytes are all there is */
                assert_true(walk.walked_bytes + walk.unwalked_bytes <= 64 << 20);
                assert_true(walk.used_bytes > 0 && walk.used_bytes <= 64 << 20);
        }
        print_message("# %u found again, %u given up in the last of 50\n", walk.n_resyncs, walk.n_given_up);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        close(memory);
}

static void no_glibc_is_no_heap(void **state)
{
        struct modules modules = { 0 };
        struct maps maps = { 0 };
        struct glibc_heap heap = { .n_arenas = 7 };

        assert_int_equal(glibc_heap_read(&modules, &maps, -1, &heap), -ENOENT);
        assert_int_equal(heap.n_arenas, 7);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_small_heap_is_as_malloc_says),
                cmocka_unit_test(a_fragmented_heap_is_as_malloc_says),
                cmocka_unit_test(arenas_and_mapped_blocks_are_as_malloc_says),
                cmocka_unit_test(blocks_in_use_are_counted_by_size),
                cmocka_unit_test(what_was_not_walked_is_told_by_its_size),
                cmocka_unit_test(a_heap_that_changes_all_the_time_is_walked_to_its_end),
                cmocka_unit_test(no_glibc_is_no_heap),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
