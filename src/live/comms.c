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

/* In a pid namespace of its own the target knows its threads by other numbers than we do. */
static bool is_inner(struct comms *comms, pid_t pid)
{
        struct proc_status status;

        if (comms->asked == pid)
                return comms->inner;
        if (proc_status_read(pid, &status) < 0)
                return false;
        comms->asked = pid;
        comms->inner = status.ns_pid != pid;
        return comms->inner;
}

/* The number of the thread TID, one of ours, where it lives. 0 = it is gone. */
static uint32_t inner_tid(pid_t pid, pid_t tid)
{
        char path[PROC_PATH_MAX], *text = NULL, *line;
        uint32_t inner = 0;

        snprintf(path, sizeof path, "task/%d/status", (int)tid);
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

/* One walk over the threads of PID finds all of them that are known here. False when there were enough walks for now. */
static bool find_outer(struct comms *comms, pid_t pid)
{
        pid_t *tids = NULL;
        size_t n = 0;

        if (comms->scans_left == 0)
                return false;
        comms->scans_left--;
        if (proc_tids(pid, &tids, &n) < 0)
                return true;
        for (size_t i = 0; i < n && i < COMMS_SCANNED; i++) {
                uint32_t tid = inner_tid(pid, tids[i]);
                uint64_t index;

                if (tid && addrmap_get(&comms->known, tid, &index) && comms->v.v[index - 1].pid == pid)
                        comms->v.v[index - 1].outer = (uint32_t)tids[i];
        }
        free(tids);
        return true;
}

static void look(struct comms *comms, struct comm *thread)
{
        char name[COMM_SIZE];
        bool found;

        if (!is_inner(comms, thread->pid))
                thread->outer = thread->tid;
        else if (!thread->outer && !find_outer(comms, thread->pid))
                return;
        found = thread->outer && read_name(thread->pid, thread->outer, name);
        thread->failed = found ? 0 : thread->failed + (thread->failed < UINT8_MAX);
        if (!found)
                thread->outer = 0;
        if (!found || strcmp(name, thread->name) == 0)
                return;
        memcpy(thread->name, name, sizeof name);
        thread->changed = true;
}

/* Its number is free. In a namespace that is known less surely: the walk may have missed it. */
static bool has_ended(struct comms *comms, const struct comm *thread)
{
        enum { TRIES = 3 };

        return !thread->changed && thread->failed >= (is_inner(comms, thread->pid) ? TRIES : 1);
}

static void forget(struct comms *comms, size_t i)
{
        addrmap_remove(&comms->known, comms->v.v[i].tid, NULL);
        comms->v.v[i] = comms->v.v[--comms->v.n];
        if (i < comms->v.n)
                addrmap_put(&comms->known, comms->v.v[i].tid, i + 1);
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
        size_t again = comms->v.n / COMMS_ROUND > COMMS_AGAIN ? comms->v.n / COMMS_ROUND : COMMS_AGAIN;

        comms->scans_left++;
        again = again < comms->v.n ? again : comms->v.n;
        for (size_t i = 0; i < again; i++) {
                if (comms->next >= comms->v.n)
                        comms->next = 0;
                look(comms, &comms->v.v[comms->next]);
                if (has_ended(comms, &comms->v.v[comms->next]))
                        forget(comms, comms->next);
                else
                        comms->next++;
        }
        for (size_t i = 0; i < comms->v.n; i++) {
                struct comm *thread = &comms->v.v[i];

                if (!thread->changed)
                        continue;
                thread->changed = false;
                if (comms->n_told >= COMMS_TOLD)
                        continue;
                comms->n_told++;
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
        comms->scans_left = COMMS_SCANS - 1;
}
