#include "model/stacks.h"

#include "model/compare.h"
#include "model/inside.h"

#include <assert.h>

static uint32_t kind_of(const struct names *names, uint32_t site)
{
        return site < names->n_sites ? names->sites[site].kind : REC_SITE_HEAP;
}

/* What was born since BASE and lives (model/compare.h). All that is known was born since the attach. */
static void fill_kept(struct heap_stack *stack, const struct heap *heap, const struct compare *compare)
{
        const struct compare_figures *figures = compare ? compare_stack(compare, stack->id) : NULL;

        if (heap->base_tick == 0) {
                stack->kept_bytes = stack->live_bytes;
                stack->kept_blocks = stack->live_blocks;
        } else if (figures) {
                stack->kept_bytes = figures->kept_bytes;
                stack->kept_blocks = figures->kept_blocks;
        }
}

/* NULL when nothing can have been born since BASE: it is not before NOW. */
static int compare_with_base(struct heap *heap, struct compare **ret)
{
        int r;

        *ret = NULL;
        if (heap->base_tick == 0 || heap->base_tick >= heap->tick)
                return 0;
        *ret = compare_new(heap);
        r = compare_set(*ret, heap->base_tick, heap->tick, heap->tick);
        if (r < 0) {
                compare_free(*ret);
                *ret = NULL;
        }
        return r;
}

int heap_stacks(struct heap *heap, bool kept, int (*fn)(void *ctx, const struct heap_stack *stack), void *ctx)
{
        const struct names *names = &heap->names;
        struct compare *compare = NULL;
        int r = then_sync(heap, &heap->base);

        if (r == 0 && kept)
                r = compare_with_base(heap, &compare);
        for (uint32_t id = 1; r == 0 && id < names->n_stacks; id++) {
                const struct counts now = cursor_stack(&heap->now, id);
                const struct counts base = then_stack(heap, &heap->base, id);
                uint32_t site = names->stacks[id].site, path[NAMES_DEPTH_MAX];
                struct heap_stack stack = {
                        .id = id, .site = site, .kind = kind_of(names, site),
                        .live_bytes = now.live_bytes, .live_blocks = now.live_blocks,
                        .born_bytes = capped_sub(now.born_bytes, base.born_bytes),
                        .born_blocks = capped_sub(now.born_blocks, base.born_blocks),
                        .frames = path,
                };

                if (site == 0 || now.stacks == 0 || heap_is_expected(heap, site))
                        continue;
                if (kept)
                        fill_kept(&stack, heap, compare);
                stack.n_frames = names_callers(names, id, path);
                for (size_t i = 0; i < stack.n_frames; i++)
                        path[i] = names->stacks[path[i]].frame;
                r = fn(ctx, &stack);
        }
        compare_free(compare);
        return r;
}

int heap_read_all(struct heap *heap)
{
        return then_sync_all(heap);
}

static struct heap_line line_of(const struct names *names, uint32_t id, const struct names_frame *frame)
{
        return (struct heap_line){
                .frame = id, .same = names_same(names, id), .module = frame->module, .name = frame->name,
                .file = frame->file, .line = frame->line,
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
