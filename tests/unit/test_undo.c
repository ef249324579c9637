#include "unit.h"

#include "inject/hook.h"
#include "inject/undo.h"

#include <string.h>

static const char MAP[] =
        "550000000000-550000010000 r-xp 00000000 08:01 7 /usr/bin/prog\n"
        "550000100000-550000104000 r-xp 00525000 00:01 9 /memfd:heaptop (deleted)\n"
        "550000104000-550000105000 rw-p 00000000 00:00 0 \n"
        "550000105000-55000010a000 r-xp 0052a000 00:01 9 /memfd:heaptop (deleted)\n"
        "7f0000000000-7f0000525000 rw-s 00000000 00:01 9 /memfd:heaptop (deleted)\n"
        "7f0000600000-7f0000601000 rw-s 00000000 00:01 8 /memfd:heaptop-like (deleted)\n";

static struct maps maps;
static struct remains remains;

static int set_up(void **state)
{
        assert_int_equal(maps_parse(MAP, sizeof MAP - 1, &maps), 0);
        assert_true(remains_find(&maps, &remains));
        return 0;
}

static int tear_down(void **state)
{
        maps_done(&maps);
        return 0;
}

static struct wire_hook_record good_hook(void)
{
        struct wire_hook_record hook = { .entry = 0x550000001004, .stub = 0x550000106000,
                                         .original = 0x550000106000 + HOOK_ORIGINAL, .length = HOOK_JUMP_LENGTH,
                                         .kind = WIRE_MALLOC, .original_length = 20, .n_steps = 2,
                                         .from = { 0, 4 }, .to = { 0, 4 }, .name = "malloc" };

        hook_jump(hook.entry, hook.stub, hook.patch);
        return hook;
}

static void finds_the_areas_and_the_root_between_them(void **state)
{
        assert_int_equal(remains.n_areas, 1);
        assert_int_equal(remains.areas[0].addr, 0x550000100000);
        assert_int_equal(remains.areas[0].length, 0xa000);
        assert_int_equal(remains.root, 0x550000104000);
        assert_int_equal(remains.n_shared, 1);
        assert_int_equal(remains.shared[0].addr, 0x7f0000000000);
}

static void finds_an_area_that_was_cut_short(void **state)
{
        static const char text[] = "550000100000-55000010a000 r-xp 00525000 00:01 9 /memfd:heaptop (deleted)\n";
        struct maps half = { 0 };
        struct remains found;

        assert_int_equal(maps_parse(text, sizeof text - 1, &half), 0);
        assert_true(remains_find(&half, &found));
        assert_int_equal(found.n_areas, 1);
        assert_int_equal(found.areas[0].length, 0xa000);
        assert_int_equal(found.root, 0);
        maps_done(&half);
}

static void anonymous_memory_elsewhere_is_not_taken_for_ours(void **state)
{
        static const char text[] = "550000100000-550000104000 r-xp 00525000 00:01 9 /memfd:heaptop (deleted)\n"
                                   "550000104000-550000105000 rw-p 00000000 00:00 0 \n"
                                   "550000105000-55000010a000 r-xp 00000000 00:01 9 /memfd:heaptop (deleted)\n";
        struct maps other = { 0 };
        struct remains found;

        assert_int_equal(maps_parse(text, sizeof text - 1, &other), 0);
        assert_true(remains_find(&other, &found));
        assert_int_equal(found.n_areas, 2);
        assert_int_equal(found.root, 0);
        maps_done(&other);
}

static void a_clean_process_has_no_remains(void **state)
{
        static const char text[] = "550000000000-550000010000 r-xp 00000000 08:01 7 /usr/bin/heaptop\n"
                                   "7f0000600000-7f0000601000 rw-s 00000000 00:01 8 /memfd:heaptop2 (deleted)\n";
        struct maps clean = { 0 };
        struct remains found;

        assert_int_equal(maps_parse(text, sizeof text - 1, &clean), 0);
        assert_false(remains_find(&clean, &found));
        maps_done(&clean);
}

/* A heaptop at work has the area of its target mapped, and may be watched by another one. */
static void what_a_heaptop_maps_of_its_target_is_not_remains(void **state)
{
        static const char text[] = "550000000000-550000010000 r-xp 00000000 08:01 7 /usr/bin/heaptop\n"
                                   "7f0000000000-7f0000525000 rw-s 00000000 00:01 8 /memfd:heaptop (deleted)\n";
        static const char watched[] = "550000100000-55000010a000 r-xp 00525000 00:01 9 /memfd:heaptop (deleted)\n"
                                      "7f0000000000-7f0000525000 rw-s 00000000 00:01 8 /memfd:heaptop (deleted)\n"
                                      "7f0000600000-7f0000b25000 rw-s 00000000 00:01 9 /memfd:heaptop (deleted)\n";
        struct maps recorder = { 0 };
        struct remains found;

        assert_int_equal(maps_parse(text, sizeof text - 1, &recorder), 0);
        assert_false(remains_find(&recorder, &found));
        maps_done(&recorder);
        assert_int_equal(maps_parse(watched, sizeof watched - 1, &recorder), 0);
        assert_true(remains_find(&recorder, &found));
        assert_int_equal(found.n_areas, 1);
        assert_int_equal(found.n_shared, 1);
        assert_int_equal(found.shared[0].addr, 0x7f0000600000);
        maps_done(&recorder);
}

static void believes_a_sound_record(void **state)
{
        struct wire_hook_record hook = good_hook();

        assert_true(undo_check(&hook, &maps, &remains));
}

/* Everything that a hostile process could write there. */
static void believes_nothing_else(void **state)
{
        struct wire_hook_record hook;

#define REFUSES(change)                                              \
        do {                                                         \
                hook = good_hook();                                  \
                change;                                              \
                assert_false(undo_check(&hook, &maps, &remains));    \
        } while (0)
        REFUSES(hook.length = 6);
        REFUSES(hook.length = 0);
        REFUSES(hook.length = 0xffffffff);
        REFUSES(hook.entry = 0x7f0000000000);
        REFUSES(hook.entry = 0x550000106800);
        REFUSES(hook.entry = 0);
        REFUSES(hook.entry = UINT64_MAX - 2);
        REFUSES(hook.entry += 1);
        REFUSES(hook.stub = 0x550000001000);
        REFUSES(hook.stub = 0x550000109fff);
        REFUSES(hook.original = 0x550000106000);
        REFUSES(hook.original_length = 4096);
        REFUSES(hook.n_steps = 33);
        REFUSES(hook.n_steps = 0xffffffff);
        REFUSES(hook.from[1] = 0);
        REFUSES(hook.to[1] = 200);
        REFUSES(hook.from[1] = 200);
        REFUSES(hook.kind = WIRE_KINDS);
        REFUSES(hook.patch[0] = 0x90);
        REFUSES(hook.patch[2] ^= 1);
        REFUSES(memset(hook.name, 'x', sizeof hook.name));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(finds_the_areas_and_the_root_between_them),
                cmocka_unit_test(finds_an_area_that_was_cut_short),
                cmocka_unit_test(anonymous_memory_elsewhere_is_not_taken_for_ours),
                cmocka_unit_test(a_clean_process_has_no_remains),
                cmocka_unit_test(what_a_heaptop_maps_of_its_target_is_not_remains),
                cmocka_unit_test(believes_a_sound_record),
                cmocka_unit_test(believes_nothing_else),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
