#include "app/writer.h"

#include "app/place.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/exit.h"
#include "base/log.h"
#include "store/store.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

/* What may wait in memory. At the usual few hundred KiB a tick that is many minutes. */
#ifndef WRITER_QUEUE_BYTES
#define WRITER_QUEUE_BYTES (256ull << 20)
#endif

#define MIN_FREE (64ull << 20)

enum { MIN_FREE_SHARE = 20 };

enum { POLL_MS = 200, LATE_S = 5, REQUESTS_MAX = 64, LAST_TRIES = 3, RETRY_MS = 20 };

enum phase { STARTING, WRITING, FINISHING, ABANDONING, ENDED };

struct item {
        struct item *next;
        struct rec_session *session; /* one of the two */
        struct rec_tick *tick;
        uint64_t bytes;
        uint64_t queued_ns;
};

struct writer {
        pthread_t thread;
        pthread_mutex_t lock; /* guards all below, held for moments only */
        pthread_cond_t changed;
        enum phase phase;
        struct item *first, **last;
        uint64_t queued_bytes;
        struct err err; /* why nothing can be written any more */
        bool watches_disk, disk_low;
        uint64_t min_free, disk_free;
        struct rec_request requests[REQUESTS_MAX];
        size_t n_requests;
        uint32_t last_request; /* id of the newest one seen */
        char *request_text;    /* of the one handed out last */
        uint64_t ended_ns;
        const char *end_reason;

        /* the thread's own */
        const char *output, *name;
        pid_t pid;
        const struct user *user;
        struct store *store;
        uint64_t looked_ns; /* at the disk */
        uint64_t late_ns; /* the longest a tick waited and nobody has said so yet */
        char path[PLACE_MAX];
};

static void free_session(struct rec_session *session)
{
        if (!session)
                return;
        free((char *)session->version);
        free((char *)session->host);
        free((char *)session->end_reason);
        free((char *)session->comm);
        free((char *)session->exe);
        free((char *)session->cmdline);
        free((char *)session->user);
        free((char *)session->allocator);
        free((char *)session->limit_source);
        free((char *)session->followed);
        free((char *)session->previous);
        free((char *)session->ending.oom_source);
        free(session);
}

static const char *copy_text(const char *text)
{
        return xstrdup(text ? text : "");
}

static struct rec_session *copy_session(const struct rec_session *from)
{
        struct rec_session *copy = xmalloc(sizeof *copy);

        *copy = *from;
        copy->version = copy_text(from->version);
        copy->host = copy_text(from->host);
        copy->end_reason = from->end_reason ? xstrdup(from->end_reason) : NULL;
        copy->comm = copy_text(from->comm);
        copy->exe = copy_text(from->exe);
        copy->cmdline = copy_text(from->cmdline);
        copy->user = copy_text(from->user);
        copy->allocator = copy_text(from->allocator);
        copy->limit_source = copy_text(from->limit_source);
        copy->followed = copy_text(from->followed);
        copy->previous = copy_text(from->previous);
        copy->ending.oom_source = copy_text(from->ending.oom_source);
        return copy;
}

/* About; strings not counted. */
static uint64_t tick_bytes(const struct rec_tick *t)
{
        return sizeof *t + t->n_modules * sizeof *t->modules + t->n_frames * (sizeof *t->frames + 64) +
               t->n_stacks * sizeof *t->stacks + t->n_sites * sizeof *t->sites + t->n_changes * sizeof *t->changes +
               t->n_classes * sizeof *t->classes + t->n_states * sizeof *t->states + t->n_births * sizeof *t->births +
               t->n_deaths * sizeof *t->deaths + t->n_events * sizeof *t->events + t->n_gaps * sizeof *t->gaps +
               t->n_members * sizeof *t->members + t->n_member_ticks * sizeof *t->member_ticks +
               t->n_source_files * (sizeof *t->source_files + 64) + t->n_module_files * sizeof *t->module_files +
               t->n_memory * sizeof *t->memory + t->n_before_classes * sizeof *t->before_classes +
               t->n_class_means * sizeof *t->class_means + t->n_threads * (sizeof *t->threads + 32);
}

