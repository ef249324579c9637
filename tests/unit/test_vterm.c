/* The screen on a real terminal: the bytes that are written, and what they leave there. */
#include "unit.h"

#include "session.h"
#include "terminal.h"

#include "base/alloc.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUDGET = 2100, /* bytes of a frame at 200x50 in which the cursor moves by a row */ QUIET_MS = 300 };

static void write_sample(const char *name, char **ret_path)
{
        struct sample s;

        sample_init(&s, 1, 180, 30, 8);
        *ret_path = xstrdup(session_path(name));
        session_write(*ret_path, &s);
        sample_done(&s);
}

/* A replay of the sample, read and shown. */
static void open_replay(struct terminal *t, int width, int height, const char *const *environment)
{
        static char *path;
        const char *arguments[] = { "replay", NULL, NULL };

        if (!path)
                write_sample("sample.heaptop", &path);
        arguments[1] = path;
        terminal_start(t, width, height, arguments, environment);
        assert_true(terminal_ready(t));
}

static void leave(struct terminal *t)
{
        terminal_type(t, "Q", 1);
        assert_int_equal(terminal_end(t), 0);
        assert_true(terminal_is_restored(t));
        terminal_done(t);
}

static void the_terminal_is_given_back_as_it_was(void **state)
{
        struct terminal t;

        open_replay(&t, 80, 24, NULL);
        assert_true(t.alternate);
        assert_true(terminal_got(&t, 0, "reading", strlen("reading"))); /* the frame before there is anything to show */
        assert_true(terminal_sees(&t, "heaptop"));
        leave(&t);
}

static void keys_reach_their_views(void **state)
{
        struct terminal t;

        open_replay(&t, 80, 24, NULL);
        assert_true(terminal_press(&t, "2", 1));
        assert_true(terminal_sees(&t, "[2 Sites]"));
        assert_true(terminal_press(&t, "?", 1));
        assert_true(terminal_sees(&t, "Help"));
        assert_true(terminal_press(&t, "q", 1));
        assert_true(terminal_press(&t, "\033OB\033OB", 2)); /* arrows as xterm sends them */
        assert_true(terminal_press(&t, "\033[6~", 1));
        leave(&t);
}

static void a_filter_can_be_typed_and_cleared(void **state)
{
        struct terminal t;

        open_replay(&t, 80, 24, NULL);
        assert_true(terminal_press(&t, "2/zzz", 5));
        assert_true(terminal_sees(&t, "zzz"));
        assert_true(terminal_press(&t, "\r", 1));
        assert_true(terminal_sees(&t, "0 match"));
        assert_true(terminal_press(&t, "\033", 1)); /* alone: told from a sequence after a moment */
        assert_true(terminal_sees(&t, "by rate"));
        leave(&t);
}

static void a_click_on_a_tab_changes_the_view(void **state)
{
        struct terminal t;

        open_replay(&t, 80, 24, NULL);
        assert_true(terminal_press(&t, "1", 1));
        assert_true(terminal_sees(&t, "[1 Overview]"));
        assert_true(terminal_has_mouse(&t));
        terminal_type(&t, "\033[<0;17;2M\033[<0;17;2m", 20);
        assert_true(terminal_sees(&t, "[2 Sites]"));
        leave(&t);
}

static void any_size_is_drawn(void **state)
{
        static const int sizes[][2] = { { 120, 40 }, { 40, 10 }, { 10, 3 }, { 1, 1 }, { 3, 60 }, { 250, 80 }, { 80, 24 } };
        struct terminal t;

        open_replay(&t, 80, 24, NULL);
        for (size_t i = 0; i < array_len(sizes); i++)
                if (!terminal_resize(&t, sizes[i][0], sizes[i][1]))
                        fail_msg("no frame of %dx%d", sizes[i][0], sizes[i][1]);
        assert_true(terminal_press(&t, "2", 1));
        assert_true(terminal_sees(&t, "[2 Sites]"));
        leave(&t);
}

static const char all_views[] = "1234567?qiq!q2jj\r3tq1";

static void only_ascii_is_written_where_the_locale_is_c(void **state)
{
        static const char *const environment[] = { "LC_ALL=C", NULL };
        struct terminal t;

        open_replay(&t, 140, 40, environment);
        assert_true(terminal_press(&t, all_views, (unsigned)strlen(all_views)));
        for (size_t i = 0; i < t.output.len; i++)
                assert_true((unsigned char)t.output.data[i] < 0x80);
        leave(&t);
}

