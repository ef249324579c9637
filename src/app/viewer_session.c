/* The session that a viewer shows: opened, followed while it is written, and the one that comes after it. */
#include "app/viewer_state.h"

#include "app/config.h"
#include "app/say.h"
#include "app/series.h"
#include "base/buf.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/fmt.h"
#include "base/io.h"
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { STARTS_WITH_HINT = 3 };
enum { FIRST_ROW_MS = 2000 }; /* a session that is being born gets this long */

uint64_t viewer_now(void)
{
        const char *clock = getenv("HEAPTOP_CLOCK");

        if (clock && strncmp(clock, "fixed:", 6) == 0)
                return strtoull(clock + 6, NULL, 10);
        return clock_boottime_ns();
}

/* The rules of the config file; those behind a bad one are lost until it is mended. */
static void set_alerts(struct viewer *viewer, const struct config *config)
{
        struct buf lines = { 0 };
        struct err err = { 0 };

        for (size_t i = 0; i < config->n_rules; i++)
                buf_printf(&lines, "%s\n", config->rules[i]);
        if (ui_set_alerts(viewer->ui, lines.data, &err) < 0) {
                log_warn("%s: [alerts]: %s", config->path ? config->path : "config", err.text);
                ui_say(viewer->ui, viewer_now(), "[alerts]: %s", err.text);
        }
        buf_done(&lines);
}

void viewer_set_up_ui(struct viewer *viewer)
{
        struct config *config = viewer->viewing->options->config;

        ui_set_expected(viewer->ui, viewer->viewing->options->expected);
        ui_set_plain(viewer->ui, viewer->viewing->options->plain);
        if (!config)
                return;
        ui_set_settings(viewer->ui, &config->settings);
        if (config->n_rules > 0)
                set_alerts(viewer, config);
}

void viewer_close_session(struct viewer *viewer)
{
        ui_set_heap(viewer->ui, NULL);
        heap_free(viewer->heap);
        viewer->heap = NULL;
        store_close(viewer->store);
        viewer->store = NULL;
}

/* A recorder writes the head of its file a moment after it has said OK. */
static int wait_for_session(struct store *store, struct err *err)
{
        const struct history *history = store_history(store);
        struct rec_session session;
        int r, waited_ms = 0;

        while ((r = history->session(history->arg, &session)) == -EAGAIN && waited_ms < FIRST_ROW_MS && !viewer_told_to_end) {
                poll(NULL, 0, 20);
                waited_ms += 20;
        }
        if (r == -EAGAIN)
                return err_set_id(err, ERROR_EMPTY, EAGAIN,
                                  "nothing was recorded into %s", store_path(store));
        if (r < 0)
                return err_set_broken(err, r, "cannot read", store_path(store));
        return 0;
}

static int follow_file(struct viewer *viewer, uint64_t at)
{
        const struct history *history = store_history(viewer->store);
        uint32_t last;
        int r = history->last_tick(history->arg, &last);

        if (r < 0 || last == viewer->last_tick)
                return r;
        viewer->last_tick = last;
        viewer->changed = true;
        return ui_set_last_tick(viewer->ui, last, at);
}

static void note_path(struct viewer *viewer, const char *path)
{
        char *absolute = realpath(path, NULL);

        snprintf(viewer->path, sizeof viewer->path, "%s", absolute ? absolute : path);
        free(absolute);
}

/* The first starts of a user are counted in the state directory. */
static bool is_new_here(const struct user *user)
{
        char *dir = user_state_dir(user), *path = dir ? xasprintf("%s/starts", dir) : NULL, *text = NULL;
        int64_t starts = 0;
        char counted[32];
        size_t len;
        bool fresh = false;

        if (path) {
                if (io_read_file(path, sizeof counted, &text, &len) == 0)
                        (void)fmt_parse_number(text, 0, INT32_MAX, &starts);
                fresh = starts < STARTS_WITH_HINT;
                snprintf(counted, sizeof counted, "%d", (int)starts + 1);
                if (fresh && config_replace_file(path, counted, &(struct err){ 0 }) < 0)
                        fresh = false; /* it would come for ever */
        }
        free(text);
        free(path);
        free(dir);
        return fresh;
}

static void advise(struct viewer *viewer)
{
        const struct config *config = viewer->viewing->options->config;

        if (!viewer->advised && config && config->settings.hints && is_new_here(viewer->viewing->user))
                ui_give_hint(viewer->ui);
        viewer->advised = true;
}

