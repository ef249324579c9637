#include "unit.h"

#include "base/addrmap.h"
#include "base/err.h"
#include "base/exit.h"
#include "base/fmt.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void sizes_have_three_digits_and_a_unit(void **state)
{
        char s[FMT_MAX];

        assert_string_equal(fmt_bytes(s, 0), "0");
        assert_string_equal(fmt_bytes(s, 812), "812");
        assert_string_equal(fmt_bytes(s, 1023), "1.0K");
        assert_string_equal(fmt_bytes(s, 8602), "8.4K");
        assert_string_equal(fmt_bytes(s, 212ull << 20), "212M");
        assert_string_equal(fmt_bytes(s, UINT64_MAX), "16E");
        assert_string_equal(fmt_change(s, -(11 << 20)), "-11M");
        assert_string_equal(fmt_change(s, INT64_MIN), "-8.0E");
        assert_string_equal(fmt_rate(s, 2.0 * 1048576), "+2.0M");
        assert_string_equal(fmt_rate(s, 0.0 / 0.0), "?");
        assert_string_equal(fmt_count(s, 1740000), "1.7M");
        assert_string_equal(fmt_duration(s, 3720ull * 1000000000), "1h2m");
}

static void sizes_are_read_back_and_nonsense_is_refused(void **state)
{
        static const char *const bad[] = { "", "x", "-1", "12Q", "1e99", "512MM", "0x10", "nan", "1 M" };
        uint64_t n = 7;

        assert_int_equal(fmt_parse_size("512K", &n), 0);
        assert_int_equal(n, 512 << 10);
        assert_int_equal(fmt_parse_size("1.5GiB", &n), 0);
        assert_int_equal(n, 3ull << 29);
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                assert_int_equal(fmt_parse_size(bad[i], &n), -EINVAL);
        assert_int_equal(n, 3ull << 29);
}

static void durations_add_up(void **state)
{
        uint64_t ns;

        assert_int_equal(fmt_parse_duration("1h30m", &ns), 0);
        assert_int_equal(ns / 1000000000, 5400);
        assert_int_equal(fmt_parse_duration("500ms", &ns), 0);
        assert_int_equal(ns, 500000000);
        assert_int_equal(fmt_parse_duration("45", &ns), 0);
        assert_int_equal(ns / 1000000000, 45);
        assert_int_equal(fmt_parse_duration("5x", &ns), -EINVAL);
        assert_int_equal(fmt_parse_duration("", &ns), -EINVAL);
}

static void a_numbered_error_ends_with_its_number(void **state)
{
        struct err err = { 0 }, none = { 0 }, later = { .code = -EIO };
        char long_text[2000];

        assert_int_equal(err_set_id(&err, ERROR_TRACED, EBUSY, "process %d traces it", 7), -EBUSY);
        assert_string_equal(err.text, "process 7 traces it (E121)");
        assert_int_equal(err.id, 121);
        assert_int_equal(err_exit_status(&err), EXIT_TRY_AGAIN);
        err_set_id(&later, ERROR_TRACED, EBUSY, "second");
        assert_int_equal(later.id, 0);
        assert_int_equal(err_set_id(NULL, ERROR_TRACED, EBUSY, "nobody listens"), -EBUSY);
        memset(long_text, 'x', sizeof long_text);
        long_text[sizeof long_text - 1] = '\0';
        err_set_id(&none, ERROR_TRACED, EBUSY, "%s", long_text);
        assert_string_equal(none.text + strlen(none.text) - 8, "x (E121)");
}

static void errors_stand_in_order_and_are_explained(void **state)
{
        int before = 0;

        for (const struct error_entry *e = errors_all(); e->id; e++) {
                assert_true((int)e->id > before);
                assert_true(strlen(e->title) > 5 && strlen(e->title) < 70);
                assert_true(strlen(e->why) > 20 && strlen(e->remedy) > 10);
                assert_ptr_equal(errors_find((int)e->id), e);
                before = (int)e->id;
        }
        assert_null(errors_find(0));
        assert_null(errors_find(999));
}

static void the_first_error_wins(void **state)
{
        struct err err = { 0 };

        assert_int_equal(err_set(&err, EPERM, "first"), -EPERM);
        assert_int_equal(err_set(&err, ENOENT, "second"), -ENOENT);
        assert_string_equal(err.text, "first");
        assert_int_equal(err_exit_status(&err), EXIT_NOT_PERMITTED);
}

static void hostile_text_becomes_harmless(void **state)
{
        char *s = text_clean("a\x1b]0;x\a\xff\u202e\xc0\x80 é");

        assert_string_equal(s, "a\\x1b]0;x\\x07\\xff\\u202e\\xc0\\x80 é");
        free(s);
}

static void edit_distance_counts_letters(void **state)
{
        assert_int_equal(text_distance("repaly", "replay"), 2);
        assert_int_equal(text_distance("", "abc"), 3);
        assert_int_equal(text_distance("run", "run"), 0);
}

/* A tree's node is parent << 32 | frame: when only the low half counted, every node of one frame was in one heap of collisions. */
static void addrmap_finds_keys_that_differ_in_their_high_half_only_in_few_steps(void **state)
{
        enum { KEYS = 4096, MOST_STEPS = 64 };
        struct addrmap map = { 0 };
        size_t run = 0, longest = 0;

        (void)state;
        for (uint64_t k = 1; k <= KEYS; k++)
                addrmap_put(&map, k << 32 | 7, k);
        for (size_t i = 0; i < map.cap; i++) {
                run = map.keys[i] ? run + 1 : 0;
                longest = run > longest ? run : longest;
        }
        assert_in_range(longest, 1, MOST_STEPS);
        addrmap_done(&map);
}

static void addrmap_keeps_what_a_plain_array_keeps(void **state)
{
        enum { KEYS = 500, STEPS = 20000 };
        uint64_t truth[KEYS] = { 0 }, value;
        struct addrmap map = { 0 };
        size_t count = 0, seen = 0, pos = 0;
        uint64_t key;

        srand(7);
        for (int i = 0; i < STEPS; i++) {
                size_t k = (size_t)rand() % KEYS;

                if (rand() % 2) {
                        count += truth[k] == 0;
                        truth[k] = (uint64_t)i + 1;
                        addrmap_put(&map, k + 1, truth[k]);
                } else {
                        assert_int_equal(addrmap_remove(&map, k + 1, NULL), truth[k] != 0);
                        count -= truth[k] != 0;
                        truth[k] = 0;
                }
        }
        for (size_t k = 0; k < KEYS; k++) {
                assert_int_equal(addrmap_get(&map, k + 1, &value), truth[k] != 0);
                if (truth[k])
                        assert_int_equal(value, truth[k]);
        }
        while (addrmap_next(&map, &pos, &key, &value))
                seen += truth[key - 1] == value;
        assert_int_equal(seen, count);
        assert_true(map.cap <= 2048);
        addrmap_done(&map);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(sizes_have_three_digits_and_a_unit),
                cmocka_unit_test(sizes_are_read_back_and_nonsense_is_refused),
                cmocka_unit_test(durations_add_up),
                cmocka_unit_test(a_numbered_error_ends_with_its_number),
                cmocka_unit_test(errors_stand_in_order_and_are_explained),
                cmocka_unit_test(the_first_error_wins),
                cmocka_unit_test(hostile_text_becomes_harmless),
                cmocka_unit_test(edit_distance_counts_letters),
                cmocka_unit_test(addrmap_finds_keys_that_differ_in_their_high_half_only_in_few_steps),
                cmocka_unit_test(addrmap_keeps_what_a_plain_array_keeps),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