static void free_item(struct item *item)
{
        free_session(item->session);
        rec_tick_free(item->tick);
        free(item);
}

static int enqueue(struct writer *writer, struct item *item)
{
        int r;

        pthread_mutex_lock(&writer->lock);
        if (writer->err.code == 0 && writer->queued_bytes + item->bytes > WRITER_QUEUE_BYTES)
                err_set_id(&writer->err, ERROR_DISK_FULL, ENOSPC,
                           "the disk of %s takes no more data: %llu MB are waiting; the recording ends",
                           writer->path, (unsigned long long)(writer->queued_bytes >> 20));
        r = writer->err.code;
        if (r == 0) {
                *writer->last = item;
                writer->last = &item->next;
                writer->queued_bytes += item->bytes;
                pthread_cond_signal(&writer->changed);
        }
        pthread_mutex_unlock(&writer->lock);
        if (r < 0)
                free_item(item);
        return r;
}

int writer_session(struct writer *writer, const struct rec_session *session)
{
        struct item *item = xcalloc(1, sizeof *item);

        item->session = copy_session(session);
        return enqueue(writer, item);
}

int writer_tick(void *arg, const struct rec_tick *tick)
{
        struct item *item = xcalloc(1, sizeof *item);

        item->tick = rec_tick_copy(tick);
        item->bytes = tick_bytes(tick);
        item->queued_ns = clock_boottime_ns();
        return enqueue(arg, item);
}

void writer_error(struct writer *writer, struct err *err)
{
        pthread_mutex_lock(&writer->lock);
        if (err->code == 0)
                *err = writer->err;
        pthread_mutex_unlock(&writer->lock);
}

bool writer_request(struct writer *writer, struct rec_request *ret)
{
        bool found;

        pthread_mutex_lock(&writer->lock);
        found = writer->n_requests > 0;
        if (found) {
                *ret = writer->requests[0];
                free(writer->request_text);
                writer->request_text = (char *)ret->text;
                memmove(writer->requests, writer->requests + 1, --writer->n_requests * sizeof *writer->requests);
        }
        pthread_mutex_unlock(&writer->lock);
        return found;
}

void writer_watch_disk(struct writer *writer, uint64_t min_free)
{
        pthread_mutex_lock(&writer->lock);
        writer->watches_disk = true;
        writer->min_free = min_free;
        pthread_mutex_unlock(&writer->lock);
}

bool writer_is_disk_low(struct writer *writer, uint64_t *ret_free)
{
        bool low;

        pthread_mutex_lock(&writer->lock);
        low = writer->disk_low;
        *ret_free = writer->disk_free;
        pthread_mutex_unlock(&writer->lock);
        return low;
}

/* ---- the thread ---- */

/* Here, since it takes as long as writing does when the disk is far away. */
static void look_at_disk(struct writer *writer)
{
        uint64_t now_ns = clock_boottime_ns(), size, left, min_free;
        struct statvfs fs;
        bool watches;

        pthread_mutex_lock(&writer->lock);
        watches = writer->watches_disk;
        pthread_mutex_unlock(&writer->lock);
        if (!watches || now_ns - writer->looked_ns < NS_PER_S)
                return;
        writer->looked_ns = now_ns;
        if (statvfs(writer->path, &fs) < 0 || fs.f_blocks == 0)
                return;
        left = (uint64_t)fs.f_bavail * fs.f_frsize;
        size = (uint64_t)fs.f_blocks * fs.f_frsize;
        pthread_mutex_lock(&writer->lock);
        min_free = writer->min_free ? writer->min_free : size / MIN_FREE_SHARE < MIN_FREE ? size / MIN_FREE_SHARE : MIN_FREE;
        writer->disk_free = left;
        writer->disk_low |= left < min_free;
        pthread_mutex_unlock(&writer->lock);
}

static int take_request(void *ctx, const struct rec_request *row)
{
        struct writer *writer = ctx;
        struct rec_request *copy;

        pthread_mutex_lock(&writer->lock);
        if (row->id > writer->last_request && writer->n_requests < REQUESTS_MAX) {
                copy = &writer->requests[writer->n_requests++];
                *copy = *row;
                copy->text = row->text ? xstrndup(row->text, 256) : NULL;
                writer->last_request = row->id;
        }
        pthread_mutex_unlock(&writer->lock);
        return 0;
}

