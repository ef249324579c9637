#include "unit.h"

#include "fake_history.h"
#include "sample.h"

#include "base/clock.h"
#include "model/estimate.h"
#include "model/inspect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MIB = 1 << 20, TICKS = 4000 };

static int64_t part_of(const struct inspect_parts *parts, const char *name)
{
        for (size_t i = 0; i < parts->n; i++)
                if (strcmp(parts->v[i].name, name) == 0)
                        return parts->v[i].bytes;
        return 0;
}

/* ---- against brute force ---- */

struct world {
        struct fake *fake;
        struct heap *heap;
        uint32_t site, stacks[3];
};

/* A site with three stacks, of which the second and third go through an allocator of their own. */
static struct world open_world(void)
{
        struct world world = { .fake = fake_new() };
        uint32_t frame;

        world.site = fake_add_site(world.fake, "put", "/src/a.c", 1);
        world.stacks[0] = fake_stack_of(world.fake, world.site);
        for (int i = 1; i < 3; i++) {
                frame = fake_add_frame(world.fake, 1, i == 1 ? "operator new" : "xmalloc", NULL, 0);
                fake_set_frame(world.fake, frame, i == 1 ? "operator new" : "xmalloc", NULL, 0, REC_FRAME_NAMED | REC_FRAME_RUNTIME);
                world.stacks[i] = fake_add_stack(world.fake, world.stacks[0], frame);
                fake_set_site(world.fake, world.stacks[i], world.site);
        }
        world.heap = heap_new(fake_history(world.fake));
        return world;
}

static void close_world(struct world *world)
{
        heap_free(world->heap);
        fake_free(world->fake);
}

struct block {
        uint64_t size, birth_s, death_s;
        uint32_t tid, stack;
        int64_t bytes;
        double weight;
};

static void add_block(struct world *world, const struct block *b)
{
        fake_add_block_of(world->fake, b->tid, world->stacks[b->stack], b->size, b->weight, FAKE_START_NS + b->birth_s * NS_PER_S,
                          b->death_s ? FAKE_START_NS + b->death_s * NS_PER_S : 0);
}

/* Every stack stands at what its blocks add up to at the end; GONE bytes more were born and died within their ticks. */
static void add_figures(struct world *world, const struct block *blocks, size_t n, int64_t gone)
{
        for (uint32_t s = 0; s < 3; s++) {
                struct rec_stack_tick row = { .stack = world->stacks[s], .born_bytes = s == 0 ? gone : 0 };

                for (size_t i = 0; i < n; i++) {
                        if (blocks[i].stack != s)
                                continue;
                        row.born_bytes += blocks[i].bytes;
                        row.born_samples++;
                        row.live_bytes += blocks[i].death_s ? 0 : blocks[i].bytes;
                        row.live_samples += !blocks[i].death_s;
                }
                fake_set_stack(world->fake, &row);
        }
}

