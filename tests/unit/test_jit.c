#include "unit.h"

#include "inject/ticks.h"
#include "live/jit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CODE = 0x500000 };

struct world {
        struct stacks stacks;
        struct jit *jit;
        struct maps maps;
        struct mapping anonymous;
        char map[64];
};

static int setup(void **state)
{
        static struct world world;

        memset(&world, 0, sizeof world);
        snprintf(world.map, sizeof world.map, "/tmp/perf-%d.map", (int)getpid());
        remove(world.map);
        stacks_init(&world.stacks);
        world.anonymous = (struct mapping){ .start = CODE, .end = CODE + 0x10000, .exec = true, .path = "" };
        world.maps = (struct maps){ .v = &world.anonymous, .n = 1 };
        world.jit = jit_new(getpid(), &world.stacks);
        *state = &world;
        return 0;
}

static int teardown(void **state)
{
        struct world *w = *state;

        jit_free(w->jit);
        stacks_done(&w->stacks);
        remove(w->map);
        return 0;
}

static void put(const struct world *w, const char *text)
{
        int fd = open(w->map, O_WRONLY | O_CREAT | O_APPEND, 0644);

        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        close(fd);
}

/* A step that looks, as the next one in time would. */
static void step(struct world *w)
{
        nanosleep(&(struct timespec){ .tv_nsec = JIT_LOOK_NS }, NULL);
        jit_step(w->jit);
}

static uint32_t frame(struct world *w, uint64_t pc)
{
        bool urgent = true;

        return jit_frame(w->jit, pc, false, jit_time(w->jit, ticks_now()), 0, &urgent);
}

/* The last name that was given to FRAME, or NULL. */
static const char *name_of(const struct world *w, uint32_t frame)
{
        for (size_t i = w->stacks.new_frames.n; i-- > 0;)
                if (w->stacks.new_frames.v[i].id == frame)
                        return w->stacks.new_frames.v[i].func;
        return NULL;
}

static uint32_t module_of(const struct world *w, uint32_t frame)
{
        return w->stacks.frames.v[frame].module;
}

static void functions_are_told_apart_in_time_and_a_function_is_one_whatever_it_was_compiled_to(void **state)
{
        struct world *w = *state;
        uint32_t first, again, second, optimised;

        put(w, "500000 100 JS:~handler /srv/app.js:31:15\n");
        jit_maps(w->jit, &w->maps);
        step(w);
        first = frame(w, CODE + 0x10);
        assert_string_equal(name_of(w, first), "handler");
        assert_int_equal(frame(w, CODE + 0x20), first);
        put(w, "500000 100 JS:~other /srv/app.js:40:1\n500800 100 JS:*handler /srv/app.js:31:15\n");
        step(w);
        second = frame(w, CODE + 0x10);
        assert_int_not_equal(second, first);
        assert_string_equal(name_of(w, second), "other");
        assert_string_equal(name_of(w, first), "handler");
        optimised = frame(w, CODE + 0x810);
        assert_int_equal(optimised, first);
        again = frame(w, CODE + 0x820);
        assert_int_equal(again, first);
        assert_int_equal(w->stacks.new_modules.n, 1);
        assert_string_equal(w->stacks.new_modules.v[0].path, "[jit]");
        assert_true(w->stacks.frames.v[first].flags & REC_FRAME_JIT);
}

static void an_address_is_named_when_its_line_comes_and_is_the_function_s_site(void **state)
{
        struct world *w = *state;
        uint32_t early, later;

        put(w, "500000 100 JS:~handler /srv/app.js:31:15\n");
        jit_maps(w->jit, &w->maps);
        step(w);
        later = frame(w, CODE + 0x10);
        early = frame(w, CODE + 0x1010);
        assert_null(name_of(w, early));
        assert_int_equal(frame(w, CODE + 0x1010), early);
        assert_false(w->stacks.frames.v[early].flags & REC_FRAME_NAMED);
        put(w, "501000 100 JS:*handler /srv/app.js:31:15\n");
        step(w);
        assert_string_equal(name_of(w, early), "handler");
        assert_int_equal(w->stacks.frames.v[early].key, w->stacks.frames.v[later].key);
        assert_int_equal(frame(w, CODE + 0x1010), later);
}

static void without_a_map_code_is_anonymous_until_one_comes(void **state)
{
        struct world *w = *state;
        uint32_t unknown;

        jit_maps(w->jit, &w->maps);
        step(w);
        unknown = frame(w, CODE + 0x10);
        assert_true(w->stacks.frames.v[unknown].flags & REC_FRAME_NAMED);
        assert_string_equal(w->stacks.new_modules.v[0].path, "[anon]");
        assert_int_equal(frame(w, CODE + 0x20000), 0);
        put(w, "500000 100 Lcom/shop/Cart;::add\n");
        jit_maps(w->jit, &w->maps);
        step(w);
        assert_string_equal(name_of(w, unknown), "Lcom/shop/Cart;::add");
        assert_int_equal(module_of(w, unknown), 2);
}

