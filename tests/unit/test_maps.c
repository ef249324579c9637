#include "unit.h"

#include "base/alloc.h"
#include "target/maps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int parse(const char *text, struct maps *ret)
{
        return maps_parse(text, strlen(text), ret);
}

static void reads_every_field_of_a_line(void **state)
{
        struct maps maps = { 0 };

        assert_int_equal(parse("55d0c0000000-55d0c0001000 r-xs 00002000 fe:01 123456   /usr/bin/my prog (deleted)\n"
                               "7f0000000000-7f0000021000 rw-p 00000000 00:00 0 \n"
                               "7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0                          [stack]",
                               &maps), 0);
        assert_int_equal(maps.n, 3);
        assert_int_equal(maps.v[0].start, 0x55d0c0000000);
        assert_int_equal(maps.v[0].end, 0x55d0c0001000);
        assert_int_equal(maps.v[0].offset, 0x2000);
        assert_int_equal(maps.v[0].device, 0xfe00000001ull);
        assert_int_equal(maps.v[0].inode, 123456);
        assert_true(maps.v[0].read && !maps.v[0].write && maps.v[0].exec && maps.v[0].shared);
        assert_string_equal(maps.v[0].path, "/usr/bin/my prog (deleted)");
        assert_string_equal(maps.v[1].path, "");
        assert_string_equal(maps.v[2].path, "[stack]");
        maps_done(&maps);
}

static void refuses_bad_lines_and_leaves_the_result_alone(void **state)
{
        static const char *const bad[] = {
                "x", "\n", "10-20", "10-20 rwxp", "20-10 r--p 0 0:0 0", "10-10 r--p 0 0:0 0",
                "10-20 r--q 0 0:0 0", "10-20 r-", "10000000000000000-20 r--p 0 0:0 0",
                "10-20 r--p 0 0:0 0\n18-30 r--p 0 0:0 0\n", "30-40 r--p 0 0:0 0\n10-20 r--p 0 0:0 0\n",
                "10-20 r--p 0 00 0", "10-20 r--p 0 0:0 x", "10-20 r--p 0 0:0 5/x", "-20 r--p 0 0:0 5",
                "10-20 r--p 0 0:0 99999999999999999999999",
        };
        struct maps maps = { .n = 77 };

        for (size_t i = 0; i < array_len(bad); i++)
                assert_int_equal(parse(bad[i], &maps), -EINVAL);
        assert_int_equal(maps_parse("10-20 r--p 0 0:0 0 /a\0b", 23, &maps), -EINVAL);
        assert_int_equal(maps.n, 77);
}

static void accepts_an_empty_map(void **state)
{
        struct maps maps = { 0 };

        assert_int_equal(maps_parse("", 0, &maps), 0);
        assert_int_equal(maps.n, 0);
        assert_null(maps_find(&maps, 5));
        maps_done(&maps);
}

static void finds_the_mapping_of_an_address(void **state)
{
        struct maps maps = { 0 };

        assert_int_equal(parse("1000-2000 r--p 0 0:0 0\n2000-3000 r--p 0 0:0 0\n5000-6000 r--p 0 0:0 0\n", &maps), 0);
        assert_null(maps_find(&maps, 0xfff));
        assert_ptr_equal(maps_find(&maps, 0x1000), &maps.v[0]);
        assert_ptr_equal(maps_find(&maps, 0x1fff), &maps.v[0]);
        assert_ptr_equal(maps_find(&maps, 0x2000), &maps.v[1]);
        assert_null(maps_find(&maps, 0x3000));
        assert_ptr_equal(maps_find(&maps, 0x5fff), &maps.v[2]);
        assert_null(maps_find(&maps, 0x6000));
        assert_null(maps_find(&maps, UINT64_MAX));
        maps_done(&maps);
}

static void reads_its_own_map(void **state)
{
        struct maps maps = { 0 };
        const struct mapping *code, *stack;
        int here = 0;

        assert_int_equal(maps_read(getpid(), &maps), 0);
        code = maps_find(&maps, (uint64_t)(uintptr_t)reads_its_own_map);
        stack = maps_find(&maps, (uint64_t)(uintptr_t)&here);
        assert_non_null(code);
        assert_true(code->exec);
        assert_non_null(strstr(code->path, "test_maps"));
        assert_non_null(stack);
        maps_done(&maps);
}

