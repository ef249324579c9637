#include "unit.h"

#include "live/deciding.h"
#include "live/stacks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S 1000000000ull

struct world {
        struct stacks stacks;
        struct aggregate aggregate;
        struct blocks blocks;
        struct deciding deciding;
        uint32_t app, libc;
};

static int setup(void **state)
{
        struct world *w = calloc(1, sizeof *w);

        stacks_init(&w->stacks);
        aggregate_init(&w->aggregate);
        blocks_init(&w->blocks, &w->aggregate);
        w->app = stacks_module(&w->stacks, "/bin/app", "aa", false);
        w->libc = stacks_module(&w->stacks, "/lib/libc.so.6", "bb", true);
        *state = w;
        return 0;
}

static int teardown(void **state)
{
        struct world *w = *state;

        deciding_done(&w->deciding);
        blocks_done(&w->blocks);
        aggregate_done(&w->aggregate);
        stacks_done(&w->stacks);
        free(w);
        return 0;
}

static void name(struct world *w, uint32_t frame, const char *func, bool runtime)
{
        struct stacks_name one = { .func = strdup(func) };

        stacks_named(&w->stacks, frame, &one, 1, runtime);
}

/* main -> work -> vector -> (allocator); offsets name them */
static uint32_t path(struct world *w, const uint64_t *offsets, size_t n, uint32_t module, uint32_t *ret_frames)
{
        uint32_t node = 0;

        for (size_t i = 0; i < n; i++) {
                ret_frames[i] = stacks_frame(&w->stacks, module, offsets[i], 0, NULL);
                node = stacks_node(&w->stacks, node, ret_frames[i]);
        }
        return node;
}

static void what_was_seen_before_gets_its_number_again(void **state)
{
        struct world *w = *state;
        uint32_t frames[3], again[3], node;
        size_t n_frames, n_nodes;
        bool fresh;

        node = path(w, (uint64_t[]){ 1, 2, 3 }, 3, w->app, frames);
        n_frames = w->stacks.frames.n;
        n_nodes = w->stacks.nodes.n;
        assert_int_equal(path(w, (uint64_t[]){ 1, 2, 3 }, 3, w->app, again), node);
        assert_int_equal(w->stacks.frames.n, n_frames);
        assert_int_equal(w->stacks.nodes.n, n_nodes);
        assert_int_equal(stacks_module(&w->stacks, "/elsewhere/app", "aa", false), w->app);
        assert_int_not_equal(stacks_module(&w->stacks, "/bin/app", "cc", false), w->app);
        assert_int_not_equal(stacks_frame(&w->stacks, w->libc, 1, 0, &fresh), frames[0]);
        assert_true(fresh);
        assert_int_not_equal(stacks_frame(&w->stacks, w->app, 1, REC_FRAME_GUESSED, NULL), frames[0]);
        /* the same frames in another order are another stack, sharing the caller */
        assert_int_not_equal(path(w, (uint64_t[]){ 1, 3, 2 }, 3, w->app, again), node);
        assert_int_equal(w->stacks.nodes.n, n_nodes + 2);
}

/* std::vector::push_back() inlined into a function of the program: the frame is no runtime, the inlined call is. */
static void an_inlined_call_is_of_the_runtime_by_itself(void **state)
{
        struct world *w = *state;
        uint32_t frame = stacks_frame(&w->stacks, w->app, 0x5000, 0, NULL);
        struct stacks_name names[2] = {
                { .func = xstrdup("put"), .file = xstrdup("/src/a.cc"), .line = 7, .source = { .size = 9 } },
                { .func = xstrdup("std::vector::push_back"), .file = xstrdup("/src/a.cc"), .runtime = true, .source = { .size = 9 } },
        };
        size_t n;

        stacks_rows_given(&w->stacks);
        stacks_named(&w->stacks, frame, names, 2, false);
        n = w->stacks.new_frames.n;
        assert_int_equal(n, 2);
        assert_false(w->stacks.new_frames.v[0].flags & REC_FRAME_RUNTIME);
        assert_true(w->stacks.new_frames.v[1].flags & REC_FRAME_RUNTIME);
        assert_int_equal(w->stacks.new_source_files.n, 1); /* the same file is told once */
        assert_string_equal(w->stacks.new_source_files.v[0].path, "/src/a.cc");
        assert_string_equal(w->stacks.new_source_files.v[0].md5, "");
}