/* However many addresses nobody tells of, one is one frame: there is room for so many only. */
static void addresses_beyond_those_that_wait_are_one_frame_each(struct world *w, uint64_t first)
{
        enum { ADDRESSES = 10000 };
        size_t n;

        for (uint64_t i = 0; i < ADDRESSES; i++)
                frame(w, first + i);
        n = w->stacks.frames.n;
        for (uint64_t i = 0; i < ADDRESSES; i++)
                assert_true(w->stacks.frames.v[frame(w, first + i)].flags & REC_FRAME_NAMED || i < ADDRESSES / 2);
        assert_int_equal(w->stacks.frames.n, n);
}

static void a_program_that_says_nothing_does_not_use_up_the_frames(void **state)
{
        struct world *w = *state;

        jit_maps(w->jit, &w->maps);
        step(w);
        addresses_beyond_those_that_wait_are_one_frame_each(w, CODE + 0x10);
}

static void a_program_that_leaves_much_out_does_not_use_up_the_frames(void **state)
{
        struct world *w = *state;

        put(w, "700000 100 Lcom/shop/Cart;::add\n");
        jit_maps(w->jit, &w->maps);
        step(w);
        addresses_beyond_those_that_wait_are_one_frame_each(w, CODE + 0x10);
}

static void when_there_are_too_many_frames_one_stands_for_the_others_and_can_be_a_site(void **state)
{
        struct world *w = *state;
        uint32_t all, named;

        put(w, "500000 100 JS:~handler /srv/app.js:31:15\n");
        jit_maps(w->jit, &w->maps);
        step(w);
        for (uint64_t i = 2; w->stacks.frames.n < STACKS_FRAMES_MAX; i++)
                stacks_frame(&w->stacks, 0, i, 0, NULL);
        all = frame(w, CODE + 0x1010);
        named = frame(w, CODE + 0x10);
        assert_int_equal(module_of(w, all), 0);
        assert_int_equal(named, all);
        assert_true(w->stacks.frames.v[all].flags & REC_FRAME_NAMED);
}

static void parts_of_the_language_are_runtime(void **state)
{
        struct world *w = *state;
        bool urgent = true;
        uint32_t id;

        put(w, "500000 100 Builtin:ArrayPrototypePush\n500100 100 JS:~alloc node:buffer:3:4\n"
               "500200 100 JS:~f /a.js:1:1\n");
        jit_maps(w->jit, &w->maps);
        step(w);
        id = jit_frame(w->jit, CODE + 0x10, false, jit_time(w->jit, ticks_now()), 0, &urgent);
        assert_true(w->stacks.frames.v[id].flags & REC_FRAME_RUNTIME);
        assert_true(urgent);
        id = jit_frame(w->jit, CODE + 0x110, false, jit_time(w->jit, ticks_now()), 0, &urgent);
        assert_true(w->stacks.frames.v[id].flags & REC_FRAME_RUNTIME);
        assert_true(urgent);
        id = jit_frame(w->jit, CODE + 0x210, false, jit_time(w->jit, ticks_now()), 0, &urgent);
        assert_false(w->stacks.frames.v[id].flags & REC_FRAME_RUNTIME);
        assert_false(urgent);
}

static void whatever_the_stamp_of_a_sample_says_its_time_is_near(void **state)
{
        struct world *w = *state;
        uint64_t before = jit_time(w->jit, UINT64_MAX), stamp = ticks_now(), then;

        nanosleep(&(struct timespec){ .tv_nsec = 3 * NS_PER_MS }, NULL);
        jit_time(w->jit, UINT64_MAX);
        then = jit_time(w->jit, stamp);
        assert_true(jit_time(w->jit, 0) >= before - NS_PER_S);
        assert_true(jit_time(w->jit, UINT64_MAX) >= then + 2 * NS_PER_MS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(functions_are_told_apart_in_time_and_a_function_is_one_whatever_it_was_compiled_to),
                TEST(an_address_is_named_when_its_line_comes_and_is_the_function_s_site),
                TEST(without_a_map_code_is_anonymous_until_one_comes),
                TEST(a_program_that_says_nothing_does_not_use_up_the_frames),
                TEST(a_program_that_leaves_much_out_does_not_use_up_the_frames),
                TEST(when_there_are_too_many_frames_one_stands_for_the_others_and_can_be_a_site),
                TEST(parts_of_the_language_are_runtime),
                TEST(whatever_the_stamp_of_a_sample_says_its_time_is_near),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
