/* Any keys, in any order, at any size, while the recording goes on: nothing breaks, and ctrl-C ends it wherever one is.
 *
 * A short run by itself. HEAPTOP_KEYS=100000 presses so many keys in each mode, HEAPTOP_SEED=7 others. To be run like that
 * under AddressSanitizer (../configure --enable-sanitize). */
#include "unit.h"

#include "screen_world.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "tui/style.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CTRL_C = 3, SITES_MOST = 400, LARGEST_WIDTH = 300, LARGEST_HEIGHT = 100, KEYS_A_WORLD = 4000 };

static uint64_t state;

static uint32_t any(uint32_t below)
{
        state += 0x9e3779b97f4a7c15ull; /* splitmix64 */
        uint64_t z = state;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ z >> 27) * 0x94d049bb133111ebull;
        return (uint32_t)((z ^ z >> 31) % below);
}

static unsigned long number_of(const char *name, unsigned long otherwise)
{
        return getenv(name) ? strtoul(getenv(name), NULL, 10) : otherwise;
}

/* ---- what goes on meanwhile ---- */

static const char *const names[] = {
        "grow", "std::map<std::string, int>::operator[]", "\033]0;x\007", "\xe2\x80\xae" "esrever", "\xe6\xbc\xa2\xe5\xad\x97::put", "",
        "a_name_that_is_very_long_indeed_and_has_nothing_that_could_be_left_out_of_it_without_loss_for_whoever_reads_it",
};

static void record_something(struct world *world)
{
        struct fake *fake = world->fake;
        size_t n_sites = heap_n_sites(world->heap);

        switch (any(8)) {
        case 0:
                if (n_sites < SITES_MOST) {
                        uint32_t site = fake_add_site(fake, names[any(array_len(names))], "/src/any.cc", any(5000));

                        fake_set_live(fake, site, any(1 << 30), any(1 << 20));
                        fake_set_class(fake, site, any(REC_CLASSES));
                }
                break;
        case 1:
                fake_add_mark(fake, names[any(array_len(names))]);
                break;
        case 2:
                fake_add_event(fake, any(9), names[any(array_len(names))]);
                break;
        case 3: /* what its strings were is gone, on a held screen, too */
                fake_set_frame(fake, 1 + any(8), names[any(array_len(names))], "/src/other.cc", any(5000), any(2));
                break;
        default:
                for (uint32_t i = any(20); i > 0 && n_sites > 0; i--)
                        fake_set_live(fake, 1 + any((uint32_t)n_sites), any(2) ? any(1 << 30) : 0, any(1 << 20));
        }
        fake_process(fake)->heap_used = any(1u << 31);
        fake_process(fake)->rss_anon = any(1u << 31);
        fake_tick(fake);
}

/* ---- keys ---- */

static uint32_t any_key(void)
{
        static const uint32_t often[] = { KEY_MOUSE_, KEY_DOWN_, KEY_UP_, KEY_ENTER_, KEY_ESC_, 'q', KEY_RESIZED };
        const struct key_binding *table;
        size_t n;
        uint32_t key;

        table = key_table(&n);
        switch (any(6)) {
        case 0:
                return any(0x120000); /* any character, and the keys behind them */
        case 1:
                return 1 + any(0x7f);
        case 2:
                return often[any(array_len(often))];
        default:
                do
                        key = table[any((uint32_t)n)].keys[any(array_len(table[0].keys))];
                while (key == 0);
                return key;
        }
}

/* What app would do, as far as it comes back to the screen. */
static void act(struct world *world, enum ui_action action)
{
        switch (action) {
        case UI_COPY:
                assert_non_null(ui_copy_text(world->ui));
                break;
        case UI_EDIT:
                (void)ui_edit_file(world->ui);
                (void)ui_edit_line(world->ui);
                break;
        case UI_EXPORT:
                assert_non_null(ui_export_words(world->ui));
                break;
        case UI_MARK:
                fake_add_mark(world->fake, ui_mark_name(world->ui));
                break;
        case UI_SETTINGS:
        case UI_WRITE_CONFIG:
                assert_non_null(ui_settings(world->ui));
                break;
        default:
                break;
        }
}

static void check_canvas(const struct canvas *canvas)
{
        for (size_t i = 0; i < (size_t)canvas->width * (size_t)canvas->height; i++) {
                const struct cell *cell = &canvas->cells[i];

                if (cell->style >= STYLES || (cell->ch != 0 && cell->ch < 0x20) || (cell->ch >= 0x7f && cell->ch < 0xa0))
                        fail_msg("cell %zu of %dx%d has %#x in style %u", i, canvas->width, canvas->height, cell->ch, cell->style);
                if (canvas->ascii && (cell->ch < 0x20 || cell->ch > 0x7e))
                        fail_msg("%#x is no ASCII", cell->ch);
        }
        assert_true(canvas->cursor_x < canvas->width && canvas->cursor_y < canvas->height);
}

static struct canvas *any_canvas(void)
{
        if (any(3))
                return canvas_new(any(2) ? 80 : 140, any(2) ? 24 : 40, any(2));
        return canvas_new(1 + (int)any(any(2) ? 12 : LARGEST_WIDTH), 1 + (int)any(any(2) ? 12 : LARGEST_HEIGHT), any(2));
}

