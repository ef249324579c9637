/* Which source file the stack view shows, and what it says of it. */
#include "unit.h"

#include "screen_world.h"

#include "base/alloc.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SHOP = 1 }; /* the module of the demo */

#define TO_STACK "/ S e s s i o n Enter Enter"
#define NEWER    "newer than the program"
#define DIFFERS  "not the file that was compiled"
#define LINE     "by_token_.emplace"

static bool shows(struct world *world, const char *text)
{
        struct canvas *canvas = canvas_new(100, 40, false);
        char *got;
        bool found;

        ui_draw(world->ui, canvas);
        got = canvas_text(canvas, false);
        found = strstr(got, text) != NULL;
        free(got);
        canvas_free(canvas);
        return found;
}

/* The stack of the demo when SAID is known of its source, and that its program is MODULE_NS old. */
static struct world with(struct rec_source_file said, uint64_t module_ns)
{
        struct world world = open_world(UI_LIVE, "");

        said.module = SHOP;
        said.path = world.source;
        fake_add_source_file(world.fake, &said);
        if (module_ns)
                fake_add_module_file(world.fake, &(struct rec_module_file){ .module = SHOP, .mtime_ns = module_ns });
        press(world.ui, TO_STACK);
        return world;
}

static struct stat stat_of_source(void)
{
        char *path = source_path();
        struct stat st;

        assert_int_equal(stat(path, &st), 0);
        free(path);
        return st;
}

static void expect(struct world world, bool newer, bool differs)
{
        assert_true(shows(&world, LINE));
        assert_int_equal(shows(&world, NEWER), newer);
        assert_int_equal(shows(&world, DIFFERS), differs);
        close_world(&world);
}

static void without_any_knowledge_a_file_is_believed(void **state)
{
        expect(with((struct rec_source_file){ .md5 = "" }, 0), false, false);
        expect(with((struct rec_source_file){ .md5 = "" }, UINT64_MAX >> 1), false, false);
        expect(with((struct rec_source_file){ .md5 = "too short" }, 0), false, false);
}

static void a_file_younger_than_the_module_is_suspected(void **state)
{
        expect(with((struct rec_source_file){ .md5 = "" }, 1), true, false);
}

static void the_size_decides_before_the_time(void **state)
{
        uint64_t size = (uint64_t)stat_of_source().st_size;

        expect(with((struct rec_source_file){ .md5 = "", .size = size }, 0), false, false);
        expect(with((struct rec_source_file){ .md5 = "", .size = size + 1 }, 0), false, true);
        expect(with((struct rec_source_file){ .md5 = "", .size = size }, 1), true, false);
}

static void the_time_that_was_compiled_in_decides_before_that_of_the_module(void **state)
{
        uint64_t seconds = (uint64_t)stat_of_source().st_mtim.tv_sec;

        expect(with((struct rec_source_file){ .md5 = "", .mtime_ns = seconds * NS_PER_S }, 1), false, false);
        expect(with((struct rec_source_file){ .md5 = "", .mtime_ns = (seconds - 1) * NS_PER_S }, 0), true, false);
}

/* ---- where it is looked for ---- */

struct elsewhere {
        char folder[64], *file, *map;
        struct pathmap pathmap;
};

static struct elsewhere make_elsewhere(const char *source)
{
        struct elsewhere e = { .folder = "/tmp/heaptop-test-XXXXXX" };
        char *folder = xstrdup(source);

        *strrchr(folder, '/') = '\0';
        assert_non_null(mkdtemp(e.folder));
        e.file = xasprintf("%s/store.cc", e.folder);
        e.map = xasprintf("%s=%s", folder, e.folder);
        assert_int_equal(pathmap_add(&e.pathmap, e.map, NULL), 0);
        free(folder);
        return e;
}

static void end_elsewhere(struct elsewhere *e)
{
        unlink(e->file);
        rmdir(e->folder);
        pathmap_done(&e->pathmap);
        free(e->file);
        free(e->map);
}

static void write_file(const char *path, const char *text)
{
        FILE *f = fopen(path, "w");

        assert_non_null(f);
        fputs(text, f);
        fclose(f);
}

static void the_source_map_comes_first(void **state)
{
        struct world world = open_world(UI_LIVE, "");
        struct elsewhere e = make_elsewhere(world.source);

        write_file(e.file, "\n\n\n\n\n\n\n\nmapped line\n");
        ui_set_source_map(world.ui, &e.pathmap);
        press(world.ui, TO_STACK);
        assert_true(shows(&world, "mapped line"));
        assert_string_equal(ui_edit_file(world.ui), e.file);
        close_world(&world);
        end_elsewhere(&e);
}

static void of_several_the_one_that_fits_is_shown(void **state)
{
        struct world world = open_world(UI_LIVE, "");
        struct elsewhere e = make_elsewhere(world.source);

        write_file(e.file, "\n\n\n\n\n\n\n\nmapped line\n");
        ui_set_source_map(world.ui, &e.pathmap);
        fake_add_source_file(world.fake, &(struct rec_source_file){ .module = SHOP, .path = world.source, .md5 = "",
                                                                     .size = (uint64_t)stat_of_source().st_size });
        press(world.ui, TO_STACK);
        assert_false(shows(&world, "mapped line"));
        assert_true(shows(&world, LINE));
        close_world(&world);
        end_elsewhere(&e);
}

static void what_is_no_text_file_is_passed_over(void **state)
{
        struct world world = open_world(UI_LIVE, "");
        struct elsewhere e = make_elsewhere(world.source);
        int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        struct inotify_event event;

        assert_int_equal(mkfifo(e.file, 0600), 0);
        assert_true(inotify_add_watch(watch, e.file, IN_OPEN) >= 0);
        ui_set_source_map(world.ui, &e.pathmap);
        press(world.ui, TO_STACK);
        assert_true(shows(&world, LINE)); /* the one behind it */
        assert_int_equal(read(watch, &event, sizeof event), -1); /* it was not even opened */
        assert_int_equal(errno, EAGAIN);
        close(watch);
        close_world(&world);
        end_elsewhere(&e);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(without_any_knowledge_a_file_is_believed),
                cmocka_unit_test(a_file_younger_than_the_module_is_suspected),
                cmocka_unit_test(the_size_decides_before_the_time),
                cmocka_unit_test(the_time_that_was_compiled_in_decides_before_that_of_the_module),
                cmocka_unit_test(the_source_map_comes_first),
                cmocka_unit_test(of_several_the_one_that_fits_is_shown),
                cmocka_unit_test(what_is_no_text_file_is_passed_over),
        };

        setlocale(LC_ALL, "C.UTF-8");
        return cmocka_run_group_tests(tests, NULL, NULL);
}
