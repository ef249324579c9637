/* What compare tells against a simple count over all that ever happened. */
#include "unit.h"

#include "fake_history.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "model/compare.h"
#include "model/estimate.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MIB = 1 << 20, STACKS = 9, TICKS = 90, CHANCES = 40, MEAN = 64 << 10 };

/* ---- a made-up history, and all that is true of it ---- */

struct truth {
        uint32_t stack;
        int64_t bytes;
        uint64_t born_ns;   /* as a birth or by realloc */
        uint64_t birth_ns;  /* of the first of the chain */
        uint64_t gone_ns;   /* death, or the next realloc; 0 = lives */
        size_t row;         /* in the fake, SIZE_MAX = it died within its tick */
};

struct story {
        struct fake *fake;
        struct truth *blocks;
        size_t n, cap;
        uint32_t sites[STACKS], stacks[STACKS];
        struct rec_stack_tick sums[STACKS];
        unsigned seed;
};

static unsigned any(struct story *story, unsigned n)
{
        return (unsigned)rand_r(&story->seed) % n;
}

static void count(struct story *story, size_t i, int64_t bytes, int sign, bool birth)
{
        struct rec_stack_tick *sum = &story->sums[i];

        sum->live_bytes += sign * bytes;
        sum->live_blocks += sign;
        sum->live_samples += sign;
        if (birth) {
                sum->born_bytes += bytes;
                sum->born_blocks++;
                sum->born_samples++;
        }
}

static size_t stack_number(const struct story *story, uint32_t stack)
{
        size_t i = 0;

        while (story->stacks[i] != stack)
                i++;
        return i;
}

static void bear(struct story *story, uint64_t now_ns)
{
        size_t i = any(story, STACKS);
        uint64_t size = 1 + any(story, 300000);
        double weight = estimate_weight(size, MEAN);
        int64_t bytes = estimate_bytes(size, weight);
        bool brief = any(story, 3) == 0;

        array_grow(story->blocks, story->n, story->cap);
        story->blocks[story->n++] = (struct truth){
                .stack = story->stacks[i], .bytes = bytes, .born_ns = now_ns, .birth_ns = now_ns,
                .gone_ns = brief ? now_ns : 0, .row = brief ? SIZE_MAX : fake_n_blocks(story->fake) };
        count(story, i, bytes, 1, true);
        if (brief)
                count(story, i, bytes, -1, false);
        else
                fake_add_block(story->fake, story->stacks[i], size, weight, now_ns, 0);
}

/* A block that lives, or SIZE_MAX. Those of the first stack live for ever. */
static size_t mortal(struct story *story)
{
        for (int i = 0; i < 20 && story->n; i++) {
                size_t at = any(story, (unsigned)story->n);

                if (story->blocks[at].gone_ns == 0 && story->blocks[at].stack != story->stacks[0])
                        return at;
        }
        return SIZE_MAX;
}

static void kill(struct story *story, uint64_t now_ns)
{
        size_t at = mortal(story);

        if (at == SIZE_MAX)
                return;
        story->blocks[at].gone_ns = now_ns;
        count(story, stack_number(story, story->blocks[at].stack), story->blocks[at].bytes, -1, false);
        fake_end_block(story->fake, story->blocks[at].row, now_ns);
}

/* To another stack now and then. */
static void turn(struct story *story, uint64_t now_ns)
{
        size_t at = mortal(story), i;
        uint64_t size = 1 + any(story, 600000);
        double weight = estimate_weight(size, MEAN);
        struct truth new;

        if (at == SIZE_MAX)
                return;
        i = any(story, 2) ? stack_number(story, story->blocks[at].stack) : any(story, STACKS);
        new = (struct truth){ .stack = story->stacks[i], .bytes = estimate_bytes(size, weight), .born_ns = now_ns,
                              .birth_ns = story->blocks[at].birth_ns, .row = fake_n_blocks(story->fake) };
        story->blocks[at].gone_ns = now_ns;
        count(story, stack_number(story, story->blocks[at].stack), story->blocks[at].bytes, -1, false);
        count(story, i, new.bytes, 1, true);
        fake_turn_block(story->fake, story->blocks[at].row, new.stack, size, weight, now_ns);
        array_grow(story->blocks, story->n, story->cap);
        story->blocks[story->n++] = new;
}