static void the_site_is_the_first_frame_outside_the_runtime(void **state)
{
        struct world *w = *state;
        uint32_t frames[4], node = path(w, (uint64_t[]){ 1, 2, 3, 4 }, 4, w->app, frames);

        assert_int_equal(stacks_site_frame(&w->stacks, node, false), 0);
        name(w, frames[3], "operator new", true);
        assert_int_equal(stacks_site_frame(&w->stacks, node, false), 0);
        name(w, frames[2], "std::vector<int>::push_back", true);
        name(w, frames[1], "work", false);
        assert_int_equal(stacks_site_frame(&w->stacks, node, false), frames[1]); /* main is not named yet: never mind */
}

static void without_names_the_module_decides(void **state)
{
        struct world *w = *state;
        uint32_t inner, outer = stacks_frame(&w->stacks, w->app, 9, 0, NULL), node;

        inner = stacks_frame(&w->stacks, w->libc, 5, 0, NULL);
        node = stacks_node(&w->stacks, stacks_node(&w->stacks, 0, outer), inner);
        assert_int_equal(stacks_site_frame(&w->stacks, node, true), outer);
        /* all of it runtime: the innermost */
        node = stacks_node(&w->stacks, 0, inner);
        assert_int_equal(stacks_site_frame(&w->stacks, node, true), inner);
}

static void code_of_no_file_is_told_apart_by_its_key(void **state)
{
        struct world *w = *state;
        uint32_t jit = stacks_module(&w->stacks, "[jit]", "", false);
        bool fresh;
        uint32_t first = stacks_frame_keyed(&w->stacks, jit, 1, 0x1000, REC_FRAME_JIT, &fresh);

        assert_true(fresh);
        assert_int_equal(stacks_frame_keyed(&w->stacks, jit, 1, 0x1000, REC_FRAME_JIT, &fresh), first);
        assert_false(fresh);
        assert_int_not_equal(stacks_frame_keyed(&w->stacks, jit, 2, 0x1000, REC_FRAME_JIT, &fresh), first);
        assert_int_equal(w->stacks.frames.v[first].offset, 0x1000);
        assert_int_equal(w->stacks.new_frames.v[0].flags, REC_FRAME_JIT);
}

static void inlined_calls_become_frames_of_their_own(void **state)
{
        struct world *w = *state;
        uint32_t frame = stacks_frame(&w->stacks, w->app, 9, 0, NULL);
        struct stacks_name names[3] = { { .func = strdup("work") }, { .func = strdup("grow"), .line = 7 },
                                        { .func = strdup("push"), .nearest = true } };
        const struct rec_frame *rows;

        stacks_rows_given(&w->stacks);
        stacks_named(&w->stacks, frame, names, 3, false);
        rows = w->stacks.new_frames.v;
        assert_int_equal(w->stacks.new_frames.n, 3);
        assert_int_equal(rows[0].id, frame);
        assert_string_equal(rows[0].func, "work");
        assert_int_equal(rows[1].inlined_in, frame);
        assert_int_equal(rows[1].line, 7);
        assert_int_equal(rows[2].inlined_in, rows[1].id);
        assert_int_equal(rows[2].flags & REC_FRAME_NEAREST, REC_FRAME_NEAREST);
        assert_int_equal(rows[2].flags & REC_FRAME_NAMED, REC_FRAME_NAMED);
}

static void stacks_without_end_end_in_what_is_known(void **state)
{
        struct world *w = *state;
        uint32_t node = 0;

        for (uint64_t i = 1; i < STACKS_FRAMES_MAX + 1000; i++) {
                uint32_t frame = stacks_frame(&w->stacks, w->app, i, 0, NULL);

                node = stacks_node(&w->stacks, i % 1000 ? node : 0, frame);
                assert_int_not_equal(node, 0);
        }
        for (uint64_t i = 0; i < STACKS_NODES_MAX + 1000; i++) {
                uint32_t frame = 1 + (uint32_t)(i * 7919 % 200000);

                node = stacks_node(&w->stacks, (uint32_t)(i % w->stacks.nodes.n), frame);
                assert_int_not_equal(node, 0);
        }
        assert_true(w->stacks.frames.n <= STACKS_FRAMES_MAX + 1);
        assert_true(w->stacks.nodes.n <= STACKS_NODES_MAX + 1);
        assert_int_not_equal(stacks_node(&w->stacks, 0, 199999), 0);
        assert_int_not_equal(stacks_frame(&w->stacks, w->app, UINT64_MAX, 0, NULL), 0);
        for (uint32_t i = 0; i < STACKS_MODULES_MAX + 10; i++) {
                char build_id[16];

                snprintf(build_id, sizeof build_id, "%u", i);
                assert_true(stacks_module(&w->stacks, "x", build_id, false) <= STACKS_MODULES_MAX);
        }
}

