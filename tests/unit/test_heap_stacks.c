#include "unit.h"

#include "fake_history.h"

#include "base/clock.h"
#include "model/stacks.h"

#include <string.h>

enum { MIB = 1 << 20 };

struct sums {
        int64_t live, born, kept, kept_blocks;
        size_t n, frames;
        uint32_t innermost; /* of the last one */
};

static int add(void *ctx, const struct heap_stack *stack)
{
        struct sums *sums = ctx;

        sums->n++;
        sums->live += stack->live_bytes;
        sums->born += stack->born_bytes;
        sums->kept += stack->kept_bytes;
        sums->kept_blocks += stack->kept_blocks;
        sums->frames = stack->n_frames;
        sums->innermost = stack->frames[0];
        return 0;
}

static struct sums sum(struct heap *heap)
{
        struct sums sums = { 0 };

        assert_int_equal(heap_stacks(heap, true, add, &sums), 0);
        return sums;
}

static void stacks_add_up_to_their_sites(void **state)
{
        struct fake *fake = fake_new();
        uint32_t a = fake_add_site(fake, "put", "store.cc", 88),
                b = fake_add_site(fake, "get", "store.cc", 99);
        struct heap *heap = heap_new(fake_history(fake));
        struct sums sums;
        struct heap_site site;

        fake_set_live(fake, a, 10 * MIB, 100);
        fake_set_live(fake, b, 3 * MIB, 5);
        fake_tick(fake);
        fake_set_live(fake, b, 0, 0);
        fake_tick(fake);
        assert_int_equal(heap_seek(heap, 1), 0);
        sums = sum(heap);
        assert_int_equal(sums.live, 13 * MIB);
        assert_int_equal(sums.n, 2);
        assert_int_equal(sums.frames, 3);
        assert_int_equal(heap_seek(heap, 2), 0);
        sums = sum(heap);
        assert_int_equal(sums.live, 10 * MIB);
        assert_int_equal(sums.born, 13 * MIB); /* also what was freed again */
        assert_int_equal(sums.kept, 10 * MIB); /* since the attach: all that lives */
        assert_true(heap_site(heap, b, &site));
        assert_int_equal(site.born_bytes, 3 * MIB);
        heap_free(heap);
        fake_free(fake);
}

static int check_ids(void *ctx, const struct heap_stack *stack)
{
        struct heap_line lines[HEAP_LINES_MAX];

        for (size_t i = 0; i < stack->n_frames; i++) {
                size_t n = heap_frame_lines(ctx, stack->frames[i], lines);

                assert_in_range(stack->frames[i], 0, 1 << 20);
                for (size_t k = 0; k < n; k++) {
                        assert_in_range(lines[k].frame, 0, 1 << 20);
                        assert_in_range(lines[k].same, 0, 1 << 20);
                }
        }
        return 0;
}

/* Who exports them has arrays by id. */
static void frames_with_ids_made_up_are_unknown_ones(void **state)
{
        struct fake *fake = fake_new();
        uint32_t site = fake_add_site(fake, "put", "store.cc", 88);
        uint32_t stack = fake_add_stack(fake, 0, INT32_MAX), other = fake_add_stack(fake, stack, UINT32_MAX);
        struct heap *heap = heap_new(fake_history(fake));

        fake_set_site(fake, stack, site);
        fake_set_site(fake, other, site);
        fake_set_stack_live(fake, stack, MIB, 1);
        fake_set_stack_live(fake, other, MIB, 1);
        fake_set_site_frame(fake, site, UINT32_MAX);
        fake_tick(fake);
        assert_int_equal(heap_seek(heap, 1), 0);
        assert_int_equal(heap_stacks(heap, false, check_ids, heap), 0);
        heap_free(heap);
        fake_free(fake);
}