static void pass_second(struct story *story, bool turns)
{
        uint64_t now_ns = fake_process(story->fake)->time_ns;

        for (unsigned i = 0; i < CHANCES; i++) {
                uint64_t at_ns = now_ns + (i + 1) * (NS_PER_S / CHANCES);

                if (any(story, 2))
                        bear(story, at_ns);
                if (any(story, 3) == 0)
                        kill(story, at_ns);
                if (turns && any(story, 6) == 0)
                        turn(story, at_ns);
        }
        for (size_t i = 0; i < STACKS; i++) {
                story->sums[i].stack = story->stacks[i];
                story->sums[i].live_variance = 1e6;
                if (any(story, 4) || story->sums[i].born_blocks)
                        fake_set_stack(story->fake, &story->sums[i]);
        }
        fake_tick(story->fake);
}

static void begin(struct story *story, unsigned seed)
{
        *story = (struct story){ .fake = fake_new(), .seed = seed };
        for (size_t i = 0; i < STACKS; i++) {
                story->sites[i] = fake_add_site(story->fake, "put", "store.cc", (uint32_t)(80 + i));
                story->stacks[i] = fake_stack_of(story->fake, story->sites[i]);
        }
        fake_process(story->fake)->before_bytes = 0;
        print_message("seed %u\n", seed);
}

static void end(struct story *story)
{
        fake_free(story->fake);
        free(story->blocks);
}

/* ---- the same questions, asked of the truth ---- */

static uint64_t time_of(uint32_t tick)
{
        return FAKE_START_NS + tick * NS_PER_S;
}

static bool lives(const struct truth *block, uint64_t at_ns)
{
        return block->born_ns <= at_ns && (block->gone_ns == 0 || block->gone_ns > at_ns);
}

static struct compare_figures ask(const struct story *story, uint32_t stack, uint32_t from, uint32_t to, uint32_t at)
{
        uint64_t from_ns = time_of(from), to_ns = time_of(to), at_ns = time_of(at);
        struct compare_figures f = { 0 };

        for (size_t i = 0; i < story->n; i++) {
                const struct truth *block = &story->blocks[i];

                if (stack && block->stack != stack)
                        continue;
                if (block->born_ns > from_ns && block->born_ns <= to_ns) {
                        f.born_bytes += block->bytes;
                        f.born_blocks++;
                }
                f.live_from += lives(block, from_ns) ? block->bytes : 0;
                f.live_at += lives(block, at_ns) ? block->bytes : 0;
                if (!lives(block, at_ns))
                        continue;
                if (block->birth_ns > from_ns && block->birth_ns <= to_ns) {
                        uint64_t sixth = (block->birth_ns - from_ns) * COMPARE_GENERATIONS / (to_ns - from_ns);

                        f.kept_bytes += block->bytes;
                        f.kept_samples++;
                        f.generations[sixth < COMPARE_GENERATIONS ? sixth : COMPARE_GENERATIONS - 1] += block->bytes;
                } else if (block->birth_ns <= from_ns && block->born_ns > from_ns) {
                        f.regrown_bytes += block->bytes;
                }
        }
        return f;
}

static void adds_up(const struct compare_figures *f)
{
        int64_t stays = f->kept_bytes + f->regrown_bytes + f->untold_bytes;

        assert_int_equal(f->born_bytes, compare_freed_again(f) + stays);
        assert_int_equal(compare_net(f), stays - compare_older_freed(f));
        assert_true(compare_freed_again(f) >= 0);
        assert_true(compare_older_freed(f) >= 0);
        assert_true(f->kept_bytes >= 0 && f->untold_bytes >= 0 && f->regrown_bytes >= 0);
}

static void same(const struct compare_figures *got, const struct compare_figures *wanted)
{
        assert_int_equal(got->born_bytes, wanted->born_bytes);
        assert_int_equal(got->born_blocks, wanted->born_blocks);
        assert_int_equal(got->live_from, wanted->live_from);
        assert_int_equal(got->live_at, wanted->live_at);
        assert_int_equal(got->kept_bytes, wanted->kept_bytes);
        assert_int_equal(got->kept_samples, wanted->kept_samples);
        assert_int_equal(got->regrown_bytes, wanted->regrown_bytes);
        assert_int_equal(got->untold_bytes, 0);
        assert_memory_equal(got->generations, wanted->generations, sizeof got->generations);
}

static struct compare_figures site_figures(struct compare *compare, uint32_t id)
{
        struct compare_site site = { 0 };

