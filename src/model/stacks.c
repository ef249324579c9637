#include "model/stacks.h"

#include "model/estimate.h"
#include "model/inside.h"

#include <assert.h>
#include <math.h>

/* What of a stack was born after BASE. */
struct keeping {
        uint64_t after_ns;
        __int128 bytes;
        double blocks;
};

static int keep_block(void *ctx, const struct rec_block *row)
{
        struct keeping *keeping = ctx;

        if (row->birth_ns <= keeping->after_ns)
                return 0;
        keeping->bytes += estimate_bytes(row->size, row->weight);
        keeping->blocks += row->weight;
        return 0;
}

/* Never more than lives: what a rolled-up or damaged file no longer tells apart counts as older. */
static int count_kept(struct heap *heap, struct heap_stack *stack)
{
        struct keeping keeping = { .after_ns = heap->base.process.time_ns };
        int64_t blocks;
        int r;

        stack->kept_bytes = stack->live_bytes;
        stack->kept_blocks = stack->live_blocks;
        if (heap->base.process.tick == 0 || stack->live_bytes == 0)
                return 0;
        r = heap->history->blocks(heap->history->arg, stack->id, heap->tick, keep_block, &keeping);
        if (r < 0)
                return r;
        blocks = keeping.blocks >= 0 && keeping.blocks < 0x1p62 ? llround(keeping.blocks) : 0;
        if (keeping.bytes < stack->live_bytes)
                stack->kept_bytes = capped(keeping.bytes);
        if (blocks < stack->live_blocks)
                stack->kept_blocks = blocks;
        return 0;
}

static uint32_t kind_of(const struct names *names, uint32_t site)
{
        return site < names->n_sites ? names->sites[site].kind : REC_SITE_HEAP;
}

int heap_stacks(struct heap *heap, bool kept, int (*fn)(void *ctx, const struct heap_stack *stack), void *ctx)
{
        const struct names *names = &heap->names;
        int error = then_sync(heap, &heap->base);

        if (error < 0)
                return error;
        for (uint32_t id = 1; id < names->n_stacks; id++) {
                const struct counts now = cursor_stack(&heap->now, id), base = then_stack(heap, &heap->base, id);
                uint32_t site = names->stacks[id].site, path[NAMES_DEPTH_MAX];
                struct heap_stack stack = {
                        .id = id, .site = site, .kind = kind_of(names, site),
                        .live_bytes = now.live_bytes, .live_blocks = now.live_blocks,
                        .born_bytes = capped_sub(now.born_bytes, base.born_bytes),
                        .born_blocks = capped_sub(now.born_blocks, base.born_blocks),
                        .frames = path,
                };
                int r = 0;

                if (site == 0 || now.stacks == 0)
                        continue;
                if (kept)
                        r = count_kept(heap, &stack);
                if (r < 0)
                        return r;
                stack.n_frames = names_callers(names, id, path);
                for (size_t i = 0; i < stack.n_frames; i++)
                        path[i] = names->stacks[path[i]].frame;
                r = fn(ctx, &stack);
                if (r != 0)
                        return r;
        }
        return 0;
}

static struct heap_line line_of(const struct names *names, uint32_t id, const struct names_frame *frame)
{
        return (struct heap_line){
                .frame = id, .same = names_same(names, id), .module = frame->module, .name = frame->name, .file = frame->file, .line = frame->line,
                .offset = frame->offset, .approximate = names_is_approximate(frame),
                .runtime = frame->flags & REC_FRAME_RUNTIME, .inlined = frame->inlined_in != 0,
                .guessed = frame->flags & REC_FRAME_GUESSED, .truncated = frame->flags & REC_FRAME_TRUNCATED,
                .script = frame->flags & REC_FRAME_INTERPRETED,
        };
}

size_t heap_frame_lines(const struct heap *heap, uint32_t frame, struct heap_line ret[HEAP_LINES_MAX])
{
        uint32_t ids[2 * NAMES_INLINES_MAX];
        size_t n = names_lines(&heap->names, frame, ids);

        static_assert(2 * NAMES_INLINES_MAX <= HEAP_LINES_MAX, "all lines of a frame fit");
        for (size_t i = 0; i < n; i++)
                ret[i] = line_of(&heap->names, ids[n - 1 - i], names_frame(&heap->names, ids[n - 1 - i]));
        return n;
}

bool heap_site_line(const struct heap *heap, uint32_t site, struct heap_line *ret)
{
        if (site == 0 || !heap_has_site(heap, site))
                return false;
        *ret = line_of(&heap->names, heap->names.sites[site].frame, names_of_site(&heap->names, site));
        return true;
}

uint32_t heap_n_modules(const struct heap *heap)
{
        return (uint32_t)heap->names.n_modules;
}

bool heap_module(const struct heap *heap, uint32_t id, const char **ret_path, const char **ret_build_id)
{
        if (id == 0 || id >= heap->names.n_modules || !heap->names.modules[id].path)
                return false;
        *ret_path = heap->names.modules[id].path;
        *ret_build_id = heap->names.modules[id].build_id;
        return true;
}