static void check(const struct inspection *got, const struct block *blocks, size_t n, int64_t gone)
{
        static const uint64_t ages[HEAP_AGES] = { 60, 600, 3600, 6 * 3600, UINT64_MAX }, lives[INSPECT_LIFETIMES] = { 1, 60, 600, UINT64_MAX };
        int64_t by_age[HEAP_AGES] = { 0 }, by_life[INSPECT_LIFETIMES] = { gone }, by_tid[8] = { 0 }, by_stack[3] = { 0 }, sizes = 0;

        for (size_t i = 0; i < n; i++) {
                const struct block *b = &blocks[i];
                uint64_t age = TICKS - b->birth_s, life = b->death_s - b->birth_s;
                int at = 0;

                while (!b->death_s && age >= ages[at])
                        at++;
                if (!b->death_s)
                        by_age[at] += b->bytes;
                while (b->death_s && life >= lives[at])
                        at++;
                if (b->death_s)
                        by_life[at] += b->bytes;
                by_tid[b->tid] += b->death_s ? 0 : b->bytes;
                by_stack[b->stack] += b->death_s ? 0 : b->bytes;
        }
        assert_memory_equal(got->ages, by_age, sizeof by_age);
        assert_memory_equal(got->lifetimes, by_life, sizeof by_life);
        assert_int_equal(part_of(&got->threads, "worker"), by_tid[1] + by_tid[2]);
        assert_int_equal(part_of(&got->threads, "thread 3"), by_tid[3]);
        assert_int_equal(got->n_threads, (by_tid[1] > 0) + (by_tid[2] > 0) + (by_tid[3] > 0));
        assert_int_equal(part_of(&got->allocators, "malloc"), by_stack[0]);
        assert_int_equal(part_of(&got->allocators, "operator new"), by_stack[1]);
        assert_int_equal(part_of(&got->allocators, "xmalloc"), by_stack[2]);
        assert_int_equal(part_of(&got->libraries, "shopd"), by_stack[0] + by_stack[1] + by_stack[2]);
        for (size_t i = 0; i < got->n_sizes; i++) {
                int64_t bytes = 0;

                for (size_t k = 0; k < n; k++)
                        if (!blocks[k].death_s && blocks[k].size >= got->sizes[i].from && blocks[k].size <= got->sizes[i].to)
                                bytes += blocks[k].bytes;
                assert_int_equal(got->sizes[i].bytes, bytes);
                sizes += bytes;
        }
        assert_int_equal(sizes, by_stack[0] + by_stack[1] + by_stack[2]);
}

static void a_site_is_what_its_blocks_add_up_to(void **state)
{
        for (uint64_t seed = 1; seed <= 20; seed++) {
                struct world world = open_world();
                struct inspection got;
                struct block blocks[60];
                size_t n = 1 + sample_random(&seed, 60);
                uint64_t random = seed * 77;
                int64_t gone = (int64_t)sample_random(&random, 2) * MIB;

                for (size_t i = 0; i < n; i++) {
                        struct block *b = &blocks[i];

                        *b = (struct block){ .size = 1 + sample_random(&random, 1 << sample_random(&random, 20)),
                                             .birth_s = 1 + sample_random(&random, TICKS - 1), .tid = 1 + (uint32_t)sample_random(&random, 3),
                                             .stack = (uint32_t)sample_random(&random, 3) };
                        b->weight = estimate_weight(b->size, 4096);
                        b->bytes = estimate_bytes(b->size, b->weight);
                        if (sample_random(&random, 2))
                                b->death_s = b->birth_s + sample_random(&random, TICKS - b->birth_s + 1);
                        add_block(&world, b);
                }
                fake_set_thread(world.fake, 1, "worker");
                fake_set_thread(world.fake, 2, "worker");
                add_figures(&world, blocks, n, gone);
                fake_tick_after(world.fake, TICKS * NS_PER_S);
                assert_int_equal(heap_seek(world.heap, 1), 0);
                assert_int_equal(inspect_site(world.heap, world.site, &got), 0);
                check(&got, blocks, n, gone);
                assert_true(got.lifetimes_known);
                close_world(&world);
        }
}

static void a_site_that_is_not_there_is_empty(void **state)
{
        struct world world = open_world();
        struct inspection got;

        fake_tick(world.fake);
        assert_int_equal(heap_seek(world.heap, 1), 0);
        assert_int_equal(inspect_site(world.heap, 0, &got), 0);
        assert_int_equal(got.n_sizes + got.n_threads + got.n_stacks, 0);
        assert_int_equal(inspect_site(world.heap, 999, &got), 0);
        fake_set_stack_live(world.fake, world.stacks[0], MIB, 1);
        fake_tick(world.fake);
        assert_int_equal(heap_seek(world.heap, 2), 0);
        fake_fail(world.fake, -EIO);
        assert_int_equal(inspect_site(world.heap, world.site, &got), -EIO);
        close_world(&world);
}