/* Waits up to POLL_MS for something to do. Returns the oldest item or NULL. */
static struct item *dequeue(struct writer *writer, enum phase *ret_phase)
{
        struct timespec until;
        struct item *item;

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += POLL_MS * 1000000l;
        if (until.tv_nsec >= 1000000000l) {
                until.tv_nsec -= 1000000000l;
                until.tv_sec++;
        }
        pthread_mutex_lock(&writer->lock);
        if (!writer->first && writer->phase == WRITING)
                pthread_cond_timedwait(&writer->changed, &writer->lock, &until);
        item = writer->first;
        if (item) {
                writer->first = item->next;
                if (!writer->first)
                        writer->last = &writer->first;
                writer->queued_bytes -= item->bytes;
        }
        *ret_phase = writer->phase;
        pthread_mutex_unlock(&writer->lock);
        return item;
}

static void fail(struct writer *writer, const struct err *err)
{
        pthread_mutex_lock(&writer->lock);
        if (writer->err.code == 0)
                writer->err = *err;
        pthread_mutex_unlock(&writer->lock);
}

/* Writes TICK; when ticks had to wait long, the first one after that carries an event that says so. */
static int write_tick(struct writer *writer, const struct item *item, struct err *err)
{
        struct rec_tick tick = *item->tick;
        struct rec_event *events = NULL;
        uint64_t waited = clock_boottime_ns() - item->queued_ns;
        char text[128];
        int r;

        if (waited > LATE_S * NS_PER_S) {
                writer->late_ns = waited > writer->late_ns ? waited : writer->late_ns;
        } else if (writer->late_ns) {
                snprintf(text, sizeof text, "the disk was slow: data waited %llu s in memory, none was lost",
                         (unsigned long long)(writer->late_ns / NS_PER_S));
                events = xcalloc(tick.n_events + 1, sizeof *events);
                for (size_t i = 0; i < tick.n_events; i++)
                        events[i] = tick.events[i];
                events[tick.n_events++] = (struct rec_event){ .tick = tick.process.tick, .time_ns = tick.process.time_ns,
                                                              .kind = REC_EVENT_DISK, .text = text };
                tick.events = events;
        }
        r = store_write_tick(writer->store, &tick, err);
        if (r == 0 && events)
                writer->late_ns = 0;
        free(events);
        return r;
}

static bool has_failed(struct writer *writer)
{
        bool failed;

        pthread_mutex_lock(&writer->lock);
        failed = writer->err.code != 0;
        pthread_mutex_unlock(&writer->lock);
        return failed;
}

static bool is_ending(struct writer *writer)
{
        bool ending;

        pthread_mutex_lock(&writer->lock);
        ending = writer->phase != WRITING;
        pthread_mutex_unlock(&writer->lock);
        return ending;
}

/* A file that another program keeps locked is tried again: nothing of the item is in it, and what comes meanwhile waits in memory,
 * whose limit ends the recording. At the end of the recording it is tried a few times more. */
static void write_item(struct writer *writer, struct item *item)
{
        struct err err = { 0 };
        int r = -EBUSY;

        for (int last_tries = 0; r == -EBUSY && last_tries < LAST_TRIES && !has_failed(writer);) {
                err = (struct err){ 0 };
                last_tries += is_ending(writer);
                r = item->session ? store_write_session(writer->store, item->session, &err)
                                  : write_tick(writer, item, &err);
                if (r == -EBUSY)
                        poll(NULL, 0, RETRY_MS); /* not every lock makes SQLite wait before it gives up */
        }
        if (r < 0) {
                err_set(&err, -r, "cannot write %s: %s", writer->path, strerror(-r));
                fail(writer, &err);
        }
        free_item(item);
}

static void remove_file(struct writer *writer)
{
        char side[PLACE_MAX + 8];

        store_close(writer->store);
        writer->store = NULL;
        unlink(writer->path);
        snprintf(side, sizeof side, "%s-wal", writer->path);
        unlink(side);
        snprintf(side, sizeof side, "%s-shm", writer->path);
        unlink(side);
}

