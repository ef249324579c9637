#include "unit.h"

#include "live/bytecode.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TRAMPOLINE = 0x600080, OTHER = 0x700010, SLOT = 3, DISTANCE = 54 };

struct world {
        struct stacks stacks;
        struct jit *jit;
        struct bytecode bytecode;
        char map[64];
};

static int setup(void **state)
{
        static const char lines[] = "600000 200 Builtin:InterpreterEntryTrampoline\n700000 200 Builtin:CallHandler\n"
                                    "10036 40 JS:~one /a.js:1:1\n10136 40 JS:~two /a.js:2:1\n10236 40 JS:~three /a.js:3:1\n"
                                    "10336 40 JS:*compiled /a.js:4:1\n";
        static struct world world;
        struct maps none = { 0 };
        int fd;

        memset(&world, 0, sizeof world);
        stacks_init(&world.stacks);
        snprintf(world.map, sizeof world.map, "/tmp/perf-%d.map", (int)getpid());
        remove(world.map);
        fd = open(world.map, O_WRONLY | O_CREAT, 0644);
        if (write(fd, lines, sizeof lines - 1) != sizeof lines - 1)
                return -1;
        close(fd);
        world.jit = jit_new(getpid(), &world.stacks);
        jit_maps(world.jit, &none);
        jit_step(world.jit);
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

/* A frame that returns to PC and has POINTER in WORD. */
static uint64_t look(struct world *w, uint64_t pc, uint32_t word, uint64_t pointer)
{
        uint64_t words[BYTECODE_SLOTS] = { 0x7ffd00001001, 0x20001, 0, 2, 0x30001, UINT64_MAX };

        words[word] = pointer;
        return bytecode_of(&w->bytecode, w->jit, pc, words);
}

static void the_function_of_a_frame_is_known_when_two_were_seen(void **state)
{
        struct world *w = *state;

        assert_int_equal(look(w, TRAMPOLINE, SLOT, 0x10001), 0);
        assert_int_equal(look(w, TRAMPOLINE, SLOT, 0x10001), 0); /* the same one again proves nothing */
        assert_int_equal(look(w, TRAMPOLINE, SLOT, 0x10101), 0x10136);
        assert_int_equal(look(w, TRAMPOLINE, SLOT, 0x10001), 0x10036);
        assert_int_equal(look(w, TRAMPOLINE, SLOT, 0x10201), 0x10236);
}

static void what_does_not_fit_is_no_function(void **state)
{
        struct world *w = *state;

        look(w, TRAMPOLINE, SLOT, 0x10001);
        look(w, TRAMPOLINE, SLOT, 0x10101);
        assert_int_equal(look(w, TRAMPOLINE, SLOT, 0x10301), 0); /* compiled code is no bytecode */
        assert_int_equal(look(w, TRAMPOLINE, SLOT, 0x10209), 0); /* nearer than it ever is */
        assert_int_equal(look(w, TRAMPOLINE, SLOT, 0x10200), 0); /* no pointer */
        assert_int_equal(look(w, TRAMPOLINE, SLOT, 0), 0);
        assert_int_equal(look(w, TRAMPOLINE, SLOT, UINT64_MAX), 0);
        assert_int_equal(look(w, TRAMPOLINE, SLOT + 1, 0x10201), 0);
        assert_int_equal(look(w, OTHER, SLOT, 0x10201), 0);
}

static void frames_of_anything_else_teach_nothing(void **state)
{
        struct world *w = *state;

        look(w, OTHER, SLOT, 0x10001);
        look(w, OTHER, SLOT, 0x10101);
        assert_int_equal(look(w, OTHER, SLOT, 0x10201), 0);
        assert_null(w->bytecode.known);
        for (uint32_t slot = 0; slot < BYTECODE_SLOTS; slot++) /* one in each place proves nothing either */
                look(w, TRAMPOLINE, slot, 0x10001 + 0x100 * (slot % 2) - 8 * (slot / 2));
        assert_null(w->bytecode.known);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(the_function_of_a_frame_is_known_when_two_were_seen),
                TEST(what_does_not_fit_is_no_function),
                TEST(frames_of_anything_else_teach_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
