#include "live/follow.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "inject/heirs.h"
#include "target/children.h"
#include "target/proc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_NS    (50 * NS_PER_MS)  /* between two looks, at least ... */
#define LOOK_SHARE 50                /* ... and so many times what a look takes */
#define SETTLE_NS  (50 * NS_PER_MS)  /* a child is left alone for this long */
#define RETRY_NS   (50 * NS_PER_MS)
#define FULL_NS    (1 * NS_PER_S)    /* when there are too many already */
#define PATIENCE_NS (3 * NS_PER_S)   /* with one that cannot be attached to */
enum { KIN_MAX = 4096 };

enum kin_state {
        KIN_WAITING,
        KIN_RECORDED,
        KIN_GIVEN_UP, /* cannot be recorded; its children perhaps can */
};

/* A process that descends from the target. */
struct kin {
        pid_t pid;
        uint64_t start_time;
        enum kin_state state;
        uint32_t parent;    /* id of a member, 0 = not known */
        bool called_exec;   /* it was recorded until then */
        uint64_t seen_ns, next_ns;
        uint64_t tried_ns;  /* for the first time; 0 = not yet */
};

struct follow {
        struct follow_options options;
        struct members *members;
        struct ledger *ledger;
        ROWS(struct kin) kin;
        uint64_t since;      /* start time (field 22) of what is younger than the following */
        uint64_t look_ns;    /* of the next look */
        uint32_t n_short;    /* ended before their turn, since the last tick */
        bool said_full, said_blind;
};

static struct happenings *happenings(struct follow *follow)
{
        return &follow->ledger->happenings;
}

static struct kin *find(struct follow *follow, pid_t pid)
{
        for (size_t i = 0; i < follow->kin.n; i++) {
                if (follow->kin.v[i].pid == pid)
                        return &follow->kin.v[i];
        }
        return NULL;
}

static struct kin *add(struct follow *follow, pid_t pid, uint64_t start_time, uint32_t parent)
{
        uint64_t now_ns = follow->ledger->now_ns;

        if (follow->kin.n >= KIN_MAX)
                return NULL;
        rows_add(&follow->kin, (struct kin){ .pid = pid, .start_time = start_time, .parent = parent, .seen_ns = now_ns,
                                             .next_ns = now_ns + SETTLE_NS });
        return &follow->kin.v[follow->kin.n - 1];
}

struct follow *follow_new(const struct follow_options *options, struct members *members)
{
        struct follow *follow = xcalloc(1, sizeof *follow);
        uint64_t ticks = (uint64_t)sysconf(_SC_CLK_TCK);

        follow->options = *options;
        follow->members = members;
        follow->ledger = members->ledger;
        follow->since = follow->ledger->now_ns / (NS_PER_S / ticks);
        for (size_t i = 0; i < members->v.n; i++) {
                struct kin *kin = add(follow, members->v.v[i]->row.pid, members->v.v[i]->start_time, members->v.v[i]->row.id);

                kin->state = KIN_RECORDED;
        }
        return follow;
}

void follow_free(struct follow *follow)
{
        if (!follow)
                return;
        free(follow->kin.v);
        free(follow);
}

/* ---- looking ---- */

/* What waited and has ended has lived too short. One that its parent has not waited for is remembered, so that it is counted
 * once. */
static void drop_ended(struct follow *follow)
{
        size_t kept = 0;

        for (size_t i = 0; i < follow->kin.n; i++) {
                struct kin kin = follow->kin.v[i];
                struct proc_stat stat;
                bool there = proc_stat_read(kin.pid, &stat) == 0 && stat.start_time == kin.start_time;

                if (!members_find(follow->members, kin.pid) && !proc_is_same(kin.pid, kin.start_time)) {
                        follow->n_short += kin.state == KIN_WAITING;
                        kin.state = KIN_GIVEN_UP;
                }
                if (there)
                        follow->kin.v[kept++] = kin;
        }
        follow->kin.n = kept;
}

static void add_child(struct follow *follow, pid_t pid, uint32_t parent)
{
        struct proc_stat stat;

        if (!find(follow, pid) && proc_stat_read(pid, &stat) == 0)
                add(follow, pid, stat.start_time, parent);
}

