/* suspects: the size classes whose exact counters grow, which is where a closer look pays (class zoom).
 *
 * Net of a class = bytes allocated - bytes freed, exact, counted since the attach; blocks from before the attach are
 * in it when they are freed, so turnover of those is no growth. One thing is not exact: the counters see requests
 * where blocks are made and chunks where they are freed, and about one chunk in fifty is of the next class. That
 * traffic across a border is estimated from sampled blocks (their request and their chunk are known) and taken off.
 * What is left of it is noise.
 *
 * A class is suspected when its lowest net in the last quarter of the window is above that in the first, and it has
 * risen in at least two steps. (Lowest: what fills and is collected in turn does not count.) The first seconds after
 * the attach are left out, and it takes a minute and two looks in agreement. Those that stand out most from their
 * noise come first, four at a time.
 *
 * That is a low bar, and a suspicion costs little: a finer look. It must prove true by that look: after three minutes
 * some of the sampled blocks must be older than a minute and live. Else the class is left alone for 10 minutes, and
 * twice as long each time, up to an hour. A suspicion ends when no such survivors come any more, or when the window
 * shows no growth that noise might hide, for a minute.
 *
 * Without exact frees nothing is known about growth, and no class is ever suspected. Plain data; no clock of its
 * own. */
#pragma once

#include "probe/wire.h"

#include <stdbool.h>

enum {
        SUSPECTS_STEP_S = 10,  /* one point of the window is the lowest net of so long */
        SUSPECTS_POINTS = 60,  /* the window: 10 minutes */
        SUSPECTS_POINTS_MIN = 8, /* less is too short to say */
        SUSPECTS_SKIPPED = 1,  /* points after the attach that are left out */
        SUSPECTS_BYTES_MIN = 16 << 10, /* growth that is worth a look */
        SUSPECTS_PROOF_S = 180, /* how long a suspicion has to prove true ... */
        SUSPECTS_PROOF = 3,     /* ... by so many survivors */
        SUSPECTS_OLD_S = 60, SUSPECTS_OLDER_S = 240, /* survivors are sampled blocks between these ages that live */
        SUSPECTS_REST_S = 600, /* at first, after one that did not */
};

struct suspects_point {
        double net;       /* the lowest in this step, corrected */
        double variance;  /* of the correction, since the attach */
};

struct suspects_class {
        struct suspects_point points[SUSPECTS_POINTS]; /* a ring */
        double lowest;            /* in the step under way */
        double moved, variance;   /* the correction so far: bytes that came into the class by the chunk's size */
        uint32_t agreed;          /* evaluations in a row that say the opposite of `growing` */
        bool growing;
        bool proven;              /* survivors have shown it */
        uint64_t since_ns;        /* it grows */
        uint64_t rest_ns, rested_ns; /* how long it is left alone after a wrong suspicion; and until when */
};

struct suspects {
        bool exact;               /* frees are counted exactly */
        uint64_t step_end_ns;
        uint32_t n_points;        /* ever closed */
        bool fresh;               /* no look in this step yet */
        struct suspects_class classes[WIRE_CLASSES];
};

void suspects_init(struct suspects *suspects, bool exact_frees, uint64_t now_ns);

/* A sampled block of SIZE bytes as asked for, with its CHUNK (0 = not known) and the MEAN of its sample. */
void suspects_sampled(struct suspects *suspects, uint64_t size, uint64_t chunk, uint64_t mean);

/* Whether the next look should come with survivors: a step ends, and there is a suspicion to be judged. */
bool suspects_wants_survivors(const struct suspects *suspects, uint64_t now_ns);

/* The exact counters of all classes now; a few times a second. SURVIVORS: for each class the number of sampled blocks
 * aged SUSPECTS_OLD_S to SUSPECTS_OLDER_S that live; NULL = not counted. Returns true when a class began or ceased to
 * grow. */
bool suspects_look(struct suspects *suspects, uint64_t now_ns, const struct wire_class_count *classes,
                   const uint32_t *survivors);