        (void)compare_site(compare, id, &site);
        return site.f;
}

/* ---- tests ---- */

static void as_ticks_come_everything_is_counted_as_it_was(void **state)
{
        for (unsigned seed = 1; seed <= 6; seed++) {
                struct story story;
                struct heap *heap;
                struct compare *compare;

                begin(&story, seed);
                heap = heap_new(fake_history(story.fake));
                compare = compare_new(heap);
                for (uint32_t tick = 1; tick <= TICKS; tick++) {
                        uint32_t from = any(&story, tick);
                        struct compare_figures wanted;

                        pass_second(&story, true);
                        assert_int_equal(heap_seek(heap, tick), 0);
                        assert_int_equal(compare_set(compare, from, tick, tick), 0);
                        wanted = ask(&story, 0, from, tick, tick);
                        if (from == 0)
                                wanted.regrown_bytes = 0;
                        same(compare_totals(compare), &wanted);
                        adds_up(compare_totals(compare));
                        for (size_t i = 0; i < STACKS; i++) {
                                struct compare_figures got = site_figures(compare, story.sites[i]);

                                wanted = ask(&story, story.stacks[i], from, tick, tick);
                                same(&got, &wanted);
                                adds_up(&got);
                        }
                }
                compare_free(compare);
                heap_free(heap);
                end(&story);
        }
}

static void afterwards_any_two_moments_can_be_compared(void **state)
{
        for (unsigned seed = 11; seed <= 16; seed++) {
                struct story story;
                struct heap *heap;
                struct compare *compare;

                begin(&story, seed);
                for (uint32_t tick = 1; tick <= TICKS; tick++)
                        pass_second(&story, false);
                heap = heap_new(fake_history(story.fake));
                compare = compare_new(heap);
                for (int i = 0; i < 60; i++) {
                        uint32_t from = any(&story, TICKS - 1), to = from + 1 + any(&story, TICKS - from);
                        struct compare_figures wanted = ask(&story, 0, from, to, to);

                        assert_int_equal(heap_seek(heap, 1 + any(&story, TICKS)), 0); /* whatever is shown */
                        assert_int_equal(compare_set(compare, from, to, to), 0);
                        same(compare_totals(compare), &wanted);
                        adds_up(compare_totals(compare));
                }
                compare_free(compare);
                heap_free(heap);
                end(&story);
        }
}

/* Of blocks that realloc turned after B, and of those that a rolled-up file forgot, it is said that nothing is said. */
static void what_the_file_no_longer_tells_is_told_apart(void **state)
{
        for (unsigned seed = 21; seed <= 26; seed++) {
                struct story story;
                struct heap *heap;
                struct compare *compare;
                int64_t untold = 0;

                begin(&story, seed);
                for (uint32_t tick = 1; tick <= TICKS; tick++)
                        pass_second(&story, seed % 2);
                if (seed % 2 == 0)
                        fake_forget_blocks(story.fake, time_of(TICKS / 2));
                heap = heap_new(fake_history(story.fake));
                compare = compare_new(heap);
                assert_int_equal(heap_seek(heap, TICKS), 0);
                for (int i = 0; i < 60; i++) {
                        uint32_t from = any(&story, TICKS - 1), to = from + 1 + any(&story, TICKS - from);
                        struct compare_figures wanted = ask(&story, 0, from, to, to);
                        const struct compare_figures *got = compare_totals(compare);

                        assert_int_equal(compare_set(compare, from, to, to), 0);
                        got = compare_totals(compare);
                        assert_int_equal(got->born_bytes, wanted.born_bytes);
                        assert_int_equal(compare_net(got), compare_net(&wanted));
                        assert_true(got->kept_bytes <= wanted.kept_bytes + (from ? 0 : wanted.live_at));
                        assert_true(got->kept_bytes + got->untold_bytes >= wanted.kept_bytes);
                        adds_up(got);
                        untold += got->untold_bytes;
                }
                assert_true(untold > 0);
                compare_free(compare);
                heap_free(heap);
                end(&story);
        }
}