static void a_thinned_session_does_not_tell_how_long_blocks_lived(void **state)
{
        struct world world = open_world();
        struct inspection got;

        fake_set_stack_live(world.fake, world.stacks[0], MIB, 1);
        fake_add_event(world.fake, REC_EVENT_DISK, "thinned");
        fake_tick(world.fake);
        assert_int_equal(heap_seek(world.heap, 1), 0);
        assert_int_equal(inspect_site(world.heap, world.site, &got), 0);
        assert_false(got.lifetimes_known);
        close_world(&world);
}

static void damaged_blocks_do_no_harm(void **state)
{
        struct world world = open_world();
        struct inspection got;

        fake_add_block(world.fake, world.stacks[0], UINT64_MAX, 1e300, FAKE_START_NS, 0);
        fake_add_block(world.fake, world.stacks[0], 0, -1, FAKE_START_NS, FAKE_START_NS - 5);
        fake_add_block_of(world.fake, UINT32_MAX, UINT32_MAX, 1, 1, FAKE_START_NS, 0);
        fake_set_thread(world.fake, 4711, "\033]0;owned\007\xe2\x80\xae and a name that is much longer than any thread can have by right");
        fake_set_stack_live(world.fake, world.stacks[0], MIB, 1);
        fake_tick(world.fake);
        assert_int_equal(heap_seek(world.heap, 1), 0);
        assert_int_equal(inspect_site(world.heap, world.site, &got), 0);
        for (const char *c = got.threads.v[0].name; *c; c++)
                assert_true((unsigned char)*c >= ' ');
        assert_true(heap_list(world.heap, &(struct heap_query){ .filter = "thread:x" }, &(uint32_t){ 0 }, 1) >= 0);
        close_world(&world);
}

/* ---- threads ---- */

static int count(struct heap *heap, const char *filter)
{
        uint32_t ids[8];

        return heap_list(heap, &(struct heap_query){ .filter = filter }, ids, 8);
}

static void a_long_name_is_cut_between_characters_and_stays_one_part(void **state)
{
        struct world world = open_world();
        struct inspection got;
        char path[96] = "/usr/lib/";
        uint32_t module;

        memset(path + 9, 'a', 61); /* 63 bytes fit, and what comes next has three */
        strcpy(path + 70, "\xe6\xbc\xa2\xe5\xad\x97");
        module = fake_add_module(world.fake, path);
        for (int i = 0; i < 2; i++) {
                uint32_t frame = fake_add_frame(world.fake, module, i ? "first" : "second", NULL, 0);
                uint32_t stack = fake_add_stack(world.fake, world.stacks[0], frame);

                fake_set_site(world.fake, stack, world.site);
                fake_set_stack_live(world.fake, stack, MIB, 1);
        }
        fake_tick(world.fake);
        assert_int_equal(heap_seek(world.heap, UINT32_MAX), 0);
        assert_int_equal(inspect_site(world.heap, world.site, &got), 0);
        path[70] = '\0';
        assert_int_equal(got.libraries.n, 1);
        assert_int_equal(part_of(&got.libraries, path + 9), 2 * MIB);
        close_world(&world);
}

static void threads_without_names_are_one_part(void **state)
{
        struct world world = open_world();
        struct inspection got;

        for (uint32_t tid = 1; tid <= 20; tid++)
                fake_add_block_of(world.fake, tid, world.stacks[0], MIB, 1, FAKE_START_NS + 1, 0);
        fake_set_thread(world.fake, 3, "io");
        fake_set_stack_live(world.fake, world.stacks[0], 20 * MIB, 20);
        fake_tick(world.fake);
        assert_int_equal(heap_seek(world.heap, 1), 0);
        assert_int_equal(inspect_site(world.heap, world.site, &got), 0);
        assert_int_equal(got.n_threads, 20);
        assert_int_equal(got.threads.n, 2);
        assert_int_equal(part_of(&got.threads, "19 without a name"), 19 * MIB);
        assert_int_equal(part_of(&got.threads, "io"), MIB);
        close_world(&world);
}

