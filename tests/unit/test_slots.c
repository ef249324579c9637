#include "unit.h"

#include "area.h"
#include "live/slots.h"

#include <stdlib.h>

#define S 1000000000ull

static struct slots slots;
static struct shared_pages pages;

static int setup(void **state)
{
        struct wire_shared *shared = area_new();

        *state = shared;
        memset(&slots, 0, sizeof slots);
        for (uint64_t i = 0; i < WIRE_SLOTS; i++)
                shared->slots[i].key = (i + 1) << 6;
        shared_look(&pages, shared);
        return 0;
}

static int teardown(void **state)
{
        area_free(*state);
        return 0;
}

static void silent_slots_are_freed_and_keep_their_counts(void **state)
{
        struct wire_shared *shared = *state;

        shared->slots[7].classes[3].allocated_calls = 5;
        shared->slots[7].countdown = 1234;
        assert_int_equal(slots_take_back(&slots, &pages, shared, S), 0);
        for (uint64_t i = 0; i < 100; i++)
                shared->slots[i + 100].countdown -= 64; /* used in between */
        assert_int_equal(slots_take_back(&slots, &pages, shared, 60 * S), 0);
        assert_int_equal(slots_take_back(&slots, &pages, shared, 61 * S), WIRE_SLOTS - 100);
        assert_int_equal(shared->slots[7].key, 0);
        assert_int_equal(shared->slots[7].classes[3].allocated_calls, 5);
        assert_int_equal(shared->slots[7].countdown, 1234);
        assert_int_equal(shared->slots[100].key, 101 << 6);
}

static void nothing_is_freed_while_there_are_slots_enough(void **state)
{
        struct wire_shared *shared = *state;

        for (int i = SLOTS_SCARCE; i < WIRE_SLOTS; i++)
                shared->slots[i].key = 0;
        assert_int_equal(slots_take_back(&slots, &pages, shared, S), 0);
        assert_int_equal(slots_take_back(&slots, &pages, shared, 1000 * S), 0);
        shared->slots[SLOTS_SCARCE].key = 1 << 20;
        assert_int_equal(slots_take_back(&slots, &pages, shared, 1001 * S), SLOTS_SCARCE);
}

static void a_thread_inside_the_probe_keeps_its_slot(void **state)
{
        struct wire_shared *shared = *state;

        shared->slots[3].key |= 1;
        shared->slots[8].inside = 1; /* a mapping call, or one of a pool */
        slots_take_back(&slots, &pages, shared, S);
        assert_int_equal(slots_take_back(&slots, &pages, shared, 100 * S), WIRE_SLOTS - 2);
        assert_int_equal(shared->slots[3].key, 4 << 6 | 1);
        assert_int_equal(shared->slots[8].key, 9 << 6);
}

static void a_new_owner_begins_anew(void **state)
{
        struct wire_shared *shared = *state;

        slots_take_back(&slots, &pages, shared, S);
        shared->slots[9].key = 1 << 20;
        slots_take_back(&slots, &pages, shared, 30 * S);
        assert_int_equal(slots_take_back(&slots, &pages, shared, 61 * S), WIRE_SLOTS - 1);
        assert_int_equal(shared->slots[9].key, 1 << 20);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(silent_slots_are_freed_and_keep_their_counts, setup, teardown),
                cmocka_unit_test_setup_teardown(nothing_is_freed_while_there_are_slots_enough, setup, teardown),
                cmocka_unit_test_setup_teardown(a_thread_inside_the_probe_keeps_its_slot, setup, teardown),
                cmocka_unit_test_setup_teardown(a_new_owner_begins_anew, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