/* The parameters of "set graphic rendition" that choose a colour. */
static size_t count_colors(const struct buf *output)
{
        size_t n = 0;

        for (size_t i = 0; i + 2 < output->len; i++) {
                size_t end = i + 2;

                if (output->data[i] != '\033' || output->data[i + 1] != '[')
                        continue;
                while (end < output->len && strchr("0123456789;:", output->data[end]))
                        end++;
                if (end >= output->len || output->data[end] != 'm')
                        continue;
                for (const char *at = output->data + i + 2; at < output->data + end; at++) {
                        long number = strtol(at, (char **)(uintptr_t)&at, 10);

                        n += (number >= 30 && number <= 38) || (number >= 40 && number <= 48) || (number >= 90 && number <= 107);
                }
        }
        return n;
}

static void no_color_means_no_colors(void **state)
{
        static const char *const environment[] = { "NO_COLOR=1", NULL };
        struct terminal t;

        open_replay(&t, 140, 40, environment);
        assert_true(terminal_press(&t, all_views, (unsigned)strlen(all_views)));
        assert_int_equal(count_colors(&t.output), 0);
        leave(&t);

        open_replay(&t, 140, 40, NULL);
        assert_true(terminal_press(&t, all_views, (unsigned)strlen(all_views)));
        assert_true(count_colors(&t.output) > 0);
        leave(&t);
}

static void a_step_costs_few_bytes(void **state)
{
        struct terminal t;

        open_replay(&t, 200, 50, NULL);
        assert_true(terminal_press(&t, "2j", 2));
        for (int i = 0; i < 10; i++) {
                size_t before = t.output.len;

                assert_true(terminal_press(&t, i % 2 ? "j" : "k", 1));
                assert_true(t.output.len - before <= BUDGET);
        }
        leave(&t);
}

static void a_paused_replay_writes_nothing(void **state)
{
        struct terminal t;
        size_t before;

        open_replay(&t, 200, 50, NULL);
        while (!terminal_is_quiet(&t, QUIET_MS))
                ;
        before = t.output.len;
        assert_true(terminal_is_quiet(&t, QUIET_MS));
        assert_int_equal(t.output.len, before);
        leave(&t);
}

/* Names that would steer a terminal: a title, a clipboard, a reversed line, C1 controls. */
#define EVIL "\033]0;owned\007\033]52;c;b3duZWQ=\007\xe2\x80\xae" "evil\xc2\x9b" "31m\r\n\x9d"

static void write_hostile(const char *path)
{
        struct sample s;

        sample_init(&s, 1, 60, 30, 8);
        s.session.comm = s.session.cmdline = s.session.exe = s.session.user = s.session.host = EVIL;
        s.session.limit_source = s.session.allocator = EVIL;
        for (size_t i = 0; i < s.n_frames; i++) {
                s.frames[i].func = i % 3 ? EVIL : NULL;
                s.frames[i].file = "/src/" EVIL ".c";
        }
        for (size_t i = 0; i < s.n_modules; i++)
                s.modules[i].path = "/usr/lib/" EVIL ".so";
        for (size_t i = 0; i < s.n_marks; i++)
                s.marks[i].name = EVIL;
        for (size_t i = 0; i < s.n_events; i++)
                s.events[i].text = EVIL;
        for (size_t i = 0; i < s.n_gaps; i++)
                s.gaps[i].why = EVIL;
        session_write(path, &s);
        sample_done(&s);
}

static void names_cannot_steer_the_terminal(void **state)
{
        static const char keys[] = "1234567?qiq!q2jj\r3tq14m7]]c q:mark A\r8q";
        const char *path = session_path("evil.heaptop"), *arguments[] = { "replay", path, NULL };
        static const char *const forbidden[] = { "\033]0;", "\033]2;", "\033]52", "\xe2\x80\xae", "\xc2\x9b", "owned\007" };
        struct terminal t;

        write_hostile(path);
        for (int wide = 0; wide < 2; wide++) {
                terminal_start(&t, wide ? 200 : 80, wide ? 50 : 24, arguments, NULL);
                assert_true(terminal_ready(&t));
                for (size_t i = 0; keys[i]; i++)
                        assert_true(terminal_press(&t, (const char[]){ keys[i], '\0' }, 1));
                for (size_t i = 0; i < array_len(forbidden); i++)
                        if (terminal_got(&t, 0, forbidden[i], strlen(forbidden[i])))
                                fail_msg("what forbidden[%zu] is was written", i);
                assert_false(t.titled);
                terminal_type(&t, "Q", 1);
                assert_int_equal(terminal_end(&t), 0);
                assert_true(terminal_is_restored(&t));
                terminal_done(&t);
        }
}

static void only_y_writes_to_the_clipboard(void **state)
{
        struct terminal t;
        size_t before;

        open_replay(&t, 80, 24, NULL);
        assert_true(terminal_press(&t, all_views, (unsigned)strlen(all_views)));
        assert_false(terminal_got(&t, 0, "\033]52", 4));
        before = t.output.len;
        assert_true(terminal_press(&t, "2y", 2));
        assert_true(terminal_got(&t, before, "\033]52;", 5));
        leave(&t);
}

