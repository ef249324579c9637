#include "app/viewer_state.h"

#include "app/actions.h"
#include "app/ask.h"
#include "app/config.h"
#include "app/frames.h"
#include "app/picking.h"
#include "app/say.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/exit.h"
#include "base/log.h"
#include "model/heap.h"
#include "store/store.h"
#include "tui/term.h"

#include <errno.h>
#include <langinfo.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
        LARGE_BYTES = 256 << 10, /* a block of this size goes back to the system when it is freed */
        HELD_FRAME_MS = 250,  /* between frames while a key is held down */
        HELD_REPEATS = 4,     /* as many of the same key in a row are "held" */
        REPEAT_MS = 100,
};

volatile sig_atomic_t viewer_told_to_end;

static void on_end(int number)
{
        viewer_told_to_end = number;
}

static void catch_signals(void)
{
        struct sigaction action = { .sa_handler = on_end };

        sigaction(SIGTERM, &action, NULL);
        sigaction(SIGHUP, &action, NULL);
        sigaction(SIGINT, &action, NULL);
        signal(SIGPIPE, SIG_IGN);
}

/* ---- keys ---- */

static void leave(struct viewer *viewer)
{
        struct err err = { 0 };

        if (!viewer->live) {
                ui_say(viewer->ui, viewer_now(), "nobody records this file");
                return;
        }
        if (viewer->viewing->mortal && heap_session(viewer->heap)->pid == viewer->viewing->mortal) {
                ui_say(viewer->ui, viewer_now(), "the demo's service ends with the demo: nothing would go on");
                return;
        }
        if (actions_keep(viewer->store, &err) < 0) {
                ui_say(viewer->ui, viewer_now(), "%s", err.text);
                return;
        }
        viewer->status = VIEWER_LEFT;
        viewer->quit = true;
}

static void act(struct viewer *viewer, enum ui_action action)
{
        struct term_options again = actions_term_options(viewer->viewing->options);

        switch (action) {
        case UI_NOTHING:
                break;
        case UI_QUIT:
                viewer->quit = true;
                break;
        case UI_SUSPEND:
                if (viewer->term)
                        term_suspend(viewer->term);
                break;
        case UI_REDRAW:
                if (viewer->term)
                        term_redraw(viewer->term);
                break;
        case UI_ATTACH:
                viewer_attach_or_join(viewer);
                break;
        case UI_OPEN:
                viewer_show_session(viewer, ui_path(viewer->ui), NULL);
                break;
        case UI_LEAVE:
                leave(viewer);
                break;
        case UI_MARK:
                actions_mark(viewer->ui, viewer->store, viewer->live, heap_process(viewer->heap), viewer_now());
                break;
        case UI_RENAME_MARK:
        case UI_DELETE_MARK:
                actions_edit_mark(viewer->ui, viewer->store, viewer->live, action == UI_RENAME_MARK, viewer_now());
                break;
        case UI_PICKER:
                if (viewer->viewing->guardian < 0)
                        ui_say(viewer->ui, viewer_now(), "no picker here");
                else
                        viewer_ask(viewer, ASK_STOP, 0);
                break;
        case UI_SAVE_SCREEN:
                actions_save_screen(viewer->ui, viewer->canvas, viewer->viewing->user, viewer_now());
                break;
        case UI_COPY:
                actions_copy(viewer->ui, viewer->term != NULL, viewer->viewing->user, viewer_now());
                break;
        case UI_EDIT:
                actions_edit(viewer->ui, &viewer->term, &again, viewer_now());
                break;
        case UI_SETTINGS:
                actions_use_settings(viewer->viewing->options->config, viewer->viewing->options, viewer->term);
                break;
        case UI_WRITE_CONFIG:
                actions_write_config(viewer->ui, viewer->viewing->options, viewer->viewing->user, viewer_now());
                break;
        case UI_BELL:
                if (viewer->term)
                        term_bell(viewer->term);
                break;
        case UI_EXPORT:
                actions_export(viewer->ui, viewer->store, viewer->heap, viewer->rules, viewer->own_rules, viewer->viewing->user,
                               viewer_now());
                break;
        case UI_TRY_AGAIN:
                viewer_ask(viewer, ASK_ATTACH, viewer->refused_pid);
                break;
        case UI_FIX:
                viewer_fix(viewer);
                break;
        case UI_WAIT:
                viewer_wait_for_next(viewer);
                break;
        }
}

static void press(struct viewer *viewer, const struct key_event *event)
{
        uint64_t at = viewer_now();

        viewer->repeats = event->key == viewer->held_key && at - viewer->key_ns < REPEAT_MS * NS_PER_MS
                                  ? viewer->repeats + 1 : 0;
        viewer->held_key = event->key;
        viewer->key_ns = at;
        viewer->inputs += event->key != KEY_RESIZED;
        viewer->changed = true;
        act(viewer, ui_key(viewer->ui, event, at));
}

