/* writer: the thread that keeps a session on disk, so that draining the ring never waits for it.
 *
 * Everything that touches the file happens in this thread, with the rights of the user it belongs to: creating it, writing
 * ticks, reading requests, closing it. Ticks wait in memory while the disk is busy; when they take too much of it, or the disk
 * is full, writer_tick() says so with a negative errno and the recording ends in words. */
#pragma once

#include "app/user.h"
#include "base/err.h"
#include "model/record.h"

#include <stdbool.h>

struct writer; /* opaque */

/* Starts the thread and waits until it has created the file for OUTPUT (NULL = the default place for a process NAME, PID).
 * Errors as place_new() and store_create(). The caller ends it with writer_free(). USER must outlive it. */
int writer_new(const char *output, const char *name, pid_t pid, const struct user *user, struct writer **ret,
               struct err *err);

const char *writer_path(const struct writer *writer); /* absolute */

/* Queues the head of the session (copied) and a tick (copied). Never wait. Negative errno once writing has failed;
 * writer_error() then has the words. writer_tick() fits struct sink. */
int writer_session(struct writer *writer, const struct rec_session *session);
int writer_tick(void *writer, const struct rec_tick *tick);
void writer_error(struct writer *writer, struct err *err);

/* From now on the disk is looked at once a second: writer_is_disk_low() when less than MIN_FREE bytes are left on it (0 = 64 MiB, or a
 * twentieth of a small file system). *RET_FREE is how much. */
void writer_watch_disk(struct writer *writer, uint64_t min_free);
bool writer_is_disk_low(struct writer *writer, uint64_t *ret_free);

/* The next request of a viewer that was not handed out yet. Its text lives until the next call. */
bool writer_request(struct writer *writer, struct rec_request *ret);

/* Writes what is queued, then the end. Waits for the disk. */
int writer_finish(struct writer *writer, uint64_t ended_ns, const char *reason, struct err *err);

/* Before writer_finish(): closes and removes the file. For an attach that failed. */
void writer_abandon(struct writer *writer);

void writer_free(struct writer *writer); /* accepts NULL */