static void ends_restored(int signal, int status)
{
        struct terminal t;

        open_replay(&t, 80, 24, NULL);
        assert_int_equal(kill(t.pid, signal), 0);
        assert_int_equal(terminal_end(&t), status);
        assert_true(terminal_is_restored(&t));
        terminal_done(&t);
}

static void signals_restore_the_terminal(void **state)
{
        ends_restored(SIGTERM, 128 + SIGTERM);
        ends_restored(SIGHUP, 128 + SIGHUP);
}

static void a_file_that_is_no_session_leaves_the_terminal_alone(void **state)
{
        const char *arguments[] = { "replay", "/dev/null", NULL };
        struct terminal t;

        terminal_start(&t, 80, 24, arguments, NULL);
        assert_true(terminal_end(&t) != 0);
        assert_true(terminal_is_restored(&t));
        assert_false(terminal_got(&t, 0, "\033[?1049h", 8));
        terminal_done(&t);
}

/* ---- any keys ---- */

/* Bytes, sequences of keys and of the mouse, some of them broken. What would end the program is left out. */
static size_t any_keys(uint64_t *random, char *ret)
{
        static const char *const sequences[] = { "\033OA", "\033OB", "\033OC", "\033OD", "\033[5~", "\033[6~", "\033OH", "\033OF", "\033",
                                                 "\033[<0;5;9M", "\033[<64;5;9M", "\033[<65;9;5M", "\033[<0;9999;9999M", "\033OQ",
                                                 "\033[", "\033O", "\033[1;5C", "\xc3\xa4", "\xf0\x9f\x98\x80", "\r", "\t", "\177" };
        static const char endings[] = { 'q', 'Q', 'e', 3, 26, 19, 17, 'E', 'P', 'y', 'W', 'D', 'p' };
        char byte;

        if (sample_random(random, 4) == 0) {
                const char *sequence = sequences[sample_random(random, array_len(sequences))];

                memcpy(ret, sequence, strlen(sequence));
                return strlen(sequence);
        }
        do
                byte = (char)sample_random(random, 256);
        while (memchr(endings, byte, sizeof endings));
        ret[0] = byte;
        return 1;
}

/* HEAPTOP_KEYS=100000: more of them. HEAPTOP_SEED: other ones. */
static void no_keys_harm_the_screen(void **state)
{
        unsigned long n = getenv("HEAPTOP_KEYS") ? strtoul(getenv("HEAPTOP_KEYS"), NULL, 10) : 3000;
        uint64_t random = getenv("HEAPTOP_SEED") ? strtoull(getenv("HEAPTOP_SEED"), NULL, 10) : 1;
        struct terminal t;

        fprintf(stderr, "# %lu keys, HEAPTOP_SEED=%llu\n", n, (unsigned long long)random);
        open_replay(&t, 80, 24, NULL);
        for (unsigned long pressed = 0; pressed < n; pressed += 50) {
                char bytes[50 * 32];
                size_t len = 0;

                for (int i = 0; i < 50; i++)
                        len += any_keys(&random, bytes + len);
                terminal_type(&t, bytes, len);
                if (sample_random(&random, 4) == 0)
                        assert_true(terminal_resize(&t, 1 + (int)sample_random(&random, 300), 1 + (int)sample_random(&random, 100)));
                assert_false(t.ended);
        }
        assert_true(terminal_resize(&t, 80, 24));
        terminal_type(&t, "\003\003", 2); /* ctrl-C ends it, wherever one is; the first may be the end of half a sequence */
        assert_int_equal(terminal_end(&t), 0);
        assert_true(terminal_is_restored(&t));
        terminal_done(&t);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_terminal_is_given_back_as_it_was),
                cmocka_unit_test(keys_reach_their_views),
                cmocka_unit_test(a_filter_can_be_typed_and_cleared),
                cmocka_unit_test(a_click_on_a_tab_changes_the_view),
                cmocka_unit_test(any_size_is_drawn),
                cmocka_unit_test(only_ascii_is_written_where_the_locale_is_c),
                cmocka_unit_test(no_color_means_no_colors),
                cmocka_unit_test(a_step_costs_few_bytes),
                cmocka_unit_test(a_paused_replay_writes_nothing),
                cmocka_unit_test(names_cannot_steer_the_terminal),
                cmocka_unit_test(only_y_writes_to_the_clipboard),
                cmocka_unit_test(signals_restore_the_terminal),
                cmocka_unit_test(a_file_that_is_no_session_leaves_the_terminal_alone),
                cmocka_unit_test(no_keys_harm_the_screen),
        };

        return cmocka_run_group_tests(tests, session_make_folder, session_remove_folder);
}
