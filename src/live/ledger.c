#include "live/ledger.h"

#include "base/alloc.h"
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

int ledger_init(struct ledger *ledger)
{
        *ledger = (struct ledger){ .tick = 1, .record = xmalloc(sizeof *ledger->record) };
        stacks_init(&ledger->stacks);
        aggregate_init(&ledger->aggregate);
        ledger->tables = unwind_tables_new();
        ledger_read_clock(ledger);
        ledger->last_tick_ns = ledger->last_step_ns = ledger->now_ns;
        return names_new(&ledger->names);
}

void ledger_done(struct ledger *ledger)
{
        names_free(ledger->names);
        unwind_tables_free(ledger->tables);
        happenings_done(&ledger->happenings);
        comms_done(&ledger->comms);
        deciding_done(&ledger->deciding);
        aggregate_done(&ledger->aggregate);
        stacks_done(&ledger->stacks);
        free(ledger->changes.v);
        free(ledger->births.v);
        free(ledger->deaths.v);
        free(ledger->states.v);
        free(ledger->class_means.v);
        free(ledger->record);
        *ledger = (struct ledger){ 0 };
}

void ledger_read_clock(struct ledger *ledger)
{
        uint64_t now_ns = clock_boottime_ns();

        ledger->now_ns = now_ns > ledger->now_ns ? now_ns : ledger->now_ns + 1;
}

uint32_t ledger_leaf(struct ledger *ledger, uint32_t node)
{
        struct stacks_node *n = &ledger->stacks.nodes.v[node];

        if (n->leaf == 0) {
                n->leaf = aggregate_leaf(&ledger->aggregate, node, ledger->now_ns);
                deciding_add(&ledger->deciding, n->leaf, node, ledger->tick);
        }
        return n->leaf;
}

uint32_t ledger_mapped_leaf(struct ledger *ledger, uint32_t node)
{
        bool fresh = ledger->stacks.nodes.v[node].leaf == 0;
        uint32_t leaf = ledger_leaf(ledger, node);

        if (fresh)
                ledger->aggregate.leaves.v[leaf].mapped = true;
        return ledger->aggregate.leaves.v[leaf].mapped ? leaf : 0;
}

void ledger_take_names(struct ledger *ledger)
{
        enum { ANSWERS_A_CALL = 1024 };
        struct names_answer answers[16];
        size_t n, total = 0;

        do {
                n = names_collect(ledger->names, answers, array_len(answers));
                for (size_t i = 0; i < n; i++) {
                        if (answers[i].engine)
                                stacks_engine(&ledger->stacks, answers[i].frame);
                        stacks_named(&ledger->stacks, answers[i].frame, answers[i].names, answers[i].n,
                                     answers[i].runtime);
                }
                total += n;
        } while (n == array_len(answers) && total < ANSWERS_A_CALL);
}

/* What fetching debug information has to say. */
static void take_note(struct ledger *ledger)
{
        char *note = names_take_note(ledger->names);

        if (note)
                happenings_event(&ledger->happenings, ledger->now_ns, REC_EVENT_NOTE, "%s", note);
        free(note);
}

static void add_state(void *ctx, uint32_t site, uint32_t class)
{
        struct ledger *ledger = ctx;

        rows_add(&ledger->states, (struct rec_site_state){ ledger->tick, site, class });
}

void ledger_judge(struct ledger *ledger)
{
        aggregate_classes(&ledger->aggregate, ledger->now_ns, add_state, ledger);
}

void ledger_add_blocks(struct ledger *ledger, const struct blocks *blocks)
{
        size_t most = ledger->births.n + blocks->born.n;

        if (ledger->births.cap < most) {
                ledger->births.cap = most;
                ledger->births.v = xreallocarray(ledger->births.v, most, sizeof *ledger->births.v);
        }
        if (blocks->born.n > 0)
                ledger->births.n += blocks_births(blocks, ledger->births.v + ledger->births.n);
        for (size_t i = 0; i < blocks->deaths.n; i++)
                rows_add(&ledger->deaths, blocks->deaths.v[i]);
}

static void fill_changes(struct ledger *ledger, struct rec_tick *tick)
{
        struct aggregate *aggregate = &ledger->aggregate;

        for (size_t i = 0; i < aggregate->dirty_leaves.n; i++) {
                uint32_t leaf = aggregate->dirty_leaves.v[i];

                aggregate->leaves.v[leaf].dirty = false;
                rows_add(&ledger->changes, aggregate_row(aggregate, leaf, ledger->tick));
        }
        aggregate->dirty_leaves.n = 0;
        tick->changes = ledger->changes.v;
        tick->n_changes = ledger->changes.n;
}

static void fill_code(struct ledger *ledger, struct rec_tick *tick)
{
        const struct stacks *stacks = &ledger->stacks;

        for (size_t i = 0; i < ledger->deciding.new_sites.n; i++)
                names_site(ledger->names, stacks->frames.v[ledger->deciding.new_sites.v[i].frame].module);
        tick->modules = stacks->new_modules.v;
        tick->n_modules = stacks->new_modules.n;
        tick->frames = stacks->new_frames.v;
        tick->n_frames = stacks->new_frames.n;
        tick->stacks = stacks->new_stacks.v;
        tick->n_stacks = stacks->new_stacks.n;
        tick->source_files = stacks->new_source_files.v;
        tick->n_source_files = stacks->new_source_files.n;
        tick->module_files = stacks->new_module_files.v;
        tick->n_module_files = stacks->new_module_files.n;
        tick->sites = ledger->deciding.new_sites.v;
        tick->n_sites = ledger->deciding.new_sites.n;
        tick->states = ledger->states.v;
        tick->n_states = ledger->states.n;
}

/* A row when naming has come further. */
static void fill_naming(struct ledger *ledger, struct rec_tick *tick)
{
        const struct names_progress *progress = &ledger->progress;
        struct names_progress before = ledger->progress;

        names_progress(ledger->names, &ledger->progress);
        if (memcmp(&before, progress, sizeof before) == 0)
                return;
        ledger->naming = (struct rec_naming){ .tick = ledger->tick, .asked = progress->asked, .named = progress->named,
                                              .waiting = progress->fetching.waiting,
                                              .fetched_bytes = progress->fetching.fetched_bytes,
                                              .fetching = progress->fetching.text };
        tick->naming = &ledger->naming;
        tick->n_naming = 1;
}

void ledger_fill(struct ledger *ledger, struct rec_tick *tick)
{
        take_note(ledger);
        fill_changes(ledger, tick);
        fill_code(ledger, tick);
        fill_naming(ledger, tick);
        tick->births = ledger->births.v;
        tick->n_births = ledger->births.n;
        tick->deaths = ledger->deaths.v;
        tick->n_deaths = ledger->deaths.n;
        tick->class_means = ledger->class_means.v;
        tick->n_class_means = ledger->class_means.n;
        comms_fill(&ledger->comms, tick);
        happenings_fill(&ledger->happenings, tick);
}

void ledger_begin_tick(struct ledger *ledger)
{
        stacks_rows_given(&ledger->stacks);
        happenings_given(&ledger->happenings);
        comms_begin_tick(&ledger->comms);
        ledger->deciding.new_sites.n = 0;
        ledger->changes.n = ledger->births.n = ledger->deaths.n = ledger->states.n = 0;
        ledger->class_means.n = 0;
        ledger->last_tick_ns = ledger->now_ns;
        ledger->tick++;
}
