#include "live/fetching.h"

#include "base/alloc.h"
#include "base/fmt.h"
#include "base/log.h"
#include "base/text.h"
#include "live/rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum state { WAITING, FETCHING, SETTLED /* it has come, or never will */ };

struct wanted {
        struct naming *naming; /* not ours */
        char *name;            /* the last part of its path, fit to show */
        uint32_t sites, tries;
        enum state state;
        ROWS(struct fetching_frame) frames; /* named without lines */
};

struct fetching {
        struct debuginfod *debuginfod;
        ROWS(struct wanted) wanted;
        ROWS(uint32_t) places; /* by module: where it is in wanted, counted from 1; 0 = it is not */
        uint32_t n_unsettled;
        ROWS(struct fetching_frame) again;
        size_t n_frames, current; /* remembered in all; index of the one in state FETCHING */
        uint64_t poll_ns, pause_until_ns, pause_ns;
        bool off;    /* for good */
        bool said;
        char *note;
};

struct fetching *fetching_new(const struct debuginfod_options *options)
{
        struct fetching *fetching = xcalloc(1, sizeof *fetching);

        fetching->debuginfod = debuginfod_new(options);
        fetching->pause_ns = FETCHING_PAUSE_NS;
        return fetching;
}

void fetching_free(struct fetching *fetching)
{
        if (!fetching)
                return;
        debuginfod_free(fetching->debuginfod);
        for (size_t i = 0; i < fetching->wanted.n; i++) {
                free(fetching->wanted.v[i].frames.v);
                free(fetching->wanted.v[i].name);
        }
        free(fetching->wanted.v);
        free(fetching->places.v);
        free(fetching->again.v);
        free(fetching->note);
        free(fetching);
}

/* ---- what is wanted ---- */

static char *name_of(const char *path)
{
        const char *slash = strrchr(path, '/');

        return text_clean(slash && slash[1] ? slash + 1 : path);
}

static struct wanted *find(const struct fetching *fetching, uint32_t module)
{
        uint32_t place = module < fetching->places.n ? fetching->places.v[module] : 0;

        return place ? &fetching->wanted.v[place - 1] : NULL;
}

static struct wanted *add(struct fetching *fetching, struct naming *naming, const char *path, uint32_t module)
{
        bool possible = naming_build_id(naming)[0] && !naming_has_lines(naming);

        while (fetching->places.n <= module)
                rows_add(&fetching->places, 0);
        rows_add(&fetching->wanted, (struct wanted){ .naming = naming, .name = name_of(path),
                                                     .state = possible ? WAITING : SETTLED });
        fetching->places.v[module] = (uint32_t)fetching->wanted.n;
        fetching->n_unsettled += possible;
        return &fetching->wanted.v[fetching->wanted.n - 1];
}

void fetching_missed(struct fetching *fetching, struct naming *naming, const char *path,
                     const struct fetching_frame *frame)
{
        struct wanted *wanted = find(fetching, frame->module);

        if (fetching->off || fetching->n_frames >= FETCHING_AGAIN_MAX)
                return;
        if (!wanted)
                wanted = add(fetching, naming, path, frame->module);
        if (wanted->state == SETTLED)
                return;
        rows_add(&wanted->frames, *frame);
        fetching->n_frames++;
}

void fetching_weigh(struct fetching *fetching, uint32_t module, uint32_t n)
{
        struct wanted *wanted = find(fetching, module);

        if (wanted)
                wanted->sites = n;
}

/* What failed before comes after what has not been tried; then what stands at most sites, and on most frames. */
static bool comes_before(const struct wanted *a, const struct wanted *b)
{
        if (a->tries != b->tries)
                return a->tries < b->tries;
        if (a->sites != b->sites)
                return a->sites > b->sites;
        return a->frames.n > b->frames.n;
}

static struct wanted *choose(const struct fetching *fetching)
{
        struct wanted *best = NULL;

        for (size_t i = 0; i < fetching->wanted.n; i++) {
                struct wanted *wanted = &fetching->wanted.v[i];

                if (wanted->state == WAITING && (!best || comes_before(wanted, best)))
                        best = wanted;
        }
        return best;
}

/* ---- what comes ---- */

static void forget_frames(struct fetching *fetching, struct wanted *wanted)
{
        fetching->n_frames -= wanted->frames.n;
        free(wanted->frames.v);
        wanted->frames.v = NULL;
        wanted->frames.n = wanted->frames.cap = 0;
}

static void settle(struct fetching *fetching, struct wanted *wanted)
{
        fetching->n_unsettled -= wanted->state != SETTLED;
        wanted->state = SETTLED;
        forget_frames(fetching, wanted);
}

static void take(struct fetching *fetching, struct wanted *wanted, struct image *image, struct image *alternate)
{
        if (alternate)
                naming_add_alternate(wanted->naming, alternate);
        if (naming_add_debug(wanted->naming, image) == 0) {
                for (size_t i = 0; i < wanted->frames.n; i++)
                        rows_add(&fetching->again, wanted->frames.v[i]);
                log_info("%s: debug information was fetched", wanted->name);
        } else {
                log_info("%s: what was fetched holds no lines", wanted->name);
        }
        settle(fetching, wanted);
}