static void read_keys(struct viewer *viewer)
{
        struct key_event event;

        while (!viewer->quit && viewer->term && (event = term_key(viewer->term)).key != KEY_NONE)
                press(viewer, &event);
}

/* ---- frames ---- */

static bool is_held(const struct viewer *viewer, uint64_t at)
{
        return viewer->repeats >= HELD_REPEATS && at - viewer->key_ns < REPEAT_MS * NS_PER_MS;
}

static void fit_canvas(struct viewer *viewer)
{
        int width, height;

        term_size(viewer->term, &width, &height);
        if (viewer->canvas && viewer->canvas->width == width && viewer->canvas->height == height &&
            viewer->canvas->ascii == term_is_ascii(viewer->term))
                return;
        canvas_free(viewer->canvas);
        viewer->canvas = canvas_new(width, height, term_is_ascii(viewer->term));
}

static void report_frame(struct viewer *viewer)
{
        if (viewer->test_fd >= 0)
                dprintf(viewer->test_fd, "frame %lu input %lu size %dx%d\n", viewer->frames, viewer->inputs,
                        viewer->canvas->width, viewer->canvas->height);
}

static void draw(struct viewer *viewer, uint64_t at)
{
        viewer->changed |= ui_advance(viewer->ui, at, &viewer->next_ns);
        if (ui_take_bell(viewer->ui))
                act(viewer, UI_BELL);
        if (!viewer->changed || (is_held(viewer, at) && at - viewer->drawn_ns < HELD_FRAME_MS * NS_PER_MS))
                return;
        fit_canvas(viewer);
        ui_draw(viewer->ui, viewer->canvas);
        viewer->drawn_ns = at;
        if (!term_show(viewer->term, viewer->canvas))
                return; /* nobody reads at this moment */
        viewer->changed = false;
        viewer->frames++;
        report_frame(viewer);
}

static int wait_ms(const struct viewer *viewer)
{
        uint64_t ms = viewer->next_ns == UINT64_MAX ? 60000 : viewer->next_ns / NS_PER_MS + 1;

        if (viewer->changed)
                ms = HELD_FRAME_MS;
        if ((viewer->live || viewer->awaited || !viewer->store) && ms > VIEWER_LOOK_MS)
                ms = VIEWER_LOOK_MS;
        return ms > 60000 ? 60000 : (int)ms;
}

/* Until there is something to read, the next thing is due, or a signal comes. Signals wait outside, so that none comes between
 * the look at what it said and the sleep. */
static void sleep_until_something(struct viewer *viewer, struct pollfd *fds, size_t n)
{
        static const int numbers[] = { SIGTERM, SIGHUP, SIGINT, SIGWINCH };
        struct timespec time = { 0 };
        sigset_t held, before;
        int ms;

        sigemptyset(&held);
        for (size_t i = 0; i < array_len(numbers); i++)
                sigaddset(&held, numbers[i]);
        sigprocmask(SIG_BLOCK, &held, &before);
        ms = viewer_told_to_end || term_is_resized() ? 0 : wait_ms(viewer);
        time.tv_sec = ms / 1000;
        time.tv_nsec = ms % 1000 * (long)NS_PER_MS;
        ppoll(fds, n, &time, &before);
        sigprocmask(SIG_SETMASK, &before, NULL);
}

static void run_loop(struct viewer *viewer)
{
        struct pollfd fds[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
                                 { .fd = viewer->viewing->guardian, .events = POLLIN } };

        while (!viewer->quit && !viewer_told_to_end && viewer->term) {
                uint64_t at = viewer_now();

                viewer_look_at_file(viewer, at);
                viewer_look_for_next(viewer, at);
                viewer_look_at_processes(viewer, at);
                draw(viewer, at);
                fds[0].revents = fds[1].revents = 0;
                sleep_until_something(viewer, fds, array_len(fds));
                if (fds[0].revents & (POLLERR | POLLHUP | POLLNVAL))
                        break; /* the terminal is gone */
                read_keys(viewer);
                if (viewer->changed && viewer->term && !viewer->quit)
                        draw(viewer, viewer_now()); /* what was pressed comes before new data */
                if (fds[1].revents & POLLIN)
                        viewer_hear_answer(viewer);
                else if (fds[1].revents)
                        break; /* the guardian is gone */
        }
        if (viewer_told_to_end)
                viewer->status = 128 + viewer_told_to_end;
}

static int test_fd(void)
{
        const char *text = getenv("HEAPTOP_TEST_FD");

        return text ? atoi(text) : -1;
}

static void done(struct viewer *viewer)
{
        ui_free(viewer->ui);
        heap_free(viewer->heap);
        store_close(viewer->store);
        picking_free(viewer->picking);
        canvas_free(viewer->canvas);
        rules_free(viewer->rules);
}

/* A mistake in the user's file is told, and the screen works without it. */
static void read_rules(struct viewer *viewer, struct err *err)
{
        if (frames_read(viewer->viewing->user, &viewer->rules, &viewer->own_rules, err) < 0)
                log_warn("%s", err->text);
}