static void a_filter_finds_who_allocated(void **state)
{
        struct fake *fake = fake_new();
        uint32_t put = fake_add_site(fake, "put", "a.c", 1), get = fake_add_site(fake, "get", "b.c", 1);
        struct heap *heap = heap_new(fake_history(fake));

        fake_set_thread(fake, 7, "worker-7");
        fake_set_thread(fake, 8, "io");
        fake_add_block_of(fake, 7, fake_stack_of(fake, put), 64, 9, FAKE_START_NS + 1, 0);
        fake_set_live(fake, put, MIB, 1);
        fake_set_live(fake, get, MIB, 1);
        fake_tick(fake);
        fake_add_block_of(fake, 8, fake_stack_of(fake, get), 64, 9, FAKE_START_NS + NS_PER_S + 1, 0);
        fake_tick(fake);
        fake_set_thread(fake, 8, "reader");
        fake_tick(fake);
        assert_int_equal(heap_seek(heap, 1), 0);
        assert_int_equal(count(heap, "thread:WORK"), 1);
        assert_int_equal(count(heap, "thread:io"), 0); /* it had not allocated yet */
        assert_int_equal(count(heap, "!thread:work"), 2); /* get, and before attach */
        assert_int_equal(heap_seek(heap, 2), 0);
        assert_int_equal(count(heap, "thread:io"), 1);
        assert_int_equal(count(heap, "thread:io thread:work"), 0);
        assert_int_equal(count(heap, "thread:o"), 2);
        assert_int_equal(heap_seek(heap, 3), 0);
        assert_int_equal(count(heap, "thread:io"), 0); /* it is called otherwise now */
        assert_int_equal(count(heap, "thread:reader get"), 1);
        assert_string_equal(inspect_thread_name(heap, 8), "reader");
        assert_int_equal(heap_seek(heap, 1), 0); /* and back */
        assert_string_equal(inspect_thread_name(heap, 8), "io");
        assert_null(inspect_thread_name(heap, 9));
        assert_int_equal(count(heap, "thread:reader"), 0);
        heap_free(heap);
        fake_free(fake);
}

/* ---- in words ---- */

static void the_shape_of_ages_is_read(void **state)
{
        static const struct {
                int64_t ages[HEAP_AGES];
                int minutes;
                const char *words;
        } cases[] = {
                { { 1, 9, 50, 60, 0 }, 120, "flat" }, { { 2, 18, 20, 0, 0 }, 30, "flat" }, { { 100, 1, 0, 0, 0 }, 60, "comes and goes" },
                { { 0, 0, 1, 90, 0 }, 300, "made once" }, { { 0, 0, 0, 0, 0 }, 300, "" }, { { 5, 0, 0, 0, 0 }, 2, "" },
                { { 60, 20, 5, 5, 0 }, 300, "a part of it stays" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                const char *words = inspect_ages_words(cases[i].ages, (uint64_t)cases[i].minutes * 60 * NS_PER_S);

                if (cases[i].words[0] == '\0')
                        assert_string_equal(words, "");
                else
                        assert_non_null(strstr(words, cases[i].words));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_site_is_what_its_blocks_add_up_to),
                cmocka_unit_test(a_site_that_is_not_there_is_empty),
                cmocka_unit_test(a_thinned_session_does_not_tell_how_long_blocks_lived),
                cmocka_unit_test(damaged_blocks_do_no_harm),
                cmocka_unit_test(a_long_name_is_cut_between_characters_and_stays_one_part),
                cmocka_unit_test(threads_without_names_are_one_part),
                cmocka_unit_test(a_filter_finds_who_allocated),
                cmocka_unit_test(the_shape_of_ages_is_read),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
