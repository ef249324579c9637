#include "unit.h"

#include "base/alloc.h"
#include "target/dwarf_files.h"

#include <stdlib.h>
#include <string.h>

/* A line table of DWARF 5 as clang writes it: one directory, two files with their sums. Offsets of 32 bits. */
static const uint8_t table[] = {
        0x5d, 0, 0, 0,          /* length of all that follows */
        5, 0, 8, 0,             /* version, sizes */
        0x43, 0, 0, 0,          /* length of the header */
        1, 1, 1, 0xfb, 14, 4, 0, 1, 1, /* instructions; four opcodes, so three lengths */
        1, 1, 0x1f,             /* directories: a path in .debug_line_str */
        1, 0, 0, 0, 0,
        3, 1, 0x1f, 2, 0x0b, 5, 0x1e, /* files: a path, a directory, an MD5 */
        2,
        1, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
        9, 0, 0, 0, 0, 0xff, 0xee, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* a program */
};

static void the_sums_are_found_by_the_number_of_the_file(void **state)
{
        uint8_t md5[2][DWARF_MD5_SIZE] = { 0 }, other[sizeof table + 3];

        assert_int_equal(dwarf_files_md5(table, sizeof table, 0, md5, 2), 2);
        assert_int_equal(md5[0][0], 1);
        assert_int_equal(md5[0][15], 16);
        assert_int_equal(md5[1][0], 0xff);
        assert_int_equal(md5[1][15], 7);
        assert_int_equal(dwarf_files_md5(table, sizeof table, 0, NULL, 0), 2);
        memset(other, 0x55, 3);
        memcpy(other + 3, table, sizeof table);
        assert_int_equal(dwarf_files_md5(other, sizeof other, 3, md5, 1), 2);
}

static void what_has_no_sums_says_so(void **state)
{
        uint8_t other[sizeof table], md5[2][DWARF_MD5_SIZE];

        memcpy(other, table, sizeof table);
        other[4] = 4; /* DWARF 4 */
        assert_int_equal(dwarf_files_md5(other, sizeof other, 0, md5, 2), 0);
        memcpy(other, table, sizeof table);
        other[34] = 6; /* what is 16 bytes long there is something else */
        assert_int_equal(dwarf_files_md5(other, sizeof other, 0, md5, 2), 0);
        assert_int_equal(dwarf_files_md5(table, sizeof table, sizeof table + 1, md5, 2), 0);
        assert_int_equal(dwarf_files_md5(table, sizeof table, UINT64_MAX, md5, 2), 0);
}

static void a_damaged_table_is_refused_within_its_bounds(void **state)
{
        uint64_t random = 1;

        for (size_t len = 0; len <= sizeof table; len++) {
                uint8_t *cut = xmalloc(len ? len : 1), md5[2][DWARF_MD5_SIZE];

                memcpy(cut, table, len);
                dwarf_files_md5(cut, len, 0, md5, 2);
                for (int i = 0; i < 200 && len > 0; i++) {
                        random = random * 6364136223846793005ull + 1442695040888963407ull;
                        cut[(random >> 40) % len] ^= (uint8_t)(random >> 32);
                        dwarf_files_md5(cut, len, 0, md5, 2);
                }
                free(cut);
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_sums_are_found_by_the_number_of_the_file),
                cmocka_unit_test(what_has_no_sums_says_so),
                cmocka_unit_test(a_damaged_table_is_refused_within_its_bounds),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
