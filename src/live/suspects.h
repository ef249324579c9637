/* suspects: the size classes whose exact counters grow, which is where a closer look pays (class zoom).
 *
 * Net of a class = blocks made - blocks freed, exact, counted since the attach; blocks from before the attach are
 * in it when they are freed, so turnover of those is no growth. One thing is not exact: the counters see requests
 * where blocks are made and chunks where they are freed, and about one chunk in fifty is of the next class. What so
 * crosses a border is known from sampled blocks only (their request and their chunk), and one of those stands for
 * very many: in ten minutes the error is a hundred times a slow leak.
 *
 * But a crossing is a loss to one class and a gain to its neighbour. So the net of a RUN of neighbouring classes has
 * error only at its two outer borders, and none where nothing crosses those: there even a slow leak stands out in a
 * minute and a half. Hence all runs of up to SUSPECTS_RUN classes are tried, as a scan statistic does with intervals
 * (Kulldorff, "A spatial scan statistic", 1997), and the narrowest that grows is suspected as a whole; the closer look
 * tells which of its classes it is.
 *
 * A run grows when the lowest net in the last quarter of the window is above that in the first, has risen in at least
 * two steps between quarters (one jump is no growth), and both is beyond two kinds of noise:
 * - what crossed its outer borders adds up like a random walk, whose standard deviation follows from the samples'
 *   weights: the growth must be SUSPECTS_SIGMAS of them;
 * - the live blocks of what churns fluctuate: the points must rise by the test of Mann (1945) and Kendall, which
 *   counts the pairs of points that are in order and asks nothing of their distribution.
 * (Lowest: what fills and is collected in turn does not count.) The first seconds after the attach are left out, and
 * it takes a minute and two looks in agreement.
 *
 * It must prove true by the closer look: after three minutes some of the sampled blocks must be older than a minute
 * and live. Else the class is left alone for 10 minutes, and twice as long each time, up to an hour. A suspicion ends
 * when no such survivors come any more, or when the window shows no growth that noise might hide, for a minute.
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
        SUSPECTS_RUN = 8,      /* the widest run: two octaves */
        SUSPECTS_SIGMAS = 3,
        SUSPECTS_BYTES_MIN = 16 << 10, /* growth that is worth a look */
        SUSPECTS_UNPROVEN_MAX = 12,    /* classes looked at, the finer for being few */
        SUSPECTS_PROOF_S = 180, /* how long a suspicion has to prove true ... */
        SUSPECTS_PROOF = 3,     /* ... by so many survivors */
        SUSPECTS_OLD_S = 60, SUSPECTS_OLDER_S = 240, /* survivors are sampled blocks between these ages that live */
        SUSPECTS_REST_S = 600, /* at first, after one that did not */
};

struct suspects_point {
        double net;       /* the lowest in this step: blocks, as counted */
        double crossed;   /* estimate of blocks that were counted in this class or below and freed above it, since the
                           * attach ... */
        double variance;  /* ... and of its error */
};

struct suspects_class {
        struct suspects_point points[SUSPECTS_POINTS]; /* a ring */
        struct suspects_point now; /* the step under way */
        uint64_t calls;           /* allocations until the last step */
        bool used;                /* there were some in it */
        uint32_t falling;         /* evaluations in a row that say it does not grow any more */
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
        uint8_t agreed[SUSPECTS_RUN][WIRE_CLASSES]; /* by width - 1 and lowest class: evaluations in a row for growth */
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