static void press_any(enum ui_mode mode, unsigned long keys)
{
        struct world world = open_world(mode, "");
        struct canvas *canvas = any_canvas();
        uint64_t now = NOW, next;
        uint32_t last;

        for (unsigned long i = 0; i < keys; i++) {
                struct key_event event = { .key = any_key(), .x = (int)any(330) - 10, .y = (int)any(130) - 10, .button = (int)any(9) - 2 };

                act(&world, ui_key(world.ui, &event, now));
                now += any(4) ? any(50) * NS_PER_MS : any(20) * NS_PER_S;
                ui_advance(world.ui, now, &next);
                if (world.fake && any(10) == 0) {
                        record_something(&world);
                        fake_history(world.fake)->last_tick(fake_history(world.fake)->arg, &last);
                        ui_set_last_tick(world.ui, last, now);
                }
                if (any(2000) == 0)
                        ui_set_ended(world.ui, names[any(array_len(names))]);
                if (world.picker && any(10) == 0)
                        ui_refresh_picker(world.ui, now);
                if (any(20) == 0) {
                        canvas_free(canvas);
                        canvas = any_canvas();
                }
                ui_draw(world.ui, canvas);
                check_canvas(canvas);
        }
        canvas_free(canvas);
        assert_int_equal(ui_key(world.ui, &(struct key_event){ .key = CTRL_C }, now), UI_QUIT);
        close_world(&world);
}

/* A world after the other: what breaks one is found again with its seed. */
static void press_many(enum ui_mode mode)
{
        unsigned long left = number_of("HEAPTOP_KEYS", 2500);

        state = number_of("HEAPTOP_SEED", 1);
        while (left > 0) {
                unsigned long n = left < KEYS_A_WORLD ? left : KEYS_A_WORLD;

                fprintf(stderr, "# %lu keys, HEAPTOP_SEED=%llu\n", n, (unsigned long long)state);
                press_any(mode, n);
                left -= n;
        }
}

static void no_keys_harm_a_recording_that_goes_on(void **unused)
{
        press_many(UI_LIVE);
}

static void no_keys_harm_a_replay(void **unused)
{
        press_many(UI_REPLAY);
}

static void no_keys_harm_the_picker(void **unused)
{
        press_many(UI_PICK);
}

/* ---- every view at every size ---- */

static const char *const views[] = { "1", "2", "3", "4", "6", "7", "8", "1 ?", "1 !", "1 i", "1 o", "1 F2", "1 /", "1 :", "2 Enter",
                                     "1 / b e f o r e Enter Enter" };

/* What stands in the first line of a view when there is room. */
static bool has_title(const struct canvas *canvas)
{
        char *text = canvas_text(canvas, false);
        char *line = strndup(text, strcspn(text, "\n"));
        bool has = strstr(line, "4711") || strstr(line, "heaptop") || strstr(line, "--"); /* or that of a box which needs all lines */

        free(line);
        free(text);
        return has;
}

/* HEAPTOP_SIZES=all: really all of them. */
static void every_view_fits_every_size(void **unused)
{
        bool all = getenv("HEAPTOP_SIZES") != NULL;

        for (size_t view = 0; view < array_len(views); view++) {
                struct world world = open_world(UI_LIVE, views[view]);

                for (int width = 1; width <= 250; width += all || width < 12 ? 1 : 13)
                        for (int height = 1; height <= 80; height += all || height < 20 ? 1 : 11) {
                                struct canvas *canvas = canvas_new(width, height, true);

                                ui_draw(world.ui, canvas);
                                check_canvas(canvas);
                                if (width >= 60 && height >= 14 && !has_title(canvas))
                                        fail_msg("\"%s\" at %dx%d has no title", views[view], width, height);
                                canvas_free(canvas);
                        }
                close_world(&world);
        }
}

/* Without colours the text is the same, and a look that means something is not that of plain text, or a word beside it says the
 * same: then its help says which. */
static void looks_differ_without_colors(void **unused)
{
        static const enum style meaning[] = { STYLE_SELECTED, STYLE_TAB, STYLE_WARN, STYLE_BAD, STYLE_TITLE };

        for (size_t i = 0; i < array_len(meaning); i++)
                if (style_look(meaning[i])->mono == style_look(STYLE_PLAIN)->mono)
                        fail_msg("%s looks like plain text without colours", style_look(meaning[i])->name);
        assert_true(style_look(STYLE_BAD)->mono != style_look(STYLE_WARN)->mono);
        for (unsigned style = 0; style < STYLES; style++) {
                assert_non_null(style_look((enum style)style)->help);
                for (unsigned other = 0; other < style; other++)
                        assert_true(style_letter(style) != style_letter(other));
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_view_fits_every_size),
                cmocka_unit_test(looks_differ_without_colors),
                cmocka_unit_test(no_keys_harm_a_recording_that_goes_on),
                cmocka_unit_test(no_keys_harm_a_replay),
                cmocka_unit_test(no_keys_harm_the_picker),
        };

        setlocale(LC_ALL, "C.UTF-8");
        setenv("TZ", "UTC", 1);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