static void allocate(struct world *w, uint64_t id, uint32_t leaf, uint64_t now_ns)
{
        struct wire_alloc alloc = { .head = { .id = id, .addr = id << 12 }, .size = 1 << 20, .mean = 1 << 19 };

        blocks_alloc(&w->blocks, &alloc, leaf, now_ns);
}

static void a_stack_gets_its_site_when_its_frames_are_named_and_brings_its_blocks(void **state)
{
        struct world *w = *state;
        uint32_t frames[2], other[2], node, node2, leaf, leaf2;
        const struct site *site;

        node = path(w, (uint64_t[]){ 1, 2 }, 2, w->app, frames);
        node2 = path(w, (uint64_t[]){ 5, 2 }, 2, w->app, other); /* another caller of the same place */
        leaf = aggregate_leaf(&w->aggregate, node, S);
        leaf2 = aggregate_leaf(&w->aggregate, node2, S);
        deciding_add(&w->deciding, leaf, node, 1);
        deciding_add(&w->deciding, leaf2, node2, 1);
        allocate(w, 1, leaf, S);
        allocate(w, 2, leaf, S);
        allocate(w, 3, leaf2, S);
        blocks_death(&w->blocks, 2, S);
        deciding_run(&w->deciding, &w->stacks, &w->aggregate, (const struct blocks *[]){ &w->blocks }, 1, 1, S, false);
        assert_int_equal(w->deciding.waiting.n, 2);
        assert_int_equal(w->deciding.new_sites.n, 0);
        name(w, frames[1], "work", false);
        stacks_rows_given(&w->stacks);
        deciding_run(&w->deciding, &w->stacks, &w->aggregate, (const struct blocks *[]){ &w->blocks }, 1, 2, 2 * S, false);
        assert_int_equal(w->deciding.waiting.n, 0);
        assert_int_equal(w->deciding.new_sites.n, 1);
        assert_int_equal(w->deciding.new_sites.v[0].frame, frames[1]);
        assert_int_equal(w->stacks.new_stacks.n, 2);
        assert_int_equal(w->stacks.new_stacks.v[0].site, w->deciding.new_sites.v[0].id);
        site = &w->aggregate.sites.v[w->deciding.new_sites.v[0].id];
        assert_int_equal(site->window.live, w->aggregate.sums.live_bytes);
        assert_int_equal(site->window.born_samples, 3);
        blocks_death(&w->blocks, 1, 3 * S);
        blocks_death(&w->blocks, 3, 3 * S);
        assert_int_equal(site->window.live, 0);
}

static void a_stack_whose_names_never_come_is_decided_in_the_end(void **state)
{
        struct world *w = *state;
        uint32_t frames[2], node = path(w, (uint64_t[]){ 1, 2 }, 2, w->app, frames), leaf;

        leaf = aggregate_leaf(&w->aggregate, node, S);
        deciding_add(&w->deciding, leaf, node, 1);
        deciding_run(&w->deciding, &w->stacks, &w->aggregate, (const struct blocks *[]){ &w->blocks }, 1, DECIDING_TICKS, S, false);
        assert_int_equal(w->deciding.waiting.n, 1);
        deciding_run(&w->deciding, &w->stacks, &w->aggregate, (const struct blocks *[]){ &w->blocks }, 1, 1 + DECIDING_TICKS, S, false);
        assert_int_equal(w->deciding.waiting.n, 0);
        assert_int_equal(w->deciding.new_sites.v[0].frame, frames[1]);
}

static void frames_of_one_function_are_one_site_and_another_function_at_the_same_place_is_none(void **state)
{
        struct world *w = *state;
        uint32_t jit = stacks_module(&w->stacks, "[jit]", "", false), frames[3], leaf[3];

        frames[0] = stacks_frame_keyed(&w->stacks, jit, 7, 0x7f0000001000, REC_FRAME_JIT, NULL);
        frames[1] = stacks_frame_keyed(&w->stacks, jit, 8, 0x7f0000001000, REC_FRAME_JIT, NULL);
        frames[2] = stacks_frame_keyed(&w->stacks, jit, 9, 0x7f0000002000, REC_FRAME_JIT, NULL);
        stacks_rekey(&w->stacks, frames[2], jit, 7);
        for (size_t i = 0; i < 3; i++) {
                uint32_t node = stacks_node(&w->stacks, 0, frames[i]);

                name(w, frames[i], i == 1 ? "other" : "handler", false);
                leaf[i] = aggregate_leaf(&w->aggregate, node, S);
                deciding_add(&w->deciding, leaf[i], node, 1);
        }
        deciding_run(&w->deciding, &w->stacks, &w->aggregate, (const struct blocks *[]){ &w->blocks }, 1, 1, S, false);
        assert_int_equal(w->deciding.new_sites.n, 2);
        assert_int_equal(w->aggregate.leaves.v[leaf[0]].site, w->aggregate.leaves.v[leaf[2]].site);
        assert_int_not_equal(w->aggregate.leaves.v[leaf[0]].site, w->aggregate.leaves.v[leaf[1]].site);
}

