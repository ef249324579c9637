#include "unit.h"

#include "base/alloc.h"
#include "target/dwarf_package.h"

#include <stdlib.h>
#include <string.h>

/* Two units (ids 0x11 and 0x22) in four slots, three sections: 1, 3 and 6. */
struct index {
        uint16_t version, zero;
        uint32_t columns, units, slots;
        uint64_t ids[4];
        uint32_t rows[4];
        uint32_t sections[3];
        uint32_t offsets[2][3], sizes[2][3];
} __attribute__((packed));

static const struct index good = { 5, 0, 3, 2, 4, { 0, 0x22, 0x11, 0 }, { 0, 2, 1, 0 }, { 1, 3, 6 },
                                   { { 10, 20, 30 }, { 40, 50, 60 } }, { { 1, 2, 3 }, { 4, 5, 6 } } };

static bool find(const struct index *index, size_t len, uint64_t id, unsigned section, uint64_t *offset, uint64_t *size)
{
        uint8_t *exact = xmalloc(len + 1); /* so that a read behind it is seen */
        bool found;

        memcpy(exact, index, len);
        found = dwarf_package_find(exact, len, id, section, offset, size);
        free(exact);
        return found;
}

static void each_unit_has_its_part_of_each_section(void **state)
{
        uint64_t offset, size;

        assert_true(find(&good, sizeof good, 0x11, 1, &offset, &size));
        assert_int_equal(offset, 10);
        assert_int_equal(size, 1);
        assert_true(find(&good, sizeof good, 0x22, 6, &offset, &size));
        assert_int_equal(offset, 60);
        assert_int_equal(size, 6);
        assert_false(find(&good, sizeof good, 0x22, 8, &offset, &size));
        assert_false(find(&good, sizeof good, 0x33, 1, &offset, &size));
        assert_false(find(&good, sizeof good, 0, 1, &offset, &size)); /* an empty slot is no unit */
}

static void an_index_that_does_not_fit_is_none(void **state)
{
        struct index bad = good;
        uint64_t offset, size;

        for (size_t len = 0; len < sizeof good; len++)
                assert_false(find(&good, len, 0x11, 1, &offset, &size));
        bad.rows[2] = 3;
        assert_false(find(&bad, sizeof bad, 0x11, 1, &offset, &size));
        bad = good;
        bad.units = UINT32_MAX;
        assert_false(find(&bad, sizeof bad, 0x11, 1, &offset, &size));
        bad = good;
        bad.slots = UINT32_MAX;
        assert_false(find(&bad, sizeof bad, 0x11, 1, &offset, &size));
        bad = good;
        bad.columns = UINT32_MAX;
        assert_false(find(&bad, sizeof bad, 0x11, 1, &offset, &size));
}

static void only_the_strings_of_a_unit_are_copied(void **state)
{
        static const char strings[] = "zero\0one\0two\0three"; /* at 0, 5, 9, 13 */
        static const uint32_t offsets[] = { 16, 5, 13, 5, 9999 };
        struct dwarf_strings copy;

        for (unsigned version = 4; version <= 5; version++) { /* 5 has a header of 8 bytes */
                const uint32_t *copied;
                size_t first = version == 5 ? 2 : 1;

                assert_true(dwarf_package_strings((const uint8_t *)offsets, sizeof offsets, version, (const uint8_t *)strings,
                                                  sizeof strings, &copy));
                assert_int_equal(copy.offsets_len, sizeof offsets);
                copied = (const uint32_t *)(const void *)copy.offsets;
                assert_string_equal(copy.strings + copied[2], "three");
                assert_string_equal(copy.strings + copied[3], "one");
                assert_string_equal(copy.strings + copied[4], "");
                if (version == 5)
                        assert_int_equal(copied[0], 16);
                else
                        assert_string_equal(copy.strings + copied[0], "ee");
                assert_true(copy.strings_len < sizeof strings + 8 * first);
                free(copy.offsets);
                free(copy.strings);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_unit_has_its_part_of_each_section),
                cmocka_unit_test(an_index_that_does_not_fit_is_none),
                cmocka_unit_test(only_the_strings_of_a_unit_are_copied),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
