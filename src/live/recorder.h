/* recorder: turns what the probe samples into ticks.
 *
 * One thread owns it: it drains the ring, unwinds, tracks blocks and aggregates, and hands a tick to the sink once a
 * second. Naming runs in a thread of its own behind bounded queues; the drain never waits for it. */
#pragma once

#include "base/err.h"
#include "inject/inject.h"
#include "live/sink.h"
#include "model/record.h"

struct recorder; /* opaque */

struct recorder_options {
        uint64_t tick_ns;    /* 0 = one second */
        bool hide_cmdline;   /* --no-cmdline */
        bool adaptive;       /* the sampling mean is paced (live/pacing.h); else that of the injection stays */
};

enum recorder_state {
        RECORDER_RUNNING,
        RECORDER_EXITED, /* the target is gone */
        RECORDER_EXEC,   /* it runs another program now; our hooks went with the old one */
};

/* Begins to record a freshly attached INJECTION, which stays the caller's and must outlive the recorder. The caller ends it
 * with recorder_free(). */
int recorder_new(struct injection *injection, const struct recorder_options *options, struct recorder **ret,
                 struct err *err);
void recorder_free(struct recorder *recorder); /* accepts NULL */

/* What to write at the head of the session. Strings belong to the recorder. */
const struct rec_session *recorder_session(const struct recorder *recorder);

/* Drains what is there, beats the heart, and when a tick is due gives it to SINK. Returns the nanoseconds after which it wants
 * to be called again (never more than 50 ms), or the sink's negative errno. Never blocks. */
int64_t recorder_step(struct recorder *recorder, const struct sink *sink);

enum recorder_state recorder_state(const struct recorder *recorder);
const char *recorder_end_reason(const struct recorder *recorder); /* "target exited", ...; for rec_session.end_reason */

/* Does what a viewer asked for; it is answered with the next tick. STOP and KEEP are the caller's business, who passes
 * them too so that they get answered. */
void recorder_request(struct recorder *recorder, const struct rec_request *request);

/* After inject_detach(), or when the target has ended: drains what is left, waits a moment for names that are still being looked
 * up, and gives the last tick, with the event DETACHED (TEXT) unless the target had ended. */
int recorder_finish(struct recorder *recorder, const struct sink *sink, const char *text);