static void says_that_a_process_is_gone(void **state)
{
        struct maps maps;

        assert_int_equal(maps_read(0x7ffffff0, &maps), -ESRCH);
}

/* A fixed program: non-PIE text, heap above, libraries far up. */
#define LAYOUT                                                \
        "400000-500000 r-xp 0 fe:1 5 /p\n"                     \
        "700000-800000 rw-p 0 0:0 0 [heap]\n"                  \
        "7f0000000000-7f0000100000 r-xp 0 fe:1 6 /libc\n"      \
        "7f0000120000-7f0000200000 rw-p 0 0:0 0\n"             \
        "7ffd00000000-7ffd00021000 rw-p 0 0:0 0 [stack]\n"

static void gap_is_near_and_keeps_distance(void **state)
{
        struct maps maps = { 0 };
        uint64_t addr, two_gib = 2ull << 30;

        assert_int_equal(parse(LAYOUT, &maps), 0);
        /* 128 KiB between the two: 64 KiB to each side leave nothing. */
        addr = maps_gap(&maps, 0x7f0000001000, 0x5000, two_gib);
        assert_int_equal(addr, 0x7f0000000000 - 0x10000 - 0x5000);
        /* Nearer to the far end, the place behind is chosen. */
        addr = maps_gap(&maps, 0x7f00001ff000, 0x5000, two_gib);
        assert_int_equal(addr, 0x7f0000210000);
        maps_done(&maps);
}

static void gap_leaves_the_heap_room_to_grow(void **state)
{
        struct maps maps = { 0 };
        uint64_t addr;

        assert_int_equal(parse(LAYOUT, &maps), 0);
        addr = maps_gap(&maps, 0x4ff000, 0x5000, 2ull << 30);
        assert_int_equal(addr, 0x500000 + 0x10000);
        addr = maps_gap(&maps, 0x4ff000, 8 << 20, 2ull << 30); /* does not fit below */
        assert_int_equal(addr, 0x800000 + (1ull << 30));
        maps_done(&maps);
}

static void gap_leaves_the_stack_room_to_grow(void **state)
{
        struct maps maps = { 0 };
        uint64_t addr;

        assert_int_equal(parse(LAYOUT, &maps), 0);
        addr = maps_gap(&maps, 0x7ffd00000000, 0x1000, 2ull << 30);
        assert_true(addr + 0x1000 <= 0x7ffd00000000 - (128 << 20) || addr >= 0x7ffd00021000 + 0x10000);
        maps_done(&maps);
}

static void gap_says_when_there_is_none(void **state)
{
        struct maps maps = { 0 };

        assert_int_equal(parse(LAYOUT, &maps), 0);
        assert_int_equal(maps_gap(&maps, 0x7f0000001000, 0x5000, 0x8000), 0);
        assert_int_equal(maps_gap(&maps, 0x7f0000001000, 0, 2ull << 30), 0);
        assert_int_equal(maps_gap(&maps, 0x7f0000001000, 77, 2ull << 30), 0);
        assert_int_equal(maps_gap(&maps, 0x400000000000, 0x1000, 4096), 0x400000000000);
        maps_done(&maps);
}

static void gap_survives_hostile_maps(void **state)
{
        struct maps maps = { 0 };

        assert_int_equal(parse("0-1000 r--p 0 0:0 0\nfffffffffffff000-ffffffffffffffff r-xp 0 0:0 0 [heap]\n", &maps), 0);
        assert_true(maps_gap(&maps, UINT64_MAX - 4095, 0x1000, UINT64_MAX) < 0x7ffffffff000);
        assert_int_equal(maps_gap(&maps, 0, UINT64_MAX & ~4095ull, UINT64_MAX), 0);
        maps_done(&maps);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_every_field_of_a_line),
                cmocka_unit_test(refuses_bad_lines_and_leaves_the_result_alone),
                cmocka_unit_test(accepts_an_empty_map),
                cmocka_unit_test(finds_the_mapping_of_an_address),
                cmocka_unit_test(reads_its_own_map),
                cmocka_unit_test(says_that_a_process_is_gone),
                cmocka_unit_test(gap_is_near_and_keeps_distance),
                cmocka_unit_test(gap_leaves_the_heap_room_to_grow),
                cmocka_unit_test(gap_leaves_the_stack_room_to_grow),
                cmocka_unit_test(gap_says_when_there_is_none),
                cmocka_unit_test(gap_survives_hostile_maps),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
