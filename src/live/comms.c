#include "live/comms.h"

#include "target/proc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* TID as we know it. */
static bool read_name(pid_t pid, uint32_t tid, char ret[COMM_SIZE])
{
        char path[PROC_PATH_MAX], *text = NULL;

        snprintf(path, sizeof path, "task/%u/comm", (unsigned)tid);
        if (proc_read(pid, path, COMM_SIZE - 1, &text, NULL) < 0)
                return false;
        text[strcspn(text, "\n")] = '\0';
        snprintf(ret, COMM_SIZE, "%.*s", COMM_SIZE - 1, text);
        free(text);
        return ret[0] != '\0';
}

/* In a pid namespace of its own the target knows its threads by other numbers than we do. 0 = there is no such thread. */
static uint32_t outer_tid(pid_t pid, uint32_t tid)
{
        enum { TIDS_MOST = 256 };
        struct proc_status status;
        uint32_t found = 0;
        pid_t *tids = NULL;
        size_t n = 0;

        if (proc_status_read(pid, &status) < 0 || status.ns_pid == pid || proc_tids(pid, &tids, &n) < 0)
                return 0;
        for (size_t i = 0; i < n && i < TIDS_MOST && found == 0; i++) {
                char path[PROC_PATH_MAX], *text = NULL, *line;

                snprintf(path, sizeof path, "task/%d/status", (int)tids[i]);
                if (proc_read(pid, path, 16 << 10, &text, NULL) < 0)
                        continue;
                line = strstr(text, "\nNSpid:");
                if (line) {
                        line[1 + strcspn(line + 1, "\n")] = '\0';
                        line = strrchr(line, '\t');
                }
                if (line && strtoul(line, NULL, 10) == tid)
                        found = (uint32_t)tids[i];
                free(text);
        }
        free(tids);
        return found;
}

static void look(struct comm *thread)
{
        enum { TRIES = 3 };
        char name[COMM_SIZE];
        bool found = read_name(thread->pid, thread->tid, name);
        uint32_t outer = found || thread->failed >= TRIES ? 0 : outer_tid(thread->pid, thread->tid);

        found = found || (outer && read_name(thread->pid, outer, name));
        thread->failed = found ? 0 : thread->failed + (thread->failed < TRIES);
        if (!found || strcmp(name, thread->name) == 0)
                return;
        memcpy(thread->name, name, sizeof name);
        thread->changed = true;
}

void comms_done(struct comms *comms)
{
        addrmap_done(&comms->known);
        free(comms->v.v);
        free(comms->rows.v);
        *comms = (struct comms){ 0 };
}

void comms_seen(struct comms *comms, pid_t pid, uint32_t tid)
{
        uint64_t index;

        if (tid == 0 || addrmap_get(&comms->known, tid, &index) || comms->v.n >= COMMS_MOST)
                return;
        rows_add(&comms->v, (struct comm){ .tid = tid, .pid = pid });
        addrmap_put(&comms->known, tid, comms->v.n);
        if (comms->n_read++ < COMMS_NEW_MOST) /* at once: it may be gone by the end of the tick */
                look(&comms->v.v[comms->v.n - 1]);
}

void comms_fill(struct comms *comms, struct rec_tick *tick)
{
        for (size_t i = 0; i < COMMS_AGAIN && i < comms->v.n; i++) {
                if (comms->next >= comms->v.n)
                        comms->next = 0;
                look(&comms->v.v[comms->next++]);
        }
        for (size_t i = 0; i < comms->v.n; i++) {
                struct comm *thread = &comms->v.v[i];

                if (!thread->changed)
                        continue;
                thread->changed = false;
                rows_add(&comms->rows, (struct rec_thread){ .tick = tick->process.tick, .tid = thread->tid, .comm = thread->name });
        }
        tick->threads = comms->rows.v;
        tick->n_threads = comms->rows.n;
}

void comms_begin_tick(struct comms *comms)
{
        comms->rows.n = 0;
        comms->n_read = 0;
}