static void a_range_tells_what_still_lives_at_the_moment_shown(void **state)
{
        for (unsigned seed = 31; seed <= 34; seed++) {
                struct story story;
                struct heap *heap;
                struct compare *compare;

                begin(&story, seed);
                for (uint32_t tick = 1; tick <= TICKS; tick++)
                        pass_second(&story, false);
                heap = heap_new(fake_history(story.fake));
                compare = compare_new(heap);
                assert_int_equal(heap_seek(heap, TICKS), 0);
                for (int i = 0; i < 60; i++) {
                        uint32_t from = any(&story, TICKS - 2), to = from + 1 + any(&story, TICKS - from - 1);
                        uint32_t at = to + any(&story, TICKS - to + 1);
                        struct compare_figures wanted = ask(&story, story.stacks[2], from, to, at), got;

                        assert_int_equal(compare_set(compare, from, to, at), 0);
                        got = site_figures(compare, story.sites[2]);
                        assert_int_equal(got.kept_bytes, wanted.kept_bytes);
                        assert_int_equal(got.born_bytes, wanted.born_bytes);
                        assert_int_equal(got.live_at, wanted.live_at);
                        assert_memory_equal(got.generations, wanted.generations, sizeof got.generations);
                }
                compare_free(compare);
                heap_free(heap);
                end(&story);
        }
}

static void what_is_told_is_within_its_error(void **state)
{
        int within = 0, n = 400;
        unsigned seed = 7;

        for (int i = 0; i < n; i++) { /* 4000 blocks of 1000 bytes, sampled every 64 KiB: about 60 of them are seen */
                struct compare_figures f = { 0 };
                double p = 1 / estimate_weight(1000, MEAN);

                for (int k = 0; k < 4000; k++) {
                        if ((double)rand_r(&seed) / (double)RAND_MAX >= p)
                                continue;
                        f.kept_bytes += estimate_bytes(1000, 1 / p);
                        f.kept_variance += estimate_variance(1000, 1 / p);
                        f.kept_samples++;
                }
                f.kept_blocks = llround((double)f.kept_samples / p);
                within += fabs((double)f.kept_bytes - 4e6) <= compare_kept_error(&f);
        }
        assert_true(within >= n * 92 / 100);
}

static void shapes_are_named_by_what_they_look_like(void **state)
{
        static const struct {
                int64_t generations[COMPARE_GENERATIONS];
                enum compare_shape shape;
        } cases[] = {
                { { 17, 17, 18, 17, 17, 18 }, COMPARE_EVEN },    { { 14, 22, 16, 19, 12, 20 }, COMPARE_EVEN },
                { { 40, 10, 6, 2, 2, 1 }, COMPARE_FALLING },     { { 0, 0, 0, 0, 0, 42 }, COMPARE_LATEST },
                { { 0, 0, 6, 0, 0, 0 }, COMPARE_ONCE },          { { 1, 2, 4, 8, 16, 20 }, COMPARE_RISING },
                { { 30, 0, 0, 30, 0, 0 }, COMPARE_UNEVEN },      { { 0 }, COMPARE_NOTHING },
        };

        for (size_t i = 0; i < array_len(cases); i++) {
                struct compare_figures f = { .kept_samples = 100 };

                memcpy(f.generations, cases[i].generations, sizeof f.generations);
                for (size_t k = 0; k < COMPARE_GENERATIONS; k++)
                        f.kept_bytes += f.generations[k];
                assert_int_equal(compare_shape(&f), cases[i].shape);
                f.kept_samples = 3;
                assert_int_equal(compare_shape(&f), cases[i].shape == COMPARE_NOTHING ? COMPARE_NOTHING : COMPARE_FEW);
        }
}

/* Four sites: a leak, a cache that warms up, a peak at the end and one that only was there. */
static struct fake *shop(uint32_t ids[4])
{
        static const char *const names[] = { "put", "insert", "read_chunk", "load_config" };
        struct fake *fake = fake_new();
        int64_t live[4] = { 0 };

        for (size_t i = 0; i < 4; i++)
                ids[i] = fake_add_site(fake, names[i], "shop.cc", 10 + (uint32_t)i);
        fake_set_live(fake, ids[3], 58 * MIB, 100);
        fake_tick(fake);
        for (int s = 0; s < 60; s++) {
                uint64_t now_ns = fake_process(fake)->time_ns + NS_PER_S / 2;
                int64_t more[3] = { MIB, s < 20 ? (20 - s) * MIB : 0, s >= 55 ? 20 * MIB : 0 };

                for (size_t i = 0; i < 3; i++) {
                        for (int64_t b = 0; b < more[i]; b += MIB)
                                fake_add_block(fake, fake_stack_of(fake, ids[i]), MIB, 1, now_ns, 0);
                        live[i] += more[i];
                        fake_set_live(fake, ids[i], live[i], live[i] / MIB);
                }
                fake_tick(fake);
        }
        return fake;
}