static int create(struct writer *writer, struct err *err)
{
        int r;

        user_touch_files_as(writer->user);
        r = place_new(writer->output, writer->name, writer->pid, writer->user, writer->path, err);
        if (r == 0)
                r = store_create(writer->path, (uid_t)-1, &writer->store, err);
        if (r < 0)
                err_set(err, -r, "cannot create the session file %s: %s", writer->path, strerror(-r));
        if (r < 0 && r != -EACCES && r != -EPERM) /* ENOENT, too: not the process is missing */
                err->exit_status = EXIT_CANT_WRITE;
        return r;
}

static void set_phase(struct writer *writer, enum phase phase)
{
        pthread_mutex_lock(&writer->lock);
        writer->phase = phase;
        pthread_cond_broadcast(&writer->changed);
        pthread_mutex_unlock(&writer->lock);
}

static void *run(void *arg)
{
        struct writer *writer = arg;
        struct err err = { 0 };
        enum phase phase = WRITING;
        struct item *item;

        if (create(writer, &err) < 0) {
                fail(writer, &err);
                set_phase(writer, ENDED);
                return NULL;
        }
        set_phase(writer, WRITING);
        while ((item = dequeue(writer, &phase)) || phase == WRITING) {
                if (item)
                        write_item(writer, item);
                look_at_disk(writer);
                if (phase == WRITING)
                        store_requests(writer->store, take_request, writer);
        }
        if (phase == ABANDONING)
                remove_file(writer);
        else if (store_finish(writer->store, writer->ended_ns, writer->end_reason, &err) < 0)
                fail(writer, &err);
        store_close(writer->store);
        writer->store = NULL;
        set_phase(writer, ENDED);
        return NULL;
}

/* ---- outside again ---- */

static void init_lock(struct writer *writer)
{
        pthread_condattr_t attr;

        pthread_mutex_init(&writer->lock, NULL);
        pthread_condattr_init(&attr);
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        pthread_cond_init(&writer->changed, &attr);
        pthread_condattr_destroy(&attr);
}

static enum phase wait_while(struct writer *writer, enum phase phase)
{
        pthread_mutex_lock(&writer->lock);
        while (writer->phase == phase)
                pthread_cond_wait(&writer->changed, &writer->lock);
        phase = writer->phase;
        pthread_mutex_unlock(&writer->lock);
        return phase;
}

int writer_new(const char *output, const char *name, pid_t pid, const struct user *user, struct writer **ret,
               struct err *err)
{
        struct writer *writer = xcalloc(1, sizeof *writer);
        int r;

        writer->output = output;
        writer->name = name;
        writer->pid = pid;
        writer->user = user;
        writer->last = &writer->first;
        init_lock(writer);
        r = pthread_create(&writer->thread, NULL, run, writer);
        if (r != 0) {
                free(writer);
                return err_set(err, r, "cannot start a thread: %s", strerror(r));
        }
        if (wait_while(writer, STARTING) == ENDED) {
                writer_error(writer, err);
                r = err->code;
                writer_free(writer);
                return r;
        }
        *ret = writer;
        return 0;
}

const char *writer_path(const struct writer *writer)
{
        return writer->path;
}

int writer_finish(struct writer *writer, uint64_t ended_ns, const char *reason, struct err *err)
{
        writer->ended_ns = ended_ns;
        writer->end_reason = reason;
        set_phase(writer, FINISHING);
        wait_while(writer, FINISHING);
        writer_error(writer, err);
        return writer->err.code;
}

void writer_abandon(struct writer *writer)
{
        set_phase(writer, ABANDONING);
        wait_while(writer, ABANDONING);
}

void writer_free(struct writer *writer)
{
        if (!writer)
                return;
        if (!is_ending(writer))
                writer_finish(writer, 0, NULL, &(struct err){ 0 });
        pthread_join(writer->thread, NULL);
        while (writer->first) {
                struct item *item = writer->first;

                writer->first = item->next;
                free_item(item);
        }
        for (size_t i = 0; i < writer->n_requests; i++)
                free((char *)writer->requests[i].text);
        free(writer->request_text);
        pthread_cond_destroy(&writer->changed);
        pthread_mutex_destroy(&writer->lock);
        free(writer);
}
