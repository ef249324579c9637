/* The table of sites when there are many more than a screen shows. */
#include "unit.h"

#include "screen_world.h"

#include "base/alloc.h"
#include "base/clock.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SITES = 2000, LIVE_STEP = 10 << 10 };

static struct world many_sites(void)
{
        struct world world = { .fake = fake_new() };

        for (uint32_t i = 0; i < SITES; i++) {
                char name[32];

                snprintf(name, sizeof name, "grow_%04u", i);
                fake_set_live(world.fake, fake_add_site(world.fake, name, "/src/grow.c", i + 1), (int64_t)(SITES - i) * LIVE_STEP, 10);
        }
        fake_tick(world.fake);
        world.heap = heap_new(fake_history(world.fake));
        world.ui = ui_new(UI_LIVE);
        ui_set_heap(world.ui, world.heap);
        assert_int_equal(ui_set_last_tick(world.ui, 1, NOW), 0);
        press(world.ui, "2 /");
        press(world.ui, "g r o w Enter >");
        while (!screen_has(world.ui, 80, 24, "by live bytes"))
                press(world.ui, ">");
        return world;
}

static void tick_later(struct world *world, uint64_t seconds)
{
        uint64_t next;

        ui_advance(world->ui, NOW + seconds * NS_PER_S, &next);
        assert_int_equal(ui_set_last_tick(world->ui, fake_tick(world->fake), NOW + seconds * NS_PER_S), 0);
}

static void the_last_row_is_the_last_of_all(void **state)
{
        struct world world = many_sites();

        tick_later(&world, 60); /* nobody has moved for long: only what is seen is in order */
        press(world.ui, "G");
        assert_true(screen_has(world.ui, 80, 24, "grow_1999"));
        press(world.ui, "g");
        assert_true(screen_has(world.ui, 80, 24, "grow_0000"));
        close_world(&world);
}

static void paging_passes_every_row_once_and_in_order(void **state)
{
        struct world world = many_sites();
        uint32_t expected = 0;

        tick_later(&world, 60);
        for (int i = 0; i < SITES; i++) {
                char name[32];

                snprintf(name, sizeof name, "grow_%04u", expected++);
                if (i % 97 == 0 || i + 1 == SITES)
                        assert_true(screen_has(world.ui, 80, 24, name));
                press(world.ui, "j");
        }
        close_world(&world);
}

static void a_selection_far_down_stays_with_its_site(void **state)
{
        struct world world = many_sites();

        press(world.ui, "G k k k");
        tick_later(&world, 60);
        assert_true(screen_has(world.ui, 80, 24, ">"));
        assert_true(screen_has(world.ui, 80, 24, "grow_1996"));
        fake_set_live(world.fake, 1997, (int64_t)SITES * 2 * LIVE_STEP, 10); /* now it is the largest */
        tick_later(&world, 120);
        assert_true(screen_has(world.ui, 80, 24, "grow_1996"));
        press(world.ui, "j");
        assert_true(screen_has(world.ui, 80, 24, "grow_0000"));
        close_world(&world);
}

static void the_wheel_reaches_the_end(void **state)
{
        struct world world = many_sites();
        struct key_event wheel = { .key = KEY_MOUSE_, .x = 5, .y = 10, .button = 5 };

        tick_later(&world, 60);
        for (int i = 0; i < SITES; i++)
                ui_key(world.ui, &wheel, NOW);
        assert_true(screen_has(world.ui, 80, 24, "grow_1999"));
        close_world(&world);
}

static void a_site_beyond_the_list_is_found_by_its_number(void **state)
{
        struct world world = many_sites();

        tick_later(&world, 60);
        press(world.ui, ":");
        press(world.ui, "s i t e Space 1 9 0 1 Enter q 2");
        assert_true(screen_has(world.ui, 80, 24, "grow_1900"));
        close_world(&world);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_last_row_is_the_last_of_all),
                cmocka_unit_test(paging_passes_every_row_once_and_in_order),
                cmocka_unit_test(a_selection_far_down_stays_with_its_site),
                cmocka_unit_test(the_wheel_reaches_the_end),
                cmocka_unit_test(a_site_beyond_the_list_is_found_by_its_number),
        };

        setlocale(LC_ALL, "C.UTF-8");
        setenv("TZ", "UTC", 1);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
