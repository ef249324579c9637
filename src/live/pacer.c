#include "live/pacer.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fmt.h"

#include <inttypes.h>

#define SETTLED_NS   (10 * NS_PER_S)
#define PAUSE_MIN_NS (60 * NS_PER_S)
#define PAUSE_MAX_NS (3600 * NS_PER_S)
enum { MATTERS = 4, NAMED_MAX = 3 };

static void put_in_force(struct pacer *pacer)
{
        const struct pacing *pacing = &pacer->pacing;
        struct wire_shared *shared = pacer->shared;

        __atomic_store_n(&shared->mean, pacing->mean, __ATOMIC_RELAXED);
        for (uint32_t i = 0; i < WIRE_CLASSES; i++)
                __atomic_store_n(&shared->zoom[i], pacing->zoom[i], __ATOMIC_RELAXED);
}

static void release_brake(struct pacer *pacer)
{
        __atomic_store_n(&pacer->shared->burst, pacer->pacing.burst, __ATOMIC_RELAXED);
        __atomic_store_n(&pacer->shared->taken, 0, __ATOMIC_RELAXED);
}

void pacer_init(struct pacer *pacer, struct wire_shared *shared, uint64_t fixed_mean, bool exact_frees,
                const struct pacing_look *look)
{
        *pacer = (struct pacer){ .shared = shared, .pause_ns = PAUSE_MIN_NS };
        pacing_init(&pacer->pacing, fixed_mean, exact_frees, PACING_BUDGET, look);
        pacer->steady_ns = look->now_ns;
        put_in_force(pacer);
        release_brake(pacer);
}

void pacer_drained(struct pacer *pacer)
{
        struct pacing *pacing = &pacer->pacing;
        uint64_t taken = __atomic_load_n(&pacer->shared->taken, __ATOMIC_RELAXED);

        if (taken == 0 || pacing->n_looks == 0)
                return;
        pacing->braked |= pacing->burst && taken >= pacing->burst;
        release_brake(pacer);
}

void pacer_look(struct pacer *pacer, const struct pacing_look *look)
{
        if (pacing_look(&pacer->pacing, look))
                put_in_force(pacer);
        release_brake(pacer);
}

uint64_t pacer_fix(struct pacer *pacer, uint64_t mean)
{
        pacing_fix(&pacer->pacing, mean);
        put_in_force(pacer);
        release_brake(pacer);
        pacer->said_mean = pacer->steady_mean = pacer->pacing.mean;
        return pacer->pacing.mean;
}

/* ---- telling ---- */

static bool may_speak(struct pacer *pacer, uint64_t now_ns)
{
        if (now_ns < pacer->next_event_ns)
                return false;
        pacer->next_event_ns = now_ns + pacer->pause_ns;
        pacer->pause_ns = pacer->pause_ns * 2 < PAUSE_MAX_NS ? pacer->pause_ns * 2 : PAUSE_MAX_NS;
        return true;
}

static void tell_mean(struct pacer *pacer, uint64_t now_ns, struct happenings *happenings)
{
        uint64_t mean = pacer->pacing.mean;
        char size[FMT_MAX];

        if (mean != pacer->steady_mean) {
                pacer->steady_mean = mean;
                pacer->steady_ns = now_ns;
        }
        if (now_ns < pacer->steady_ns + SETTLED_NS)
                return;
        if (pacer->said_mean == 0) { /* the first to settle is in the header of every screen */
                pacer->said_mean = mean;
                return;
        }
        if (mean < pacer->said_mean * MATTERS && mean * MATTERS > pacer->said_mean)
                return;
        if (!may_speak(pacer, now_ns))
                return;
        happenings_event(happenings, now_ns, REC_EVENT_MEAN, "%s sampling: one sample in %s allocated bytes now",
                         mean > pacer->said_mean ? "coarser" : "finer", fmt_bytes(size, mean));
        pacer->said_mean = mean;
}

static uint64_t own_mean(const struct pacer *pacer, uint32_t index)
{
        return pacer->pacing.zoom[index] > 1 ? pacing_class_mean(&pacer->pacing, index) : 0;
}

/* "96 B" of the class that holds 96 to 111 bytes. */
static void name_class(struct buf *words, uint32_t index, uint32_t n)
{
        char size[FMT_MAX];

        if (n < NAMED_MAX)
                buf_printf(words, "%s%s", n ? ", " : "", fmt_bytes(size, wire_class_floor(index)));
        else if (n == NAMED_MAX)
                buf_puts(words, ", ...");
}

static void write_zooms(struct pacer *pacer, uint32_t tick, pacer_rows *rows)
{
        for (uint32_t i = 0; i < WIRE_CLASSES; i++) {
                uint64_t mean = own_mean(pacer, i);

                if (mean != rows->written[i])
                        rows_add(rows, (struct rec_class_mean){ .tick = tick, .index = i, .mean = mean });
                rows->written[i] = mean;
        }
}

/* A mere suspicion is no news. */
static bool is_news(struct pacer *pacer, uint32_t index)
{
        bool proven = own_mean(pacer, index) && pacer->pacing.suspects.classes[index].proven;

        if (!own_mean(pacer, index))
                pacer->said_zoom[index] = false;
        return proven && !pacer->said_zoom[index];
}

static void tell_zooms(struct pacer *pacer, uint64_t now_ns, struct happenings *happenings)
{
        struct buf words = { 0 };
        uint32_t n = 0;

        for (uint32_t i = 0; i < WIRE_CLASSES; i++)
                if (is_news(pacer, i))
                        name_class(&words, i, n++);
        if (n > 0 && may_speak(pacer, now_ns)) {
                happenings_event(happenings, now_ns, REC_EVENT_MEAN,
                                 "blocks from %s grow: sampled more finely than the rest", words.data);
                for (uint32_t i = 0; i < WIRE_CLASSES; i++)
                        pacer->said_zoom[i] = own_mean(pacer, i) && pacer->pacing.suspects.classes[i].proven;
        }
        buf_done(&words);
}

void pacer_tick(struct pacer *pacer, uint32_t tick, uint64_t now_ns, pacer_rows *rows, struct happenings *happenings)
{
        write_zooms(pacer, tick, rows);
        tell_zooms(pacer, now_ns, happenings);
        if (!pacer->pacing.fixed)
                tell_mean(pacer, now_ns, happenings);
}
