/* What a viewer has with its guardian: the picker's choice, a service to wait for, an attach that failed. */
#include "app/viewer_state.h"

#include "app/ask.h"
#include "app/refusal.h"
#include "app/registry.h"
#include "app/say.h"
#include "base/alloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void viewer_open_picker(struct viewer *viewer)
{
        if (viewer->store)
                viewer_close_session(viewer);
        ui_free(viewer->ui);
        viewer->ui = ui_new(UI_PICK);
        viewer_set_up_ui(viewer);
        viewer->live = false;
        if (!viewer->picking)
                viewer->picking = picking_new(viewer->viewing->user);
        ui_set_picker(viewer->ui, picking_picker(viewer->picking));
        viewer->changed = true;
}

static bool send_question(struct viewer *viewer, const struct ask *question)
{
        if (viewer->viewing->guardian >= 0 &&
            send(viewer->viewing->guardian, question, sizeof *question, MSG_NOSIGNAL) >= 0)
                return true;
        ui_say(viewer->ui, viewer_now(), "heaptop's guardian does not answer");
        return false;
}

void viewer_ask(struct viewer *viewer, enum ask_kind kind, pid_t pid)
{
        send_question(viewer, &(struct ask){ .kind = kind, .pid = pid });
}

/* R: for the next process of the name of the one that has ended. */
void viewer_wait_for_next(struct viewer *viewer)
{
        const struct history *history = viewer->store ? store_history(viewer->store) : NULL;
        struct ask question = { .kind = ASK_WAIT };
        struct rec_session session;

        if (!history || viewer->live || viewer->awaited || history->session(history->arg, &session) < 0)
                return;
        question.number = session.series_number;
        snprintf(question.name, sizeof question.name, "%s", session.comm);
        snprintf(question.path, sizeof question.path, "%s", viewer->path);
        if (!send_question(viewer, &question))
                return;
        viewer->awaited = true;
        viewer->awaited_s = time(NULL) - 1;
        ui_set_awaited(viewer->ui, true);
}

void viewer_show_session(struct viewer *viewer, const char *path, const char *said)
{
        char *own = xstrdup(path); /* PATH may belong to the screen that makes way */
        struct err err = { 0 };

        if (viewer->store)
                viewer_close_session(viewer);
        if (viewer_open_session(viewer, own, &err) < 0) {
                viewer_open_picker(viewer);
                said = err.text;
        }
        if (said)
                ui_say(viewer->ui, viewer_now(), "%s", said);
        viewer->changed = true;
        free(own);
}

void viewer_look_for_next(struct viewer *viewer, uint64_t at)
{
        char path[PLACE_MAX], said[160];
        const struct rec_session *session;
        int64_t since = viewer->awaited_s;

        if (!viewer_next_session(viewer, at, path))
                return;
        viewer_show_session(viewer, path, NULL);
        if (!viewer->heap)
                return;
        if (!viewer->live) { /* it crashed before we looked, and the one after it may be there, too */
                viewer_notice_end(viewer);
                viewer->awaited_s = since;
        }
        session = heap_session(viewer->heap);
        snprintf(said, sizeof said, "%.64s %s there again, pid %d: session %u of %.40s", session->comm,
                 viewer->live ? "is" : "was", (int)session->pid, session->series_number, session->followed);
        ui_say(viewer->ui, viewer_now(), "%s", said);
}

static void show_refusal(struct viewer *viewer, const struct status *status)
{
        struct refusal refusal;

        refusal_explain(status, &refusal);
        viewer->refused_pid = status->pid;
        ui_set_error(viewer->ui, &refusal);
}

/* A way out was chosen on the page of an attach that failed. */
void viewer_fix(struct viewer *viewer)
{
        const struct refusal_fix *chosen = ui_fix(viewer->ui);
        pid_t pid = viewer->refused_pid;

        if (!chosen)
                return;
        if (chosen->act == REFUSAL_RSS_ONLY)
                send_question(viewer, &(struct ask){ .kind = ASK_ATTACH, .pid = pid, .rss_only = 1 });
        else
                send_question(viewer, &(struct ask){ .kind = ASK_FIX, .pid = pid, .number = chosen->act });
}

void viewer_hear_answer(struct viewer *viewer)
{
        struct answer answer;
        char said[160];

        if (recv(viewer->viewing->guardian, &answer, sizeof answer, MSG_DONTWAIT) != (ssize_t)sizeof answer)
                return;
        switch ((enum ask_kind)answer.kind) {
        case ASK_DETAIL:
                if (viewer->picking)
                        picker_set_detail(picking_picker(viewer->picking), &answer.detail);
                break;
        case ASK_ATTACH:
                if (answer.status.kind == STATUS_OK) {
                        say_attached(&answer.status, said, sizeof said);
                        viewer_show_session(viewer, answer.status.path, said);
                } else {
                        show_refusal(viewer, &answer.status);
                }
                break;
        case ASK_FIX:
                viewer->quit = true;
                break;
        case ASK_WAIT:
                if (answer.status.kind == STATUS_ERROR) {
                        viewer->awaited = false;
                        ui_set_awaited(viewer->ui, false);
                        ui_say(viewer->ui, viewer_now(), "%s", answer.status.text);
                }
                break;
        case ASK_STOP:
                viewer_open_picker(viewer);
                break;
        }
        viewer->changed = true;
}

void viewer_attach_or_join(struct viewer *viewer)
{
        struct registry_entry entry;

        if (registry_find(ui_pid(viewer->ui), &entry, &(struct err){ 0 }) == 0)
                viewer_show_session(viewer, entry.path, "joined a recorder that was running");
        else
                viewer_ask(viewer, ASK_ATTACH, ui_pid(viewer->ui));
}

void viewer_look_at_processes(struct viewer *viewer, uint64_t at)
{
        int32_t pid;

        if (viewer->store || !viewer->picking)
                return;
        if (picking_update(viewer->picking, at)) {
                ui_refresh_picker(viewer->ui, at);
                viewer->changed = true;
        }
        pid = ui_wants_detail(viewer->ui);
        if (pid > 0 && picking_wants_detail(viewer->picking, pid, at))
                viewer_ask(viewer, ASK_DETAIL, pid);
}
