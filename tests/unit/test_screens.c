/* Golden screens: what is drawn for a fixed session is compared with tests/screens/NAME-WxH.txt: the text, then a letter per
 * cell for its style. UPDATE_SCREENS=1 writes them anew. */
#include "unit.h"

#include "demo_session.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/io.h"
#include "tui/ui.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t NOW = 5000 * NS_PER_S;

static const struct {
        int width, height;
} sizes[] = { { 80, 24 }, { 140, 40 }, { 40, 10 }, { 10, 3 } };

static char *source_path(void)
{
        return xasprintf("%s/tests/screens/store.cc", getenv("HEAPTOP_SRC") ? getenv("HEAPTOP_SRC") : "..");
}

/* ---- comparing ---- */

static void print_difference(const char *name, const char *expected, const char *got)
{
        int line = 1;

        fprintf(stderr, "--- %s\n", name);
        while (*expected || *got) {
                size_t e = strcspn(expected, "\n"), g = strcspn(got, "\n");

                if (e != g || memcmp(expected, got, e) != 0)
                        fprintf(stderr, "%3d - %.*s\n%3d + %.*s\n", line, (int)e, expected, line, (int)g, got);
                expected += e + (expected[e] == '\n');
                got += g + (got[g] == '\n');
                line++;
        }
}

static void update(const char *path, const char *text)
{
        FILE *f = fopen(path, "w");

        if (!f)
                fail_msg("cannot write %s: %s", path, strerror(errno));
        fputs(text, f);
        fclose(f);
}

static bool matches(struct ui *ui, const char *name, int width, int height, bool ascii)
{
        struct canvas *canvas = canvas_new(width, height, ascii);
        char *path = xasprintf("%s/tests/screens/%s-%dx%d%s.txt", getenv("HEAPTOP_SRC") ? getenv("HEAPTOP_SRC") : "..", name,
                               width, height, ascii ? "-ascii" : "");
        const char *wanted = getenv("UPDATE_SCREENS");
        char *got, *expected = NULL;
        bool same = true;
        size_t len;

        ui_draw(ui, canvas);
        got = canvas_text(canvas, true);
        if (wanted && *wanted) {
                update(path, got);
        } else if (io_read_file(path, 1 << 20, &expected, &len) < 0) {
                fprintf(stderr, "no %s: UPDATE_SCREENS=1 makes it\n", path);
                same = false;
        } else if (strcmp(expected, got) != 0) {
                print_difference(path, expected, got);
                same = false;
        }
        free(expected);
        free(got);
        free(path);
        canvas_free(canvas);
        return same;
}

/* ---- the sessions ---- */

struct world {
        struct fake *fake;
        struct heap *heap;
        struct picker *picker;
        struct ui *ui;
        char *source;
};

static void press(struct ui *ui, const char *keys)
{
        char word[32];
        int n;

        while (sscanf(keys, " %31s%n", word, &n) == 1) {
                struct key_event event = { .key = key_parse(word) };

                ui_key(ui, &event, NOW);
                keys += n;
        }
}

static struct world open_world(enum ui_mode mode, const char *keys)
{
        struct world world = { .source = source_path() };
        uint32_t last;

        world.ui = ui_new(mode);
        if (mode == UI_PICK) {
                world.picker = demo_picker();
                ui_set_picker(world.ui, world.picker);
        } else {
                world.fake = demo_session(world.source);
                world.heap = heap_new(fake_history(world.fake));
                fake_history(world.fake)->last_tick(fake_history(world.fake)->arg, &last);
                ui_set_heap(world.ui, world.heap);
                ui_set_file_name(world.ui, "/home/me/.local/state/heaptop/shopd-4711.heaptop");
                assert_int_equal(ui_set_last_tick(world.ui, last, NOW), 0);
        }
        press(world.ui, keys);
        return world;
}

static void close_world(struct world *world)
{
        ui_free(world->ui);
        heap_free(world->heap);
        fake_free(world->fake);
        picker_free(world->picker);
        free(world->source);
}

static void compare_all_sizes(const char *name, enum ui_mode mode, const char *keys)
{
        bool same = true;

        for (size_t i = 0; i < array_len(sizes); i++)
                for (int ascii = 0; ascii < 2; ascii++) {
                        struct world world = open_world(mode, keys);

                        same = matches(world.ui, name, sizes[i].width, sizes[i].height, ascii) && same;
                        close_world(&world);
                }
        assert_true(same);
}

static void overview_is_drawn_as_it_was(void **state)
{
        compare_all_sizes("overview", UI_LIVE, "");
}

static void sites_are_drawn_as_they_were(void **state)
{
        compare_all_sizes("sites", UI_LIVE, "2 j j");
}

static void stack_is_drawn_as_it_was(void **state)
{
        compare_all_sizes("stack", UI_LIVE, "/ S e s s i o n Enter Enter");
}

static void picker_is_drawn_as_it_was(void **state)
{
        compare_all_sizes("picker", UI_PICK, "");
}

static void replay_is_drawn_as_it_was(void **state)
{
        compare_all_sizes("replay", UI_REPLAY, "[");
}

static void help_is_drawn_as_it_was(void **state)
{
        compare_all_sizes("help", UI_LIVE, "?");
}

static void info_is_drawn_as_it_was(void **state)
{
        compare_all_sizes("info", UI_LIVE, "i");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(overview_is_drawn_as_it_was),
                cmocka_unit_test(sites_are_drawn_as_they_were),
                cmocka_unit_test(stack_is_drawn_as_it_was),
                cmocka_unit_test(picker_is_drawn_as_it_was),
                cmocka_unit_test(replay_is_drawn_as_it_was),
                cmocka_unit_test(help_is_drawn_as_it_was),
                cmocka_unit_test(info_is_drawn_as_it_was),
        };

        setlocale(LC_ALL, "C.UTF-8");
        setenv("TZ", "UTC", 1);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
