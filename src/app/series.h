/* series: a service that is followed over restarts into linked sessions (--wait).
 *
 * Whoever drives it (record.c, guardian.c) looks for the process every SERIES_LOOK_MS while there is none, starts a recorder on what
 * was found, and tells how that went. The sessions are linked by rec_session.previous, so that viewers find the next one by
 * themselves. */
#pragma once

#include "app/recording.h"
#include "app/status.h"
#include "base/err.h"
#include "target/wanted.h"

#include <stdbool.h>
#include <stdint.h>

enum { SERIES_LOOK_MS = 250 };

/* Start with { 0 }, which follows nothing. */
struct series {
        bool active;
        struct wanted wanted;
        char text[256];           /* of wanted */
        char words[288];          /* cleaned: "unit nginx.service" */
        uint32_t number;          /* of the session that is being recorded, or comes next; the first is 1 */
        char previous[PLACE_MAX]; /* "" = none */
        char output[PLACE_MAX];   /* -o for that session; "" = the default place */
        uint64_t deadline_ns;     /* of -d; 0 = none */
        struct wanted_process refused; /* could not be attached to, so far */
        uint64_t refused_ns;      /* since then */
        bool gave_up;             /* on that one: only another process is of interest */
        bool noted;               /* NOTE holds the lock that tells others whom we wait for */
        int note;
        unsigned quick;           /* so many sessions in a row were over within seconds */
        uint64_t not_before_ns;   /* then the next look waits */
};

/* Follows WANTED (copied) as PLAN says. */
void series_begin(struct series *series, const struct recording *plan, const struct wanted *wanted);

void series_end(struct series *series); /* accepts one that follows nothing */

/* Before the first look: the first session comes after PREVIOUS, which was the NUMBERth. */
void series_comes_after(struct series *series, const char *previous, uint32_t number);

/* Looks once. 1: the process is there, and RECORDING, a copy of the plan, is completed for it; its strings live as long as SERIES
 * is not told of another. 0: not yet. -ENOTUNIQ in words: several are there. */
int series_look(struct series *series, struct recording *recording, struct err *err);

/* The recorder on what was found could not begin, for ERR. True when it is worth another look: the process had only begun, or is
 * gone again; false when the series is over. */
bool series_refused(struct series *series, const struct err *err);

/* For how long nobody looks after QUICK sessions in a row that were over within five seconds, nanoseconds: a service that
 * crashes as soon as it is started must not fill the disk with sessions. Nothing for the first three, then a second, doubling up to 30. */
uint64_t series_pause_ns(unsigned quick);

/* A session has ended as LAST says. True when the series goes on: the target was what ended. */
bool series_goes_on(struct series *series, const struct status *last);

/* The time given with -d is over. */
bool series_is_over(const struct series *series);

/* The session that comes after the one at PATH, in the same folder: true when there is one by now. RET has PLACE_MAX bytes.
 * Only sessions that were changed at SINCE (seconds since 1970) or later are opened. */
bool series_find_next(const char *path, int64_t since, char *ret);
