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

/* Of the thread that we know as TID: what it is called in the innermost pid namespace; 0 = not known. */
static uint32_t inner_tid(pid_t pid, uint32_t tid)
{
        char path[PROC_PATH_MAX], *text = NULL, *line;
        uint32_t inner = 0;

        snprintf(path, sizeof path, "task/%u/status", (unsigned)tid);
        if (proc_read(pid, path, 16 << 10, &text, NULL) < 0)
                return 0;
        line = strstr(text, "\nNSpid:");
        if (line) {
                line[1 + strcspn(line + 1, "\n")] = '\0';
                line = strrchr(line, '\t');
        }
        if (line)
                inner = (uint32_t)strtoul(line, NULL, 10);
        free(text);
        return inner;
}

static void look(struct comms *comms, struct comm *thread)
{
        char name[COMM_SIZE];

        if (!read_name(thread->pid, thread->outer ? thread->outer : thread->tid, name)) {
                if (!thread->name[0] && !thread->searched)
                        comms->search = thread->pid;
                return;
        }
        if (strcmp(name, thread->name) == 0)
                return;
        memcpy(thread->name, name, sizeof name);
        thread->changed = true;
}

/* In a pid namespace of its own a process knows its threads by other numbers than we do: all are gone through to find which is
 * which. */
static void search(struct comms *comms)
{
        struct proc_status status;
        pid_t *tids = NULL;
        size_t n = 0;

        if (proc_status_read(comms->search, &status) >= 0 && status.ns_pid != comms->search &&
            proc_tids(comms->search, &tids, &n) >= 0)
                for (size_t i = 0; i < n && i < COMMS_SEARCHED; i++) {
                        uint32_t inner = inner_tid(comms->search, (uint32_t)tids[i]);
                        uint64_t index;

                        if (inner == 0 || !addrmap_get(&comms->known, inner, &index) || comms->v.v[index - 1].outer != 0)
                                continue;
                        comms->v.v[index - 1].outer = (uint32_t)tids[i];
                        look(comms, &comms->v.v[index - 1]);
                }
        for (size_t i = 0; i < comms->v.n; i++)
                comms->v.v[i].searched |= comms->v.v[i].pid == comms->search;
        comms->search = 0;
        free(tids);
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
                look(comms, &comms->v.v[comms->v.n - 1]);
}

void comms_fill(struct comms *comms, struct rec_tick *tick)
{
        for (size_t i = 0; i < COMMS_AGAIN && i < comms->v.n; i++) {
                if (comms->next >= comms->v.n)
                        comms->next = 0;
                look(comms, &comms->v.v[comms->next++]);
        }
        if (comms->search)
                search(comms);
        for (size_t i = 0; i < comms->v.n; i++) {
                struct comm *thread = &comms->v.v[i];

                if (!thread->changed)
                        continue;
                thread->changed = false;
                rows_add(&comms->rows,
                         (struct rec_thread){ .tick = tick->process.tick, .tid = thread->tid, .comm = thread->name });
        }
        tick->threads = comms->rows.v;
        tick->n_threads = comms->rows.n;
}

void comms_begin_tick(struct comms *comms)
{
        comms->rows.n = 0;
        comms->n_read = 0;
}