/* The children of all that descend from the target, those found now, too. */
static void look_for_children(struct follow *follow)
{
        for (size_t i = 0; i < follow->kin.n; i++) {
                const struct member *member = members_find(follow->members, follow->kin.v[i].pid);
                uint32_t parent = member ? member->row.id : follow->kin.v[i].parent;
                pid_t *children = NULL;
                size_t n = 0;
                int r = children_read(follow->kin.v[i].pid, &children, &n);

                if (r == -ENOENT && !follow->said_blind) {
                        follow->said_blind = true;
                        happenings_event(happenings(follow), follow->ledger->now_ns, REC_EVENT_NOTE,
                                         "children cannot be followed: this kernel does not list them");
                }
                for (size_t k = 0; k < n; k++)
                        add_child(follow, children[k], parent);
                free(children);
        }
}

static int add_orphan(void *ctx, pid_t pid, uint64_t file)
{
        struct follow *follow = ctx;
        const struct member *member = members_find_file(follow->members, file);

        add_child(follow, pid, member ? member->row.id : 0);
        return 0;
}

static void look(struct follow *follow)
{
        uint64_t began_ns = clock_boottime_ns(), took_ns;

        drop_ended(follow);
        if (follow->options.fork)
                look_for_children(follow);
        took_ns = clock_boottime_ns() - began_ns;
        follow->look_ns = began_ns + (took_ns * LOOK_SHARE > LOOK_NS ? took_ns * LOOK_SHARE : LOOK_NS);
}

/* ---- attaching ---- */

/* OURS: it carries what we hooked, so it was forked since then, even before we began to look. */
static enum rec_came how_it_came(const struct follow *follow, const struct kin *kin, enum heirs_kind kind, bool ours)
{
        if (kin->called_exec)
                return REC_CAME_EXEC;
        if (kind == HEIRS_PASSIVE && ours)
                return REC_CAME_FORKED;
        if (kin->start_time + 1 < follow->since)
                return REC_CAME_ATTACHED;
        return kind == HEIRS_PASSIVE ? REC_CAME_FORKED : REC_CAME_EXEC;
}

static void say_recorded(struct follow *follow, const struct member *member)
{
        static const char *const how[REC_CAMES] = { "ran already", "forked", "runs it by exec" };
        char *comm = text_clean(member->row.comm);

        happenings_event(happenings(follow), follow->ledger->now_ns,
                         member->row.came == REC_CAME_EXEC ? REC_EVENT_EXEC : REC_EVENT_FORK,
                         "%s %d is recorded, too (%s): stopped for %.1f ms, %" PRIu32 " functions hooked", comm,
                         (int)member->row.pid, how[member->row.came], (double)member->injection->stop_ns / 1e6,
                         member->injection->n_hooks);
        free(comm);
}

static void note(struct follow *follow, const struct kin *kin, bool ends)
{
        if (follow->options.note)
                follow->options.note(follow->options.arg, kin->pid, kin->start_time, ends);
}

/* It could not be attached to. Much passes: a loader that has not mapped the C library, threads that do not stop. */
static void failed(struct follow *follow, struct kin *kin, const struct err *err)
{
        uint64_t now_ns = follow->ledger->now_ns;

        note(follow, kin, true);
        if (!proc_is_same(kin->pid, kin->start_time)) {
                kin->next_ns = now_ns; /* the next look counts it */
                follow->look_ns = now_ns;
                return;
        }
        kin->next_ns = now_ns + RETRY_NS;
        if (kin->tried_ns == 0)
                kin->tried_ns = now_ns;
        if (now_ns - kin->tried_ns < PATIENCE_NS)
                return;
        kin->state = KIN_GIVEN_UP;
        happenings_event(happenings(follow), now_ns, REC_EVENT_NOTE, "child %d is not recorded: %.300s", (int)kin->pid,
                         err->text[0] ? err->text : strerror(-err->code));
}