static void the_leak_stands_first_though_others_kept_more(void **state)
{
        struct compare_query query = { .list = COMPARE_KEPT, .sort = compare_list_sort(COMPARE_KEPT) };
        uint32_t ids[4], got[8];
        struct fake *fake = shop(ids);
        struct heap *heap = heap_new(fake_history(fake));
        struct compare *compare = compare_new(heap);

        assert_int_equal(heap_seek(heap, 61), 0);
        assert_int_equal(compare_set(compare, 1, 61, 61), 0);
        assert_int_equal(compare_list(compare, &query, got, 8), 3);
        assert_int_equal(got[0], ids[0]);
        query.sort = COMPARE_BY_KEPT;
        assert_int_equal(compare_list(compare, &query, got, 8), 3);
        assert_int_equal(got[0], ids[1]);
        query.reverse = true;
        assert_int_equal(compare_list(compare, &query, got, 8), 3);
        assert_int_equal(got[0], ids[0]);
        query = (struct compare_query){ .list = COMPARE_NEW, .sort = COMPARE_BY_NAME };
        assert_int_equal(compare_list(compare, &query, got, 8), 3);
        assert_int_equal(got[0], ids[1]);
        query.filter = "chunk";
        assert_int_equal(compare_list(compare, &query, got, 8), 1);
        assert_int_equal(got[0], ids[2]);
        query.filter = "re:[";
        assert_int_equal(compare_list(compare, &query, got, 8), -EINVAL);
        query = (struct compare_query){ .list = COMPARE_ALL, .sort = COMPARE_BY_LIVE_AT };
        assert_int_equal(compare_list(compare, &query, got, 1), 5); /* with "before attach" */
        compare_free(compare);
        heap_free(heap);
        fake_free(fake);
}

static void who_allocated_can_be_asked_for(void **state)
{
        struct compare_query query = { .list = COMPARE_ALL, .filter = "thread:work" };
        struct fake *fake = fake_new();
        uint32_t put = fake_add_site(fake, "put", "a.c", 1), get = fake_add_site(fake, "get", "b.c", 1), got[8];
        struct heap *heap = heap_new(fake_history(fake));
        struct compare *compare = compare_new(heap);

        fake_set_thread(fake, 7, "worker");
        fake_set_thread(fake, 8, "io");
        fake_set_live(fake, get, MIB, 1);
        fake_add_block_of(fake, 8, fake_stack_of(fake, get), MIB, 1, FAKE_START_NS + 1, 0);
        fake_tick(fake);
        fake_add_block_of(fake, 7, fake_stack_of(fake, put), MIB, 1, fake_process(fake)->time_ns + 1, 0);
        fake_set_live(fake, put, MIB, 1);
        fake_tick(fake);
        assert_int_equal(heap_seek(heap, 2), 0);
        assert_int_equal(compare_set(compare, 1, 2, 2), 0);
        assert_int_equal(compare_list(compare, &query, got, 8), 1);
        assert_int_equal(got[0], put);
        query.filter = "!thread:work get";
        assert_int_equal(compare_list(compare, &query, got, 8), 1);
        assert_int_equal(got[0], get);
        compare_free(compare);
        heap_free(heap);
        fake_free(fake);
}

static void the_words_say_what_the_figures_are(void **state)
{
        uint32_t ids[4];
        struct fake *fake = shop(ids);
        struct heap *heap = heap_new(fake_history(fake));
        struct compare *compare = compare_new(heap);
        char text[512];

        assert_int_equal(heap_seek(heap, 61), 0);
        assert_int_equal(compare_set(compare, 1, 61, 61), 0);
        compare_line(compare_totals(compare), 80, text, sizeof text);
        assert_string_equal(text, "born 370M  =  freed again 0  +  KEPT 370M     older freed 0     net +370M");
        compare_line(compare_totals(compare), 30, text, sizeof text);
        assert_string_equal(text, "KEPT 370M  net +370M");
        compare_reading(compare, ids[0], text, sizeof text);
        assert_non_null(strstr(text, "put made 60M in 1m and gave nothing back."));
        assert_non_null(strstr(text, "leaks do that"));
        compare_reading(compare, ids[1], text, sizeof text);
        assert_non_null(strstr(text, "a cache that warms up"));
        compare_reading(compare, ids[2], text, sizeof text);
        assert_non_null(strstr(text, "work in flight"));
        compare_reading(compare, ids[3], text, sizeof text);
        assert_non_null(strstr(text, "made nothing"));
        compare_free(compare);
        heap_free(heap);
        fake_free(fake);
}