static void give_up(struct fetching *fetching)
{
        fetching->off = true;
        for (size_t i = 0; i < fetching->wanted.n; i++)
                settle(fetching, &fetching->wanted.v[i]);
        debuginfod_rest(fetching->debuginfod); /* nobody steps any more */
}

/* Something is wrong with all servers, or with us. */
static void have_trouble(struct fetching *fetching, int result, uint64_t now_ns)
{
        bool for_good = result == -ENOPKG || result == -EPERM || result == -EACCES || result == -EROFS;
        char pause[FMT_MAX];

        if (!fetching->said)
                fetching->note = xasprintf("debug information is not fetched: %s%s%s", debuginfod_words(result),
                                           for_good ? "" : "; tried again in ",
                                           for_good ? "" : fmt_duration(pause, fetching->pause_ns));
        fetching->said = true;
        if (for_good) {
                give_up(fetching);
                return;
        }
        fetching->pause_until_ns = now_ns + fetching->pause_ns;
        fetching->pause_ns *= 2;
        if (fetching->pause_ns > FETCHING_PAUSE_MAX_NS)
                fetching->pause_ns = FETCHING_PAUSE_MAX_NS;
}

static void fail(struct fetching *fetching, struct wanted *wanted, int result, uint64_t now_ns)
{
        log_info("%s: no debug information: %s (%s)", wanted->name, debuginfod_words(result), strerror(-result));
        wanted->state = WAITING;
        if (!debuginfod_is_trouble(result) || ++wanted->tries >= FETCHING_TRIES)
                settle(fetching, wanted);
        if (debuginfod_is_trouble(result))
                have_trouble(fetching, result, now_ns);
}

static void look_at_current(struct fetching *fetching, uint64_t now_ns)
{
        struct wanted *wanted = &fetching->wanted.v[fetching->current];
        struct image *image, *alternate;
        int result;

        if (wanted->state != FETCHING || !debuginfod_poll(fetching->debuginfod, &result, &image, &alternate))
                return;
        if (result == 0) {
                fetching->said = false; /* servers that answer again may fail again */
                fetching->pause_ns = FETCHING_PAUSE_NS;
                take(fetching, wanted, image, alternate);
        } else {
                fail(fetching, wanted, result, now_ns);
        }
}

static void begin_next(struct fetching *fetching, uint64_t now_ns, bool quiet)
{
        struct wanted *wanted = choose(fetching);
        int r;

        if (!wanted) {
                debuginfod_rest(fetching->debuginfod);
                return;
        }
        if (wanted->sites == 0 && !quiet)
                return;
        fetching->current = (size_t)(wanted - fetching->wanted.v);
        r = debuginfod_fetch(fetching->debuginfod, naming_build_id(wanted->naming));
        if (r == 0)
                wanted->state = FETCHING;
        else
                fail(fetching, wanted, r, now_ns);
}

static bool is_fetching(const struct fetching *fetching)
{
        return fetching->wanted.n > 0 && fetching->wanted.v[fetching->current].state == FETCHING;
}

void fetching_step(struct fetching *fetching, uint64_t now_ns, bool quiet)
{
        if (fetching->wanted.n == 0 || fetching->off)
                return;
        fetching->poll_ns = now_ns + FETCHING_POLL_NS;
        if (is_fetching(fetching))
                look_at_current(fetching, now_ns);
        if (!is_fetching(fetching) && !fetching->off && now_ns >= fetching->pause_until_ns)
                begin_next(fetching, now_ns, quiet);
}

bool fetching_again(struct fetching *fetching, struct fetching_frame *ret)
{
        if (fetching->again.n == 0)
                return false;
        *ret = fetching->again.v[--fetching->again.n];
        return true;
}

uint64_t fetching_due_ns(const struct fetching *fetching)
{
        if (fetching->off || (fetching->n_unsettled == 0 && debuginfod_pid(fetching->debuginfod) == 0))
                return UINT64_MAX;
        if (!is_fetching(fetching) && fetching->pause_until_ns > fetching->poll_ns)
                return fetching->pause_until_ns;
        return fetching->poll_ns;
}

void fetching_look(const struct fetching *fetching, struct fetching_state *ret)
{
        char done[FMT_MAX], total[FMT_MAX];
        uint64_t done_bytes, total_bytes;
        const char *name;

        *ret = (struct fetching_state){ .waiting = fetching->n_unsettled,
                                         .fetched_bytes = debuginfod_fetched(fetching->debuginfod) };
        if (!is_fetching(fetching))
                return;
        name = fetching->wanted.v[fetching->current].name;
        debuginfod_progress(fetching->debuginfod, &done_bytes, &total_bytes);
        if (total_bytes)
                snprintf(ret->text, sizeof ret->text, "%.100s %s of %s", name, fmt_bytes(done, done_bytes),
                         fmt_bytes(total, total_bytes));
        else if (done_bytes)
                snprintf(ret->text, sizeof ret->text, "%.100s %s", name, fmt_bytes(done, done_bytes));
        else
                snprintf(ret->text, sizeof ret->text, "%.100s", name);
}

char *fetching_take_note(struct fetching *fetching)
{
        char *note = fetching->note;

        fetching->note = NULL;
        return note;
}
