#include "unit.h"

#include "target/image.h"
#include "target/unwind_table.h"

#include <stdlib.h>
#include <string.h>

/* A small .eh_frame at address 0x1000: one CIE (zR, absolute addresses), functions [0x100, 0x110) and [0x110, 0x120). */
static const uint8_t section[] = {
        0x14, 0, 0, 0, 0, 0, 0, 0, 1, 'z', 'R', 0, 1, 0x78, 16, 1, 0x00, 0x0c, 7, 8, 0x90, 1, 0, 0,
        0x1c, 0, 0, 0, 0x1c, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0x41, 0x0e, 16, 0x86, 2, 0, 0,
        0x1c, 0, 0, 0, 0x3c, 0, 0, 0, 0x10, 1, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0,
};

static void a_row_is_in_force_until_the_next(void **state)
{
        struct unwind_table table = { 0 };
        const struct unwind_rule *rule;

        assert_int_equal(unwind_table_parse(section, sizeof section, 0x1000, true, &table), 0);
        assert_int_equal(unwind_table_find(&table, 0xff)->cfa, UNWIND_NONE);
        rule = unwind_table_find(&table, 0x100);
        assert_int_equal(rule->cfa, UNWIND_SP);
        assert_int_equal(rule->offset, 8);
        rule = unwind_table_find(&table, 0x10f);
        assert_int_equal(rule->offset, 16);
        assert_int_equal(rule->bp, UNWIND_BP_AT_CFA);
        assert_int_equal(rule->bp_offset, -16);
        /* The end of one function does not hide the first row of the next at the same address. */
        assert_int_equal(unwind_table_find(&table, 0x110)->offset, 8);
        assert_int_equal(unwind_table_find(&table, 0x11f)->cfa, UNWIND_SP);
        assert_int_equal(unwind_table_find(&table, 0x120)->cfa, UNWIND_NONE);
        assert_int_equal(unwind_table_find(&table, UINT64_MAX)->cfa, UNWIND_NONE);
        unwind_table_done(&table);
}

static void damaged_sections_never_crash(void **state)
{
        struct image *image = NULL;
        const uint8_t *bytes;
        uint64_t addr, seed = 7;
        uint8_t *copy;
        size_t len;

        print_message("# seed 7\n");
        assert_int_equal(image_open_path("/proc/self/exe", &image), 0);
        bytes = image_eh_frame(image, &addr, &len);
        assert_non_null(bytes);
        copy = malloc(len);
        for (int round = 0; round < 3000; round++) {
                struct unwind_table table = { 0 };
                size_t n = len;

                memcpy(copy, bytes, len);
                for (int i = 0; i <= round % 20; i++) {
                        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
                        copy[(seed >> 20) % len] = (uint8_t)(seed >> 56);
                }
                if (round % 4 == 0)
                        n = (seed >> 24) % len;
                if (unwind_table_parse(copy, n, addr, round % 3 != 0, &table) == 0)
                        for (uint64_t at = 0; at < 64; at++)
                                unwind_table_find(&table, table.base + at * 37);
                unwind_table_done(&table);
        }
        free(copy);
        image_close(image);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_row_is_in_force_until_the_next),
                cmocka_unit_test(damaged_sections_never_crash),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