static void kept_is_what_was_born_since_the_base_and_lives(void **state)
{
        struct fake *fake = fake_new();
        uint32_t site = fake_add_site(fake, "put", "store.cc", 88), stack = fake_stack_of(fake, site);
        struct heap *heap = heap_new(fake_history(fake));
        struct sums sums;

        fake_set_live(fake, site, 4 * MIB, 4);
        fake_add_block(fake, stack, 4 * MIB, 1, FAKE_START_NS + NS_PER_S / 2, 0);
        fake_tick(fake);
        fake_set_live(fake, site, 10 * MIB, 7);
        fake_add_block(fake, stack, 2 * MIB, 3, FAKE_START_NS + NS_PER_S + 7, 0);
        fake_tick(fake);
        assert_int_equal(heap_set_base(heap, 1), 0);
        assert_int_equal(heap_seek(heap, 2), 0);
        sums = sum(heap);
        assert_int_equal(sums.live, 10 * MIB);
        assert_int_equal(sums.born, 6 * MIB);
        assert_int_equal(sums.kept, 6 * MIB);
        assert_int_equal(sums.kept_blocks, 3);
        heap_free(heap);
        fake_free(fake);
}

static void a_frame_has_a_line_for_each_inlined_call(void **state)
{
        struct fake *fake = fake_new();
        uint32_t site = fake_add_site(fake, "put", "/src/store.cc", 88);
        uint32_t inner = fake_add_inline(fake, 3, "Session::Session", "/src/session.h", 22);
        struct heap *heap = heap_new(fake_history(fake));
        struct heap_line lines[HEAP_LINES_MAX];
        const char *path, *build_id;
        struct sums sums;

        fake_add_inline(fake, inner, "string::string", "string.h", 212);
        fake_set_live(fake, site, MIB, 1);
        fake_tick(fake);
        assert_int_equal(heap_seek(heap, 1), 0);
        sums = sum(heap);
        assert_int_equal(heap_frame_lines(heap, sums.innermost, lines), 3);
        assert_string_equal(lines[0].name, "string::string");
        assert_true(lines[0].inlined);
        assert_string_equal(lines[2].name, "put");
        assert_string_equal(lines[2].file, "/src/store.cc");
        assert_int_equal(lines[2].line, 88);
        assert_false(lines[2].inlined);
        assert_true(heap_module(heap, lines[2].module, &path, &build_id));
        assert_string_equal(path, "/usr/bin/shopd");
        assert_false(heap_module(heap, 0, &path, &build_id));
        assert_false(heap_module(heap, heap_n_modules(heap), &path, &build_id));
        assert_int_equal(heap_frame_lines(heap, 99999, lines),
                         1); /* a frame that does not exist is one line "?" */
        assert_string_equal(lines[0].name, "?");
        heap_free(heap);
        fake_free(fake);
}

static void a_tree_of_all_that_was_born_has_what_is_dead(void **state)
{
        struct fake *fake = fake_new();
        uint32_t a = fake_add_site(fake, "put", "store.cc", 88),
                b = fake_add_site(fake, "get", "store.cc", 99);
        struct heap *heap = heap_new(fake_history(fake));
        struct tree tree;

        fake_set_live(fake, a, 10 * MIB, 100);
        fake_set_live(fake, b, 3 * MIB, 5);
        fake_tick(fake);
        fake_set_live(fake, b, 0, 0);
        for (int i = 0; i < 100; i++)
                fake_tick(fake);
        assert_int_equal(heap_seek(heap, 101), 0);
        assert_int_equal(heap_set_base(heap, 101), 0);
        assert_int_equal(heap_tree(heap, 0, false, &tree), 0);
        assert_int_equal(tree.nodes[0].born_bytes, 10 * MIB);
        assert_int_equal(tree.n, 4);
        tree_done(&tree);
        assert_int_equal(heap_tree_born(heap, 0, false, &tree), 0);
        assert_int_equal(tree.nodes[0].born_bytes, 13 * MIB);
        assert_int_equal(tree.nodes[0].born_blocks, 105);
        assert_int_equal(tree.nodes[0].live_bytes, 10 * MIB);
        assert_int_equal(tree.n, 5);
        tree_done(&tree);
        heap_free(heap);
        fake_free(fake);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(stacks_add_up_to_their_sites),
                cmocka_unit_test(frames_with_ids_made_up_are_unknown_ones),
                cmocka_unit_test(kept_is_what_was_born_since_the_base_and_lives),
                cmocka_unit_test(a_frame_has_a_line_for_each_inlined_call),
                cmocka_unit_test(a_tree_of_all_that_was_born_has_what_is_dead),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