/* On the terminal, which shows what is going on meanwhile. */
static int open_on_screen(struct viewer *viewer, const char *path, struct err *err)
{
        struct term_options options = actions_term_options(viewer->viewing->options);
        int r = viewer_begin_session(viewer, path, err);

        if (r == 0)
                r = term_open(&options, &viewer->term, err);
        if (r < 0)
                return r;
        viewer->changed = true;
        draw(viewer, viewer_now());
        r = viewer_read_session(viewer, path, err);
        if (r < 0)
                term_close(viewer->term);
        return r;
}

/* Nothing but the page: q leaves heaptop. */
static void begin_refused(struct viewer *viewer)
{
        viewer->ui = ui_new(UI_PICK);
        viewer->refused_pid = viewer->viewing->refusal->pid;
        ui_set_error(viewer->ui, viewer->viewing->refusal);
}

int viewer_run(const struct viewing *viewing)
{
        struct viewer viewer = { .viewing = viewing, .test_fd = test_fd(), .next_ns = UINT64_MAX };
        struct term_options options = actions_term_options(viewing->options);
        struct err err = { 0 }, mistake = { 0 };
        int r;

        catch_signals();
        mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
        read_rules(&viewer, &mistake);
        if (viewing->options->config && viewing->options->config->mistake[0])
                err_set(&mistake, EINVAL, "%s", viewing->options->config->mistake);
        if (viewing->mode == UI_PICK) {
                if (viewing->refusal)
                        begin_refused(&viewer);
                else
                        viewer_open_picker(&viewer);
                r = term_open(&options, &viewer.term, &err);
        } else {
                r = open_on_screen(&viewer, viewing->path, &err);
        }
        if (r == 0) {
                if (viewing->say)
                        ui_say(viewer.ui, viewer_now(), "%s", viewing->say);
                if (mistake.code)
                        ui_say(viewer.ui, viewer_now(), "%s", mistake.text);
                viewer.changed = true;
                run_loop(&viewer);
                term_close(viewer.term);
        } else {
                viewer.status = say_error(&err);
        }
        done(&viewer);
        return viewer.status;
}

/* ---- without a terminal ---- */

static int press_words(struct viewer *viewer, const char *keys, struct err *err)
{
        char *copy = strdup(keys), *rest = copy, *word;
        int r = 0;

        while (r == 0 && (word = strsep(&rest, " "))) {
                struct key_event event = { 0 };

                if (*word == '\0')
                        continue;
                if (word[0] == '=' && word[1] != '\0') { /* =text types it */
                        while (*++word) {
                                event.key = (unsigned char)*word;
                                press(viewer, &event);
                        }
                        continue;
                }
                event.key = key_parse(word);
                if (event.key == KEY_NONE)
                        r = err_set_id(err, ERROR_VALUE, EINVAL,
                                       "--keys: there is no key '%s' (=%s would type it)", word,
                                       word);
                else
                        press(viewer, &event);
                ui_advance(viewer->ui, viewer_now(), &viewer->next_ns);
        }
        free(copy);
        return r;
}

static int parse_screen(const char *text, int *ret_width, int *ret_height, struct err *err)
{
        char end;

        *ret_width = 80;
        *ret_height = 24;
        if (!text)
                return 0;
        if (sscanf(text, "%dx%d%c", ret_width, ret_height, &end) != 2 || *ret_width < 1 || *ret_height < 1 ||
            *ret_width > 1000 || *ret_height > 1000)
                return err_set_id(err, ERROR_VALUE, EINVAL,
                                  "'%s' is no size for --screen, which is like 80x24", text);
        return 0;
}

static bool is_utf8(void)
{
        return strcasecmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

int viewer_print(const struct viewing *viewing)
{
        struct viewer viewer = { .viewing = viewing, .test_fd = -1, .next_ns = UINT64_MAX };
        const struct options *options = viewing->options;
        struct err err = { 0 }, mistake = { 0 };
        char *text = NULL;
        int width, height, r;

        read_rules(&viewer, &mistake);
        if (mistake.code)
                say("%s", mistake.text);
        if (options->config && options->config->mistake[0])
                say("%s", options->config->mistake);
        r = parse_screen(options->screen, &width, &height, &err);
        if (r == 0)
                r = viewer_open_session(&viewer, viewing->path, &err);
        if (r == 0) {
                viewer.canvas = canvas_new(width, height, options->ascii || !is_utf8());
                ui_draw(viewer.ui, viewer.canvas);
                r = press_words(&viewer, options->keys ? options->keys : "", &err);
        }
        if (r == 0) {
                ui_draw(viewer.ui, viewer.canvas);
                text = canvas_text(viewer.canvas, options->styles);
                fputs(text, stdout);
        } else {
                viewer.status = say_error(&err);
        }
        free(text);
        done(&viewer);
        return viewer.status;
}
