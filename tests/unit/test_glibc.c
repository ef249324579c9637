#include "unit.h"

#include "base/alloc.h"
#include "target/glibc.h"
#include "target/memory.h"

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
        void **blocks = malloc(N * sizeof *blocks);

        for (int i = 0; i < N; i++)
                blocks[i] = malloc(16 + (size_t)rand_r(&seed) % (i % 10 == 0 ? 20000 : 900));
        for (int i = 0; i < N; i++)
                if (rand_r(&seed) % 2)
                        free(blocks[i]);
        free(blocks); /* what is left is lost on purpose */
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
        if (kind >= 1)
                fragment(1);
        if (kind >= 2) {
                for (int i = 0; i < 5; i++)
                        memset(malloc((size_t)(1 + i) << 20), 1, 100);
                if (pipe(pipes) == 0 && pthread_create(&id, NULL, fragment_in_thread, &pipes[1]) == 0)
                        (void)!read(pipes[0], &c, 1);
        }
        tell_truth(&truth);
        (void)!write(to_parent, &truth, sizeof truth);
        for (;;)
                pause();
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
                cmocka_unit_test(no_glibc_is_no_heap),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