static void a_tree_of_what_was_kept_has_nothing_else(void **state)
{
        struct tree_query query = { .metric = TREE_KEPT };
        uint32_t ids[4];
        struct fake *fake = shop(ids);
        struct heap *heap = heap_new(fake_history(fake));
        struct compare *compare = compare_new(heap);
        struct compare_span span;
        struct tree tree;

        assert_int_equal(heap_seek(heap, 61), 0);
        assert_int_equal(compare_set(compare, 30, 50, 61), 0);
        assert_true(compare_span(compare, &span));
        query.from_ns = span.from_ns;
        query.to_ns = span.to_ns;
        for (int i = 0; i < 2; i++) { /* block by block, then as the comparison tells */
                assert_int_equal(heap_tree_by(heap, &query, &tree), 0);
                assert_int_equal(tree.n, 4); /* main, dispatch, put */
                assert_int_equal(tree.nodes[0].kept_bytes, 20 * MIB);
                assert_int_equal(tree_value(&tree.nodes[3], TREE_KEPT), 20 * MIB);
                tree_done(&tree);
                heap_set_kept(heap, compare);
        }
        assert_int_equal(heap_seek(heap, 10), 0); /* what is shown is another moment: the comparison stays what it is */
        assert_int_equal(heap_tree_by(heap, &query, &tree), 0);
        assert_int_equal(tree.nodes[0].kept_bytes, 20 * MIB);
        tree_done(&tree);
        compare_free(compare);
        assert_int_equal(heap_tree_by(heap, &query, &tree), 0);
        assert_int_equal(tree.n, 1);
        tree_done(&tree);
        heap_free(heap);
        fake_free(fake);
}

static void nonsense_is_refused_and_an_error_leaves_nothing(void **state)
{
        uint32_t ids[4];
        struct fake *fake = shop(ids);
        struct heap *heap = heap_new(fake_history(fake));
        struct compare *compare = compare_new(heap);
        struct compare_span span;
        struct compare_site site;

        assert_int_equal(heap_seek(heap, 61), 0);
        assert_int_equal(compare_set(compare, 5, 5, 9), -EINVAL);
        assert_int_equal(compare_set(compare, 9, 5, 9), -EINVAL);
        assert_int_equal(compare_set(compare, 70, 80, 90), -EINVAL); /* all beyond the newest */
        assert_false(compare_span(compare, &span));
        assert_false(compare_site(compare, ids[0], &site));
        assert_int_equal(compare_totals(compare)->kept_bytes, 0);
        assert_int_equal(compare_set(compare, 1, UINT32_MAX, UINT32_MAX), 0);
        assert_true(compare_span(compare, &span));
        assert_int_equal(span.at, 61);
        assert_false(compare_site(compare, 99999, &site));
        assert_int_equal(compare_stack(compare, UINT32_MAX)->kept_bytes, 0);
        fake_fail(fake, -EIO);
        assert_int_equal(compare_set(compare, 2, 50, 50), -EIO);
        assert_false(compare_span(compare, &span));
        fake_fail(fake, 0);
        assert_int_equal(compare_set(compare, 2, 50, 50), 0);
        compare_free(compare);
        compare_free(NULL);
        heap_free(heap);
        fake_free(fake);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(as_ticks_come_everything_is_counted_as_it_was),
                cmocka_unit_test(afterwards_any_two_moments_can_be_compared),
                cmocka_unit_test(what_the_file_no_longer_tells_is_told_apart),
                cmocka_unit_test(a_range_tells_what_still_lives_at_the_moment_shown),
                cmocka_unit_test(what_is_told_is_within_its_error),
                cmocka_unit_test(shapes_are_named_by_what_they_look_like),
                cmocka_unit_test(the_leak_stands_first_though_others_kept_more),
                cmocka_unit_test(who_allocated_can_be_asked_for),
                cmocka_unit_test(the_words_say_what_the_figures_are),
                cmocka_unit_test(a_tree_of_what_was_kept_has_nothing_else),
                cmocka_unit_test(nonsense_is_refused_and_an_error_leaves_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