static void what_runs_compiled_code_is_the_site_only_where_none_with_a_name_called_it(void **state)
{
        struct world *w = *state;
        uint32_t jit = stacks_module(&w->stacks, "[jit]", "", false), engine, lib, named, unnamed, addon, node;

        engine = stacks_frame(&w->stacks, w->app, 1, 0, NULL);
        stacks_engine(&w->stacks, engine);
        name(w, engine, "v8::Allocate", false);
        addon = stacks_frame(&w->stacks, w->app, 2, 0, NULL);
        name(w, addon, "addon", false);
        lib = stacks_frame_keyed(&w->stacks, jit, 1, 0x1000, REC_FRAME_JIT, NULL);
        name(w, lib, "Builtin:Call", true);
        named = stacks_frame_keyed(&w->stacks, jit, 2, 0x2000, REC_FRAME_JIT, NULL);
        name(w, named, "handler", false);
        unnamed = stacks_frame_keyed(&w->stacks, jit, 3, 0x3000, REC_FRAME_JIT, NULL);
        stacks_named(&w->stacks, unnamed, NULL, 0, false);
        node = stacks_node(&w->stacks, stacks_node(&w->stacks, stacks_node(&w->stacks, 0, named), lib), engine);
        assert_int_equal(stacks_site_frame(&w->stacks, node, false), named);
        node = stacks_node(&w->stacks, stacks_node(&w->stacks, 0, unnamed), engine);
        assert_int_equal(stacks_site_frame(&w->stacks, node, false), engine);
        node = stacks_node(&w->stacks, stacks_node(&w->stacks, 0, addon), engine);
        assert_int_equal(stacks_site_frame(&w->stacks, node, false), engine);
        node = stacks_node(&w->stacks, stacks_node(&w->stacks, stacks_node(&w->stacks, 0, named), engine), addon);
        assert_int_equal(stacks_site_frame(&w->stacks, node, false), addon);
}

static void an_extension_that_allocates_through_the_interpreter_is_the_site(void **state)
{
        struct world *w = *state;
        uint32_t python = stacks_module(&w->stacks, "[python]", "", false), resize, loop, extension, handler, node;

        resize = stacks_frame(&w->stacks, w->app, 1, 0, NULL);
        stacks_engine(&w->stacks, resize);
        name(w, resize, "list_resize", false);
        loop = stacks_frame(&w->stacks, w->app, 2, 0, NULL);
        stacks_engine(&w->stacks, loop);
        name(w, loop, "_PyEval_EvalFrameDefault", false);
        extension = stacks_frame(&w->stacks, w->app, 3, 0, NULL);
        name(w, extension, "parse_rows", false);
        handler = stacks_frame_keyed(&w->stacks, python, 1, 0, REC_FRAME_INTERPRETED, NULL);
        name(w, handler, "handler", false);
        node = stacks_node(&w->stacks, stacks_node(&w->stacks, stacks_node(&w->stacks, 0, loop), handler), resize);
        assert_int_equal(stacks_site_frame(&w->stacks, node, false), handler);
        node = stacks_node(&w->stacks, stacks_node(&w->stacks, 0, loop), handler);
        node = stacks_node(&w->stacks, stacks_node(&w->stacks, node, extension), resize);
        assert_int_equal(stacks_site_frame(&w->stacks, node, false), extension);
        node = stacks_node(&w->stacks, stacks_node(&w->stacks, stacks_node(&w->stacks, 0, loop), extension), resize);
        assert_int_equal(stacks_site_frame(&w->stacks, node, false), resize); /* its callers are not known */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(what_was_seen_before_gets_its_number_again),
                TEST(an_inlined_call_is_of_the_runtime_by_itself),
                TEST(the_site_is_the_first_frame_outside_the_runtime),
                TEST(without_names_the_module_decides),
                TEST(code_of_no_file_is_told_apart_by_its_key),
                TEST(an_extension_that_allocates_through_the_interpreter_is_the_site),
                TEST(inlined_calls_become_frames_of_their_own),
                TEST(stacks_without_end_end_in_what_is_known),
                TEST(a_stack_gets_its_site_when_its_frames_are_named_and_brings_its_blocks),
                TEST(frames_of_one_function_are_one_site_and_another_function_at_the_same_place_is_none),
                TEST(what_runs_compiled_code_is_the_site_only_where_none_with_a_name_called_it),
                TEST(a_stack_whose_names_never_come_is_decided_in_the_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
