/* What a live screen showed at a moment, and what the replay of the session shows at the same moment: the same text,
 * through the real store, the real cursors and the canvas. */
#include "unit.h"

#include "session.h"

#include "model/heap.h"
#include "tui/ui.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

enum { TICKS = 90, STACKS = 40, CHANGED = 9, WIDTH = 110, HEIGHT = 34, FIRST_SHOWN = 3 };

static struct sample sample;

static uint64_t time_of(uint32_t tick)
{
        return sample.processes[tick - 1].time_ns;
}

/* The screen below header, tabs and verdict line, without the footer: RSS and heap figures, chart and table. */
static char *figures(struct ui *ui)
{
        struct canvas *canvas = canvas_new(WIDTH, HEIGHT, false);
        char *text, *from, *ret;
        int line;

        ui_draw(ui, canvas);
        text = canvas_text(canvas, false);
        from = text;
        for (line = 0; line < FIRST_SHOWN; line++)
                from = strchr(from, '\n') + 1;
        ret = from;
        for (; line < HEIGHT - 2; line++)
                from = strchr(from, '\n') + 1;
        *from = '\0';
        ret = strdup(ret);
        free(text);
        canvas_free(canvas);
        return ret;
}

static void press(struct ui *ui, const char *key, uint64_t now)
{
        struct key_event event = { .key = key_parse(key) };

        ui_key(ui, &event, now);
}

/* Writes tick after tick and looks at each as a viewer does that follows; the screens are in RET[tick]. */
static void watch_live(const char *path, char *ret[TICKS + 1])
{
        struct store *writer = session_create(path, &sample), *reader = session_open(path);
        struct heap *heap = heap_new(store_history(reader));
        struct ui *ui = ui_new(UI_LIVE);
        struct err err = { 0 };

        ui_set_heap(ui, heap);
        for (uint32_t tick = 1; tick <= TICKS; tick++) {
                session_write_ticks(writer, &sample, tick - 1, tick);
                assert_int_equal(ui_set_last_tick(ui, tick, time_of(tick)), 0);
                press(ui, "Space", time_of(tick)); /* held: the right edge of the chart has its time, not "now" */
                ret[tick] = figures(ui);
                press(ui, "Space", time_of(tick));
        }
        ui_free(ui);
        heap_free(heap);
        store_close(reader);
        assert_int_equal(store_finish(writer, time_of(TICKS), "detached", &err), 0);
        store_close(writer);
}

static void a_replay_shows_at_each_moment_what_the_live_screen_showed(void **state)
{
        const char *path = session_path("live.heaptop");
        char *live[TICKS + 1] = { NULL };
        struct store *store;
        struct heap *heap;
        struct ui *ui;

        sample_init(&sample, 4711, TICKS, STACKS, CHANGED);
        watch_live(path, live);
        store = session_open(path);
        heap = heap_new(store_history(store));
        ui = ui_new(UI_REPLAY);
        ui_set_heap(ui, heap);
        assert_int_equal(ui_set_last_tick(ui, TICKS, time_of(TICKS)), 0);
        press(ui, "1", time_of(TICKS));
        for (uint32_t tick = TICKS; tick >= 1; tick--) {
                char *then;

                assert_int_equal(heap_tick(heap), tick);
                then = figures(ui);
                assert_string_equal(then, live[tick]);
                free(then);
                free(live[tick]);
                press(ui, ",", time_of(TICKS));
        }
        ui_free(ui);
        heap_free(heap);
        store_close(store);
        sample_done(&sample);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_replay_shows_at_each_moment_what_the_live_screen_showed),
        };

        setlocale(LC_CTYPE, "C.UTF-8");
        setenv("TZ", "UTC", 1);
        return cmocka_run_group_tests(tests, session_make_folder, session_remove_folder);
}
