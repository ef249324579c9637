/* Golden screens: what is drawn for a fixed session is compared with tests/screens/NAME-WxH.txt: the text,
 * then a letter per cell for its style. UPDATE_SCREENS=1 writes them anew. */
#include "unit.h"

#include "screen_world.h"

#include "base/alloc.h"
#include "base/io.h"
#include "base/md5.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
        int width, height;
} sizes[] = { { 80, 24 }, { 140, 40 }, { 40, 10 }, { 10, 3 } };

/* ---- comparing ---- */

static void print_difference(const char *name, const char *expected, const char *got)
{
        int line = 1;

        fprintf(stderr, "--- %s\n", name);
        while (*expected || *got) {
                size_t e = strcspn(expected, "\n"), g = strcspn(got, "\n");

                if (e != g || memcmp(expected, got, e) != 0)
                        fprintf(stderr, "%3d - %.*s\n%3d + %.*s\n", line, (int)e, expected, line, (int)g,
                                got);
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
        char *path = xasprintf("%s/tests/screens/%s-%dx%d%s.txt",
                               getenv("HEAPTOP_SRC") ? getenv("HEAPTOP_SRC") : "..", name, width, height,
                               ascii ? "-ascii" : "");
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

/* ---- the screens ---- */

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

static void what_is_left_from_before_is_drawn_by_size(void **state)
{
        compare_all_sizes("before", UI_LIVE, "/ b e f o r e Enter");
}

static void enter_on_before_attach_is_drawn_by_size(void **state)
{
        compare_all_sizes("sizes", UI_LIVE, "/ b e f o r e Enter Enter");
}

/* The target and three children, one of which has ended. */
static void add_family(struct fake *fake)
{
        for (uint32_t id = 1; id <= 4; id++)
                fake_add_member(fake, &(struct rec_member){
                        .id = id, .pid = 4710 + (int32_t)id, .parent = id > 1, .came = id > 1 ? REC_CAME_FORKED : REC_CAME_ATTACHED,
                        .comm = "shopd", .exe = "", .allocator = "", .started_ns = FAKE_START_NS,
                        .ended_ns = id == 2 ? FAKE_START_NS + 1 : 0 });
}

static void the_title_counts_children(void **state)
{
        bool same = true;

        for (size_t i = 0; i < array_len(sizes); i++) {
                struct world world = open_world(UI_LIVE, "");

                add_family(world.fake);
                assert_int_equal(ui_set_last_tick(world.ui, heap_tick(world.heap), NOW), 0);
                assert_int_equal(heap_seek(world.heap, heap_tick(world.heap)), 0);
                same = matches(world.ui, "children", sizes[i].width, sizes[i].height, false) && same;
                close_world(&world);
        }
        assert_true(same);
}

static void sites_are_drawn_as_they_were(void **state)
{
        compare_all_sizes("sites", UI_LIVE, "2 j j");
}

static void stack_is_drawn_as_it_was(void **state)
{
        compare_all_sizes("stack", UI_LIVE, "/ S e s s i o n Enter Enter");
}

/* Sets up what a screen is about, before its keys are pressed. */
static void compare_prepared(const char *name, void (*prepare)(struct world *world), const char *keys)
{
        bool same = true;

        for (size_t i = 0; i < array_len(sizes); i++)
                for (int ascii = 0; ascii < 2; ascii++) {
                        struct world world = open_world(UI_LIVE, "");

                        prepare(&world);
                        press(world.ui, keys);
                        same = matches(world.ui, name, sizes[i].width, sizes[i].height, ascii) && same;
                        close_world(&world);
                }
        assert_true(same);
}

static void inlined_calls_fold_into_their_callers(void **state)
{
        compare_all_sizes("folded", UI_LIVE, "/ S e s s i o n Enter Enter x");
}

static void runtime_frames_unfold(void **state)
{
        compare_all_sizes("unfolded", UI_LIVE, "/ S e s s i o n Enter Enter u");
}

enum { SHOP = 1 }; /* the module of the demo */

static void make_program_old(struct world *world)
{
        fake_add_module_file(world->fake, &(struct rec_module_file){ .module = SHOP, .size = 1, .mtime_ns = 1 });
}

static void a_source_newer_than_the_program_is_suspected(void **state)
{
        compare_prepared("newer", make_program_old, "/ S e s s i o n Enter Enter");
}

static void tell_another_sum(struct world *world)
{
        make_program_old(world);
        fake_add_source_file(world->fake, &(struct rec_source_file){ .module = SHOP, .path = world->source,
                                                                     .md5 = "00000000000000000000000000000000" });
}

static void a_source_with_another_sum_is_shown_as_such(void **state)
{
        compare_prepared("differs", tell_another_sum, "/ S e s s i o n Enter Enter");
}

static void tell_the_sum(struct world *world)
{
        static char md5[MD5_TEXT];
        char *text;
        size_t len;

        assert_int_equal(io_read_file(world->source, 1 << 20, &text, &len), 0);
        md5_text(text, len, md5);
        free(text);
        make_program_old(world); /* its time says nothing when the sum is right */
        fake_add_source_file(world->fake, &(struct rec_source_file){ .module = SHOP, .path = world->source, .md5 = md5 });
}

static void a_source_with_the_right_sum_is_shown_without_more_words(void **state)
{
        compare_prepared("fits", tell_the_sum, "/ S e s s i o n Enter Enter");
}

/* As the recorder leaves it when the kernel's OOM killer has been at work. */
static void end_by_oom(struct world *world)
{
        struct rec_session *session = fake_session(world->fake);
        const struct rec_process *last = heap_process(world->heap);

        fake_end(world->fake, "target was killed by SIGKILL (its cgroup ran out of memory and a process was killed)");
        session->ending = (struct rec_ending){
                .time_ns = last->time_ns + 300000000, .how = REC_HOW_KILLED, .code = 9, .oom_before = 0, .oom_after = 1,
                .oom_source = "/sys/fs/cgroup/web.slice/memory.events", .sample_ns = last->time_ns,
                .heap_bytes = 1956 << 20, .rss_bytes = 2048ull << 20 };
        assert_int_equal(heap_seek(world->heap, heap_tick(world->heap)), 0);
        ui_set_file_bytes(world->ui, 38 << 20);
        ui_set_ended(world->ui, session->end_reason);
}

static void the_page_of_the_end_names_the_oom_killer(void **state)
{
        compare_prepared("ended-oom", end_by_oom, "");
}

static void end_by_exit(struct world *world)
{
        end_by_oom(world);
        fake_session(world->fake)->ending.how = REC_HOW_EXITED;
        fake_session(world->fake)->ending.code = 3;
        assert_int_equal(heap_seek(world->heap, heap_tick(world->heap)), 0);
        ui_set_awaited(world->ui, true);
}

static void the_page_of_the_end_waits_for_the_next_one(void **state)
{
        compare_prepared("ended-awaited", end_by_exit, "");
}

static void end_by_exec(struct world *world)
{
        end_by_oom(world);
        fake_session(world->fake)->ending.how = REC_HOW_EXEC;
        assert_int_equal(heap_seek(world->heap, heap_tick(world->heap)), 0);
}

static void the_page_of_the_end_tells_an_exec(void **state)
{
        compare_prepared("ended-exec", end_by_exec, "");
}

static const struct refusal refused = {
        .pid = 4711, .command = "shopd --prod", .user = "web",
        .said = "it belongs to web; try: sudo heaptop -p 4711",
        .found = { "you are: me (uid 1000); the process is web's (uid 33)", "/proc/sys/kernel/yama/ptrace_scope = 1" },
        .n_found = 2, .error_id = 102, .exit_status = 77, .n_fixes = 4,
        .fixes = { { REFUSAL_SUDO, "sudo heaptop -p 4711", "once, nothing to undo" },
                   { REFUSAL_SETCAP, "sudo setcap cap_sys_ptrace+ep /usr/bin/heaptop", "gives it to EVERY user" },
                   { REFUSAL_COPY, "heaptop run -- shopd --prod", "start it from here instead" },
                   { REFUSAL_RSS_ONLY, "heaptop -p 4711 --rss-only", "from /proc: any user may" } },
};

static void an_attach_that_failed_has_a_page_with_ways_out(void **state)
{
        bool same = true;

        for (size_t i = 0; i < array_len(sizes); i++)
                for (int ascii = 0; ascii < 2; ascii++) {
                        struct world world = open_world(UI_PICK, "");

                        ui_set_error(world.ui, &refused);
                        press(world.ui, "j");
                        same = matches(world.ui, "error", sizes[i].width, sizes[i].height, ascii) && same;
                        close_world(&world);
                }
        assert_true(same);
}

static void add_long_names(struct world *world)
{
        static const char *const names[] = {
                "std::operator<< <std::char_traits<char> >",
                "shop::Cache<std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >, int>::operator->",
                "shop::run(std::vector<int, std::allocator<int> >&)::{lambda(int)#1}::operator()(int) const",
                "(anonymous namespace)::Grower<std::map<int, int> >::grow[abi:cxx11]",
                "<alloc::vec::Vec<T> as core::iter::traits::collect::Extend<T>>::extend",
                "shop.cache.Cache!(int, immutable(char)[]).Cache.put(int)",
                "\xe6\xbc\xa2\xe5\xad\x97::\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97::\xe6\xbc\xa2\xe5\xad\x97",
        };

        for (size_t i = 0; i < array_len(names); i++)
                fake_set_live(world->fake, fake_add_site(world->fake, names[i], "/src/names.cc", 100 + (uint32_t)i),
                              (int64_t)(20 - i) << 20, 40);
        assert_int_equal(ui_set_last_tick(world->ui, fake_tick(world->fake), NOW), 0);
}

static void long_names_keep_what_says_most(void **state)
{
        compare_prepared("names", add_long_names, "2 / n a m e s . c c Enter");
}

static void the_info_tells_the_whole_name(void **state)
{
        compare_prepared("name", add_long_names, "2 / C a c h e < s t d Enter i");
}

static void the_info_tells_all_that_is_known_of_a_frame(void **state)
{
        compare_all_sizes("frame", UI_LIVE, "3 k k i");
}

static void flame_is_drawn_with_the_selected_site(void **state)
{
        compare_all_sizes("flame", UI_LIVE, "/ S e s s i o n Enter f");
}

static void flame_by_growth_is_inverted_and_zoomed(void **state)
{
        compare_all_sizes("flame-growth", UI_LIVE, "f b t j Enter / r e a d Enter");
}

/* What was born between the marks A and B of the demo: as much in each sixth, less and less, all at the end. */
static void add_kept(struct world *world)
{
        enum { LISTENERS = 2, CACHE = 3, CHUNK = 4, A_S = 121 * 5, B_S = 301 * 5 };
        struct fake *fake = world->fake;

        for (uint64_t i = 0; i < 60; i++) {
                uint64_t share = i * (B_S - A_S) / 60, early = i * i * (B_S - A_S) / 3600;

                fake_add_block(fake, fake_stack_of(fake, LISTENERS), 128, 150, FAKE_START_NS + (A_S + share + 3) * NS_PER_S, 0);
                fake_add_block(fake, fake_stack_of(fake, CACHE), 4096, 170, FAKE_START_NS + (A_S + early + 3) * NS_PER_S, 0);
                if (i < 20)
                        fake_add_block(fake, fake_stack_of(fake, CHUNK), 65536, 8, FAKE_START_NS + (B_S - 9) * NS_PER_S,
                                       FAKE_START_NS + (B_S + 9) * NS_PER_S);
        }
}

static void what_is_kept_between_marks_is_drawn_as_it_was(void **state)
{
        compare_prepared("marks", add_kept, "c");
}

static void what_is_new_is_drawn_as_it_was(void **state)
{
        compare_prepared("marks-all", add_kept, "c > > Tab Tab Tab Tab j");
}

static void a_range_is_picked_on_the_chart(void **state)
{
        compare_prepared("picking", add_kept, "v h h h h h h h h h h Enter H H");
}

static void what_was_born_in_the_range_is_drawn_as_it_was(void **state)
{
        compare_prepared("range", add_kept, "v h h h h h h h h h h Enter H H Enter");
}

static void generations_are_drawn_as_they_were(void **state)
{
        compare_prepared("generations", add_kept, "c > > >");
}

static void the_menu_has_every_command_of_a_group_with_its_key(void **state)
{
        compare_all_sizes("menu", UI_LIVE, "F2 l");
}

static void what_the_view_has_not_is_grey_in_the_menu(void **state)
{
        compare_all_sizes("menu-picker", UI_PICK, "F2 j j");
}

static void the_sort_menu_stands_on_what_is_sorted_by(void **state)
{
        compare_all_sizes("sorts", UI_LIVE, "2 s j");
}

static void the_options_show_settings_and_columns(void **state)
{
        compare_all_sizes("options", UI_LIVE, "2 o j Enter G Enter k k k k k k k k k");
}

static void chosen_columns_stand_in_their_order(void **state)
{
        bool same = true;

        for (size_t i = 0; i < array_len(sizes); i++) {
                struct world world = open_world(UI_LIVE, "");
                struct settings settings;

                settings_init(&settings);
                assert_int_equal(setting_parse(setting_find("screen", "columns"), "site freed born avg threads first lib live", &settings, NULL), 0);
                assert_int_equal(setting_parse(setting_find("screen", "sort"), "born", &settings, NULL), 0);
                ui_set_settings(world.ui, &settings);
                press(world.ui, "2 I I");
                same = matches(world.ui, "columns", sizes[i].width, sizes[i].height, false) && same;
                close_world(&world);
        }
        assert_true(same);
}

static void small_sites_are_hidden_and_counted(void **state)
{
        compare_all_sizes("limit", UI_LIVE, "2 L L L L L");
}

static void the_tree_of_processes_is_drawn_as_it_was(void **state)
{
        compare_all_sizes("picker-tree", UI_PICK, "t > j");
}

static void picker_is_drawn_as_it_was(void **state)
{
        compare_all_sizes("picker", UI_PICK, "j j j");
}

static void replay_is_drawn_as_it_was(void **state)
{
        compare_all_sizes("replay", UI_REPLAY, "[");
}

static void alerts_are_drawn_as_they_were(void **state)
{
        compare_all_sizes("alerts", UI_LIVE, "8 j");
}

/* At an earlier moment they say what they said then. */
static void alerts_of_a_replay_are_those_of_the_moment(void **state)
{
        compare_all_sizes("alerts-then", UI_REPLAY, "[ [ 8");
}

/* For screen readers: the same with labels. */
static void compare_plain(const char *name, enum ui_mode mode, const char *keys)
{
        bool same = true;

        for (size_t i = 0; i < array_len(sizes); i++)
                for (int ascii = 0; ascii < 2; ascii++) {
                        struct world world = open_world(mode, "");

                        ui_set_plain(world.ui, true);
                        press(world.ui, keys);
                        same = matches(world.ui, name, sizes[i].width, sizes[i].height, ascii) && same;
                        close_world(&world);
                }
        assert_true(same);
}

static void plain_lines_say_what_the_overview_shows(void **state)
{
        compare_plain("plain-overview", UI_LIVE, "j j");
}

static void plain_lines_say_what_the_stack_shows(void **state)
{
        compare_plain("plain-stack", UI_LIVE, "/ S e s s i o n Enter Enter");
}

static void plain_lines_say_what_is_left_from_before(void **state)
{
        compare_plain("plain-sizes", UI_LIVE, "/ b e f o r e Enter Enter");
}

static void plain_lines_say_what_the_replay_shows(void **state)
{
        compare_plain("plain-replay", UI_REPLAY, "[ [ 7");
}

static void plain_lines_say_what_the_alerts_show(void **state)
{
        compare_plain("plain-alerts", UI_LIVE, "8 j");
}

static void plain_lines_say_what_the_picker_shows(void **state)
{
        compare_plain("plain-picker", UI_PICK, "j");
}

static void plain_lines_say_what_the_flame_graph_shows(void **state)
{
        compare_plain("plain-flame", UI_LIVE, "6 j j");
}

static void plain_lines_say_what_was_kept(void **state)
{
        compare_plain("plain-marks", UI_LIVE, "4 j");
}

static void plain_windows_have_no_frame(void **state)
{
        compare_plain("plain-info", UI_LIVE, "i");
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
                cmocka_unit_test(the_title_counts_children),
                cmocka_unit_test(what_is_left_from_before_is_drawn_by_size),
                cmocka_unit_test(enter_on_before_attach_is_drawn_by_size),
                cmocka_unit_test(sites_are_drawn_as_they_were),
                cmocka_unit_test(stack_is_drawn_as_it_was),
                cmocka_unit_test(inlined_calls_fold_into_their_callers),
                cmocka_unit_test(runtime_frames_unfold),
                cmocka_unit_test(a_source_newer_than_the_program_is_suspected),
                cmocka_unit_test(a_source_with_another_sum_is_shown_as_such),
                cmocka_unit_test(a_source_with_the_right_sum_is_shown_without_more_words),
                cmocka_unit_test(long_names_keep_what_says_most),
                cmocka_unit_test(the_info_tells_the_whole_name),
                cmocka_unit_test(the_info_tells_all_that_is_known_of_a_frame),
                cmocka_unit_test(flame_is_drawn_with_the_selected_site),
                cmocka_unit_test(flame_by_growth_is_inverted_and_zoomed),
                cmocka_unit_test(what_is_kept_between_marks_is_drawn_as_it_was),
                cmocka_unit_test(what_is_new_is_drawn_as_it_was),
                cmocka_unit_test(a_range_is_picked_on_the_chart),
                cmocka_unit_test(what_was_born_in_the_range_is_drawn_as_it_was),
                cmocka_unit_test(generations_are_drawn_as_they_were),
                cmocka_unit_test(the_menu_has_every_command_of_a_group_with_its_key),
                cmocka_unit_test(what_the_view_has_not_is_grey_in_the_menu),
                cmocka_unit_test(the_sort_menu_stands_on_what_is_sorted_by),
                cmocka_unit_test(the_options_show_settings_and_columns),
                cmocka_unit_test(chosen_columns_stand_in_their_order),
                cmocka_unit_test(small_sites_are_hidden_and_counted),
                cmocka_unit_test(the_tree_of_processes_is_drawn_as_it_was),
                cmocka_unit_test(picker_is_drawn_as_it_was),
                cmocka_unit_test(replay_is_drawn_as_it_was),
                cmocka_unit_test(alerts_are_drawn_as_they_were),
                cmocka_unit_test(alerts_of_a_replay_are_those_of_the_moment),
                cmocka_unit_test(plain_lines_say_what_the_overview_shows),
                cmocka_unit_test(plain_lines_say_what_the_stack_shows),
                cmocka_unit_test(plain_lines_say_what_is_left_from_before),
                cmocka_unit_test(plain_lines_say_what_the_replay_shows),
                cmocka_unit_test(plain_lines_say_what_the_alerts_show),
                cmocka_unit_test(plain_lines_say_what_the_picker_shows),
                cmocka_unit_test(plain_lines_say_what_the_flame_graph_shows),
                cmocka_unit_test(plain_lines_say_what_was_kept),
                cmocka_unit_test(plain_windows_have_no_frame),
                cmocka_unit_test(help_is_drawn_as_it_was),
                cmocka_unit_test(the_page_of_the_end_names_the_oom_killer),
                cmocka_unit_test(the_page_of_the_end_waits_for_the_next_one),
                cmocka_unit_test(the_page_of_the_end_tells_an_exec),
                cmocka_unit_test(an_attach_that_failed_has_a_page_with_ways_out),
                cmocka_unit_test(info_is_drawn_as_it_was),
        };

        setlocale(LC_ALL, "C.UTF-8");
        setenv("TZ", "UTC", 1);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