/* A screen that has not read anything yet: of a large session that takes a moment. */
int viewer_begin_session(struct viewer *viewer, const char *path, struct err *err)
{
        char *rules = NULL;
        struct stat st;
        int r;

        r = store_open(path, &viewer->store, err);
        if (r == 0)
                r = wait_for_session(viewer->store, err);
        if (r < 0)
                return r;
        viewer->live = store_is_live(viewer->store);
        viewer->last_tick = 0;
        viewer->heap = heap_new(store_history(viewer->store));
        heap_set_rules(viewer->heap, viewer->rules, viewer->own_rules);
        heap_set_expected(viewer->heap, viewer->viewing->options->expected);
        if (viewer->ui)
                rules = ui_alerts(viewer->ui); /* what the user changed on the last screen holds on this one */
        ui_free(viewer->ui);
        viewer->ui = ui_new(viewer->live ? UI_LIVE : UI_REPLAY);
        viewer_set_up_ui(viewer);
        if (rules)
                ui_set_alerts(viewer->ui, rules, NULL);
        free(rules);
        ui_set_heap(viewer->ui, viewer->heap);
        ui_set_source_map(viewer->ui, &viewer->viewing->options->source_map);
        ui_set_file_name(viewer->ui, path);
        ui_set_reading(viewer->ui, true);
        viewer->awaited = false;
        note_path(viewer, path);
        if (stat(viewer->path, &st) == 0)
                ui_set_file_bytes(viewer->ui, (uint64_t)st.st_size);
        if (viewer->live)
                advise(viewer);
        return 0;
}

int viewer_read_session(struct viewer *viewer, const char *path, struct err *err)
{
        int r = follow_file(viewer, viewer_now());

        ui_set_reading(viewer->ui, false);
        viewer->changed = true;
        if (r < 0)
                return err_set_broken(err, r, "cannot read", path);
        return 0;
}

int viewer_open_session(struct viewer *viewer, const char *path, struct err *err)
{
        int r = viewer_begin_session(viewer, path, err);

        return r < 0 ? r : viewer_read_session(viewer, path, err);
}

/* No file of a later session was written last before this (seconds since 1970): the target's end, however long ago that was noticed. */
static int64_t ended_s(const struct viewer *viewer, const struct rec_session *session)
{
        int64_t wall_ns = (int64_t)session->ending.time_ns + heap_process(viewer->heap)->wall_offset_ns;

        return wall_ns / (int64_t)NS_PER_S - 1;
}

/* The recorder is gone: what it wrote stays, and so do we. */
void viewer_notice_end(struct viewer *viewer)
{
        const struct history *history = store_history(viewer->store);
        struct rec_session session = { 0 };
        struct stat st;

        viewer->live = false;
        viewer->changed = true;
        (void)heap_seek(viewer->heap, heap_tick(viewer->heap)); /* reads the head again, which tells the end by now */
        if (stat(viewer->path, &st) == 0)
                ui_set_file_bytes(viewer->ui, (uint64_t)st.st_size);
        if (history->session(history->arg, &session) == 0 && session.ending.time_ns && session.followed &&
            session.followed[0]) {
                viewer->awaited = true;
                viewer->awaited_s = ended_s(viewer, &session);
                ui_set_awaited(viewer->ui, true);
        }
        if (session.ended_ns)
                ui_set_ended(viewer->ui, session.end_reason ? session.end_reason : "the recording ended");
        else
                ui_set_ended(viewer->ui, "the recorder died; its guardian removes the hooks");
}

void viewer_look_at_file(struct viewer *viewer, uint64_t at)
{
        if (!viewer->live || at - viewer->looked_ns < VIEWER_LOOK_MS * NS_PER_MS)
                return;
        viewer->looked_ns = at;
        if (follow_file(viewer, at) < 0)
                log_warn("cannot read the session");
        if (!store_is_live(viewer->store)) {
                follow_file(viewer, at);
                viewer_notice_end(viewer);
        }
}

bool viewer_next_session(struct viewer *viewer, uint64_t at, char *ret)
{
        if (!viewer->awaited || viewer->live || at - viewer->next_looked_ns < NS_PER_S)
                return false;
        viewer->next_looked_ns = at;
        return series_find_next(viewer->path, viewer->awaited_s, ret);
}
