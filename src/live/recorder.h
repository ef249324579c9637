/* recorder: turns what the probe samples into ticks.
 *
 * One thread owns it: it drains the ring, unwinds, tracks blocks and aggregates, and hands a tick to the sink once a
 * second. Naming runs in a thread of its own behind bounded queues; the drain never waits for it. */
#pragma once

#include "base/err.h"
#include "inject/inject.h"
#include "live/follow.h"
#include "live/sink.h"
#include "model/record.h"

struct recorder; /* opaque */

struct recorder_options {
        uint64_t tick_ns;    /* 0 = one second */
        bool hide_cmdline;   /* --no-cmdline */
        bool machine_only;   /* --no-python: frames of interpreters are not looked for */
        const struct inject_options *inject; /* the allocator of a library that is loaded later is hooked, too, as this says; NULL =
                                              * it is not. The caller's, for as long as the recorder is used */
        bool rss_only;       /* nothing is hooked: ticks hold what /proc says of the resident memory, and no sites */
        bool follow_exec;    /* what the target becomes by exec() is recorded, too */
        struct follow_options follow; /* follow.fork: its children, too, and what they become */
        const struct debuginfod_options *debuginfod; /* debug information is fetched from servers; NULL = it is not. Copied */
        bool adaptive;       /* the sampling mean is paced (live/pacing.h); else that of the injection stays */
};

enum recorder_state {
        RECORDER_RUNNING,
        RECORDER_EXITED, /* the target is gone, and all that followed */
        RECORDER_EXEC,   /* it runs another program now; our hooks went with the old one */
};

/* Begins to record a freshly attached INJECTION (for rss_only one with nothing but pid, start_time and allocator), which stays the caller's and must outlive the recorder; the recorder may
 * end it by inject_done(). The caller ends the recorder with recorder_free(). */
int recorder_new(struct injection *injection, const struct recorder_options *options, struct recorder **ret,
                 struct err *err);
void recorder_free(struct recorder *recorder); /* accepts NULL */

/* What to write at the head of the session, and again when the target has ended: its `ending` says how. Strings belong to the recorder. When the target goes on as another program that is
 * followed, the head tells of that one. */
const struct rec_session *recorder_session(const struct recorder *recorder);

/* True once after the head has changed. */
bool recorder_session_changed(struct recorder *recorder);

/* Drains what is there, beats the heart, and when a tick is due gives it to SINK. Returns the nanoseconds after which it wants
 * to be called again (never more than 50 ms), or the sink's negative errno. Never blocks, but when a library with an allocator
 * was loaded, for half a second at most. */
int64_t recorder_step(struct recorder *recorder, const struct sink *sink);

/* How far naming has come, as of the last tick that told it. */
const struct rec_naming *recorder_naming(const struct recorder *recorder);

enum recorder_state recorder_state(const struct recorder *recorder);
const char *recorder_end_reason(const struct recorder *recorder); /* "target exited", ...; for rec_session.end_reason */

/* Does what a viewer asked for; it is answered with the next tick. STOP and KEEP are the caller's business, who passes
 * them too so that they get answered. */
void recorder_request(struct recorder *recorder, const struct rec_request *request);

/* An event of KIND, in words, with the next tick. */
void recorder_note(struct recorder *recorder, enum rec_event_kind kind, const char *text);

struct recorder_detached {
        int result;       /* the worst of inject_detach(): 0, 1, or a negative errno; -ESRCH only when all were gone */
        int32_t pid;      /* whose that is */
        struct err err;
        uint64_t stop_ns; /* the longest stop */
        uint32_t n;       /* processes whose hooks were removed */
        uint32_t n_cleaned, n_left; /* children that only had inherited (passive) hooks: cleaned, and not */
};

/* Takes the hooks out of all processes that are recorded, and out of all that were forked from them meanwhile. Bounded. */
void recorder_detach(struct recorder *recorder, struct recorder_detached *ret);

/* After recorder_detach(), or when the target has ended: drains what is left, waits a moment for names that are still being looked
 * up, and gives the last tick, with the event DETACHED (TEXT) unless the target had ended. */
int recorder_finish(struct recorder *recorder, const struct sink *sink, const char *text);