static void attach(struct follow *follow, struct kin *kin, enum rec_came came)
{
        struct injection *injection = xcalloc(1, sizeof *injection);
        struct member *member;
        struct err err = { 0 };
        int r;

        injection->lock_fd = -1;
        note(follow, kin, false);
        r = inject_attach(kin->pid, &follow->options.inject, injection, &err);
        ledger_read_clock(follow->ledger);
        if (r < 0) {
                free(injection);
                failed(follow, kin, &err);
                return;
        }
        member = members_add(follow->members, injection, false, kin->parent, came, &err);
        if (!member) {
                failed(follow, kin, &err);
                return;
        }
        if (kin->called_exec)
                happenings_gap(happenings(follow), kin->seen_ns, follow->ledger->now_ns, 0,
                               "%d began to run another program: nothing was sampled until it was hooked again", (int)kin->pid);
        kin->state = KIN_RECORDED;
        kin->called_exec = false;
        say_recorded(follow, member);
}

static void try_attach(struct follow *follow, struct kin *kin)
{
        uint64_t now_ns = follow->ledger->now_ns, file = 0;
        enum heirs_kind kind;
        bool ours;

        if (!proc_is_same(kin->pid, kin->start_time)) { /* its number may be somebody else's; the next look counts it */
                kin->next_ns = now_ns + RETRY_NS;
                follow->look_ns = now_ns;
                return;
        }
        if (follow->members->n_live >= FOLLOW_MOST) {
                kin->next_ns = now_ns + FULL_NS;
                if (!follow->said_full)
                        happenings_event(happenings(follow), now_ns, REC_EVENT_NOTE,
                                         "%d processes are recorded, and no more at a time: further children are not until "
                                         "one ends", FOLLOW_MOST);
                follow->said_full = true;
                return;
        }
        kind = heirs_look(kin->pid, &file);
        ours = members_find_file(follow->members, file) != NULL;
        if (kind == HEIRS_HOOKED && ours) {
                kin->next_ns = now_ns + RETRY_NS; /* vfork: the memory is its parent's */
                return;
        }
        attach(follow, kin, how_it_came(follow, kin, kind, ours));
}

/* ---- public ---- */

void follow_step(struct follow *follow)
{
        uint64_t now_ns = follow->ledger->now_ns;

        if (now_ns >= follow->look_ns)
                look(follow);
        for (size_t i = 0; i < follow->kin.n; i++) {
                struct kin *kin = &follow->kin.v[i];

                if (kin->state != KIN_WAITING || now_ns < kin->next_ns)
                        continue;
                try_attach(follow, kin);
                return;
        }
}

void follow_tick(struct follow *follow)
{
        if (follow->n_short > 0)
                happenings_event(happenings(follow), follow->ledger->now_ns, REC_EVENT_FORK,
                                 "%" PRIu32 " %s lived too short to be recorded", follow->n_short,
                                 follow->n_short == 1 ? "child" : "children");
        follow->n_short = 0;
        follow->said_full &= follow->members->n_live >= FOLLOW_MOST;
}

void follow_exec(struct follow *follow, const struct member *member)
{
        struct kin *kin = find(follow, member->row.pid);

        if (!kin)
                kin = add(follow, member->row.pid, member->start_time, member->row.id);
        if (!kin)
                return;
        note(follow, kin, true);
        kin->state = KIN_WAITING;
        kin->called_exec = true;
        kin->tried_ns = 0;
        kin->parent = member->row.id;
        kin->seen_ns = follow->ledger->last_step_ns; /* it was there then */
        kin->next_ns = follow->ledger->now_ns;
}

void follow_exited(struct follow *follow, const struct member *member)
{
        struct kin *kin = find(follow, member->row.pid);

        if (kin)
                note(follow, kin, true);
        if (follow->options.fork && member->file)
                heirs_find(&member->file, 1, member->row.started_ns - NS_PER_S, add_orphan, follow);
}

size_t follow_waiting(const struct follow *follow)
{
        size_t n = 0;

        for (size_t i = 0; i < follow->kin.n; i++)
                n += follow->kin.v[i].state == KIN_WAITING;
        return n;
}
