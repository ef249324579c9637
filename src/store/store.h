/* store: a session on disk, one SQLite database (data/schema.sql, documented in heaptop(5)).
 *
 * One writer (the recorder) and any number of readers. Every tick is one transaction: kill -9 of the recorder or a
 * power cut loses at most one tick, and the file opens. SQLite's codes do not leave this folder. */
#pragma once

#include "base/err.h"
#include "model/history.h"
#include "model/record.h"

#include <sys/types.h>

struct store; /* opaque: one open session file */

enum {
        STORE_APPLICATION_ID = 0x68656170, /* "heap" */
        STORE_VERSION = 4, /* of the format: see schema.h */
};

/* ---- writing ---- */

/* Creates PATH (which must not exist; -EEXIST says so in words), mode 0600, never through a symbolic link, owned by OWNER
 * unless that is (uid_t)-1. The caller ends it with store_close(). Errors: -EEXIST, -ENOSPC, -EACCES, -EROFS. */
int store_create(const char *path, uid_t owner, struct store **ret, struct err *err);

/* Keeps the file below BYTES (0 = no limit; 256 MB and an hour if never called) by rolling up: beyond 3/4 of it, what is older
 * than FULL_TICKS ticks is thinned to one row per stack in 10 ticks, then 60, 600 and 3600, always the last of each, so that
 * values at the end of a bucket and at marks stay exact; blocks that died before are forgotten. When even that is too
 * much, less than FULL_TICKS keep full detail. Each step is said in an event. store_write_tick() is -ENOSPC at the limit. */
int store_set_limit(struct store *store, uint64_t bytes, uint32_t full_ticks);

/* Writes who is recorded. The file is made before the attach, so that a full disk or a bad path is found while the
 * target is still untouched; a reader that comes earlier gets -EAGAIN from history.session(). May be called again. */
int store_write_session(struct store *store, const struct rec_session *session, struct err *err);

/* Writes one tick as one transaction, through to the disk: a kill or a power cut loses at most this one. -ENOSPC when the disk is
 * full or the limit reached: the file stays readable up to the tick before. -EBUSY when somebody else held the file locked
 * for a minute; the same tick may be written again. */
int store_write_tick(struct store *store, const struct rec_tick *tick, struct err *err);

/* Calls FN for each request that no tick has answered yet. */
int store_requests(struct store *store, int (*fn)(void *ctx, const struct rec_request *row), void *ctx);

/* Marks the session as ended and turns it into one plain file without -wal and -shm; while viewers still look at it the last of
 * them does that. Also tried on a full disk, for which some room is kept. */
int store_finish(struct store *store, uint64_t ended_ns, const char *reason, struct err *err);

/* ---- reading ---- */

/* Opens a session for reading, whether somebody still writes it or not. Errors in words: not a session (-EINVAL), written
 * by a newer heaptop (-EPROTONOSUPPORT), damaged (-EBADMSG), -ENOENT, -EACCES. */
int store_open(const char *path, struct store **ret, struct err *err);

/* The session as a history. Valid until store_close(). Not thread-safe: one thread per store. */
const struct history *store_history(struct store *store);

/* True while a recorder has the file open for writing: it holds a lock on FILE-live (store/live.h). */
bool store_is_live(struct store *store);

/* Leaves a request for the recorder; *RET_ID may be used with store_is_answered(). */
int store_request(struct store *store, const struct rec_request *request, uint32_t *ret_id, struct err *err);
bool store_is_answered(struct store *store, uint32_t id);

/* Puts a mark into a session that nobody records any more; in a live one a mark is a request. -EBUSY when it is live. */
int store_add_mark(struct store *store, uint32_t tick, uint64_t time_ns, const char *name, struct err *err);

/* Likewise: give mark ID another name, or take it out. -ENOENT when there is no such mark (any more). */
int store_rename_mark(struct store *store, uint32_t id, const char *name, struct err *err);
int store_delete_mark(struct store *store, uint32_t id, struct err *err);

/* ---- better names for a session that has ended ---- */

/* Frames with inlined_in 0 are there already and get func, file, line and flags of their row; the others are new. Sites are there
 * already and get another frame. */
struct store_names {
        const struct rec_frame *frames; size_t n_frames;
        const struct rec_site *sites;   size_t n_sites;
        const struct rec_source_file *sources; size_t n_sources; /* those not told yet are added, where the format has them */
};

/* Writes NAMES to the session PATH, which store_open() has opened before, in one transaction: whatever happens, all of them are in the
 * file, or it is as it was. Who has it open sees them when it is opened again. -EBUSY when it is still being recorded, -EACCES when
 * it is read-only; store_may_rename() says so beforehand. */
int store_rename(const char *path, const struct store_names *names, struct err *err);
int store_may_rename(const char *path, struct err *err);

/* Copies the session STORE was opened on into the new file PATH, one plain file, mode 0600. -EEXIST when there is something of that
 * name. Nothing is left there when it fails. */
int store_copy(struct store *store, const char *path, struct err *err);

/* Accepts NULL. */
void store_close(struct store *store);

const char *store_path(const struct store *store);
