#include "screen_world.h"

#include "unit.h"

#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *source_path(void)
{
        return xasprintf("%s/tests/screens/store.cc", getenv("HEAPTOP_SRC") ? getenv("HEAPTOP_SRC") : "..");
}

void press(struct ui *ui, const char *keys)
{
        char word[32];
        int n;

        while (sscanf(keys, " %31s%n", word, &n) == 1) {
                struct key_event event = { .key = key_parse(word) };

                ui_key(ui, &event, NOW);
                keys += n;
        }
}

struct world open_world(enum ui_mode mode, const char *keys)
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

void close_world(struct world *world)
{
        ui_free(world->ui);
        heap_free(world->heap);
        fake_free(world->fake);
        picker_free(world->picker);
        free(world->source);
}

bool screen_has(struct ui *ui, int width, int height, const char *text)
{
        struct canvas *canvas = canvas_new(width, height, false);
        char *got;
        bool found;

        ui_draw(ui, canvas);
        got = canvas_text(canvas, false);
        found = strstr(got, text) != NULL;
        if (!found)
                fprintf(stderr, "no \"%s\" in\n%s", text, got);
        free(got);
        canvas_free(canvas);
        return found;
}
