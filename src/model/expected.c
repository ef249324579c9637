/* Sites that are as they should be: a frame of theirs is suppressed. Each frame is looked at once, as long as
 * it reads the same; each stack once after names have changed. */
#include "model/inside.h"

#include "base/alloc.h"
#include "base/suppress.h"

#include <stdlib.h>
#include <string.h>

enum { UNKNOWN, EXPECTED, NOT_EXPECTED };

void expected_done(struct expected *expected)
{
        free(expected->frames);
        free(expected->frame_keys);
        free(expected->stacks);
        free(expected->sites);
        *expected = (struct expected){ 0 };
}

void heap_set_expected(struct heap *heap, const struct suppress *suppress)
{
        expected_done(&heap->expected);
        heap->expected.suppress = suppress;
}

/* Room for all that there is now; what depends on names or patterns that have changed is forgotten. */
static void renew(struct heap *heap)
{
        struct expected *e = &heap->expected;
        const struct names *names = &heap->names;
        unsigned generation = suppress_generation(e->suppress);

        if (e->generation != generation) {
                if (e->n_frames > 0)
                        memset(e->frames, UNKNOWN, e->n_frames);
                e->generation = generation;
                e->names_generation = names->generation - 1;
        }
        if (e->n_frames < names->n_frames) {
                e->frames = xreallocarray(e->frames, names->n_frames, sizeof *e->frames);
                e->frame_keys = xreallocarray(e->frame_keys, names->n_frames, sizeof *e->frame_keys);
                memset(e->frames + e->n_frames, UNKNOWN, names->n_frames - e->n_frames);
                e->n_frames = names->n_frames;
        }
        if (e->names_generation == names->generation && e->n_stacks == names->n_stacks &&
            e->n_sites == names->n_sites)
                return;
        e->stacks = xreallocarray(e->stacks, names->n_stacks + 1, sizeof *e->stacks);
        e->sites = xreallocarray(e->sites, names->n_sites + 1, sizeof *e->sites);
        memset(e->stacks, UNKNOWN, names->n_stacks + 1);
        memset(e->sites, UNKNOWN, names->n_sites + 1);
        e->n_stacks = names->n_stacks;
        e->n_sites = names->n_sites;
        e->names_generation = names->generation;
}

static bool line_matches(struct heap *heap, uint32_t id)
{
        struct expected *e = &heap->expected;
        const struct names_frame *frame;

        if (id == 0 || id >= e->n_frames)
                return false;
        frame = names_bare(&heap->names, id);
        if (e->frames[id] == UNKNOWN || e->frame_keys[id] != frame->key) {
                bool found = suppress_match(e->suppress, frame->name) ||
                             suppress_match(e->suppress, frame->file) ||
                             suppress_match(e->suppress, names_module_path(&heap->names, frame));

                e->frames[id] = found ? EXPECTED : NOT_EXPECTED;
                e->frame_keys[id] = frame->key;
        }
        return e->frames[id] == EXPECTED;
}

/* FRAME, and what was inlined there. */
static bool frame_matches(struct heap *heap, uint32_t frame)
{
        uint32_t ids[2 * NAMES_INLINES_MAX];
        size_t n = names_lines(&heap->names, frame, ids);

        for (size_t i = 0; i < n; i++)
                if (line_matches(heap, ids[i]))
                        return true;
        return false;
}

/* A stack is its frame and the stack of its caller, which others share. */
static bool stack_matches(struct heap *heap, uint32_t stack)
{
        struct expected *e = &heap->expected;
        uint32_t path[NAMES_DEPTH_MAX];
        size_t n = names_callers(&heap->names, stack, path), known = n;
        bool found = false;

        for (size_t i = 0; i < n && known == n; i++)
                if (path[i] < e->n_stacks && e->stacks[path[i]] != UNKNOWN)
                        known = i;
        if (known < n)
                found = e->stacks[path[known]] == EXPECTED;
        while (known-- > 0) {
                uint32_t id = path[known];

                if (id >= e->n_stacks)
                        continue;
                found = found || frame_matches(heap, heap->names.stacks[id].frame);
                e->stacks[id] = found ? EXPECTED : NOT_EXPECTED;
        }
        return found;
}

bool heap_is_expected(struct heap *heap, uint32_t site)
{
        struct expected *e = &heap->expected;
        bool found = false;

        if (!e->suppress || suppress_count(e->suppress) == 0 || site == 0 || site >= heap->names.n_sites)
                return false;
        renew(heap);
        if (e->sites[site] != UNKNOWN)
                return e->sites[site] == EXPECTED;
        for (uint32_t stack = heap->names.sites[site].first, steps = 0;
             stack != 0 && stack < heap->names.n_stacks && steps < heap->names.n_stacks && !found;
             stack = heap->names.stacks[stack].next, steps++)
                found = stack_matches(heap, stack);
        e->sites[site] = found ? EXPECTED : NOT_EXPECTED;
        return found;
}

size_t heap_n_expected(struct heap *heap)
{
        size_t n = 0;

        if (!heap->expected.suppress || suppress_count(heap->expected.suppress) == 0)
                return 0;
        for (uint32_t site = 1; site < heap->names.n_sites; site++)
                n += heap_has_site(heap, site) && heap_is_expected(heap, site);
        return n;
}
