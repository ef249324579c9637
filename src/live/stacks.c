#include "live/stacks.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

enum { OFFSET_BITS = 48, MODULE_BITS = 12 };
_Static_assert(STACKS_MODULES_MAX < 1 << MODULE_BITS, "a frame's key has room for the module");

static uint64_t hash_text(const char *s)
{
        uint64_t hash = 0xcbf29ce484222325ull; /* FNV-1a */

        for (; *s; s++)
                hash = (hash ^ (unsigned char)*s) * 0x100000001b3ull;
        return hash == 0 || hash == UINT64_MAX ? 1 : hash;
}

static uint64_t frame_key(uint32_t module, uint64_t offset, uint32_t flags)
{
        uint64_t how = (flags & REC_FRAME_GUESSED ? 1u : 0) | (flags & REC_FRAME_TRUNCATED ? 2u : 0) |
                       (flags & STACKS_EXACT ? 4u : 0);

        return how << (OFFSET_BITS + MODULE_BITS) | (uint64_t)module << OFFSET_BITS | offset;
}

static bool is_said(const struct dwarf_source *source)
{
        static const uint8_t nothing[DWARF_MD5_SIZE];

        return source->size || source->mtime_ns || memcmp(source->md5, nothing, sizeof nothing) != 0;
}

static char *md5_text(const uint8_t md5[DWARF_MD5_SIZE])
{
        static const char digits[] = "0123456789abcdef";
        char text[2 * DWARF_MD5_SIZE + 1] = "";
        uint8_t all = 0;

        for (size_t i = 0; i < DWARF_MD5_SIZE; i++) {
                all |= md5[i];
                text[2 * i] = digits[md5[i] >> 4];
                text[2 * i + 1] = digits[md5[i] & 15];
        }
        return xstrdup(all ? text : "");
}

/* What is said of a source file, when MODULE names it for the first time. */
static void add_source(struct stacks *stacks, uint32_t module, const struct stacks_name *name)
{
        uint64_t key, known;

        if (!name->file || module == 0 || !is_said(&name->source))
                return;
        key = hash_text(name->file) ^ module * 0x9e3779b97f4a7c15ull;
        key = key == 0 || key == UINT64_MAX ? 1 : key;
        if (addrmap_get(&stacks->source_files, key, &known))
                return;
        addrmap_put(&stacks->source_files, key, 1);
        rows_add(&stacks->new_source_files, (struct rec_source_file){ module, xstrdup(name->file), name->source.size,
                                                                       name->source.mtime_ns, md5_text(name->source.md5) });
}

void stacks_module_file(struct stacks *stacks, const struct rec_module_file *file)
{
        rows_add(&stacks->new_module_files, *file);
}

static void add_row(struct stacks *stacks, uint32_t id, const struct stacks_name *name, uint32_t inlined_in)
{
        const struct stacks_frame *frame = &stacks->frames.v[id];
        struct rec_frame row = { .id = id, .module = frame->module, .offset = frame->offset,
                                 .inlined_in = inlined_in, .flags = frame->flags & ~(uint32_t)STACKS_OWN_FLAGS };

        if (name) {
                row.func = name->func;
                row.file = name->file;
                row.line = name->line;
                row.flags |= (name->nearest ? REC_FRAME_NEAREST : 0u) | (name->runtime ? REC_FRAME_RUNTIME : 0u);
                add_source(stacks, frame->module, name);
        }
        rows_add(&stacks->new_frames, row);
}

static uint32_t add_frame(struct stacks *stacks, uint32_t module, uint64_t key, uint64_t offset, uint32_t flags)
{
        rows_add(&stacks->frames, (struct stacks_frame){ offset, key, module, flags });
        return (uint32_t)(stacks->frames.n - 1);
}

void stacks_init(struct stacks *stacks)
{
        *stacks = (struct stacks){ 0 };
        rows_add(&stacks->frames, (struct stacks_frame){ 0 });
        rows_add(&stacks->nodes, (struct stacks_node){ 0 });
        rows_add(&stacks->runtime_modules, false);
}

void stacks_rows_given(struct stacks *stacks)
{
        for (size_t i = 0; i < stacks->new_modules.n; i++) {
                free((void *)(uintptr_t)stacks->new_modules.v[i].path);
                free((void *)(uintptr_t)stacks->new_modules.v[i].build_id);
        }
        for (size_t i = 0; i < stacks->new_frames.n; i++) {
                free((void *)(uintptr_t)stacks->new_frames.v[i].func);
                free((void *)(uintptr_t)stacks->new_frames.v[i].file);
        }
        for (size_t i = 0; i < stacks->new_source_files.n; i++) {
                free((void *)(uintptr_t)stacks->new_source_files.v[i].path);
                free((void *)(uintptr_t)stacks->new_source_files.v[i].md5);
        }
        stacks->new_modules.n = stacks->new_frames.n = stacks->new_stacks.n = 0;
        stacks->new_source_files.n = stacks->new_module_files.n = 0;
}

void stacks_done(struct stacks *stacks)
{
        stacks_rows_given(stacks);
        free(stacks->new_modules.v);
        free(stacks->new_frames.v);
        free(stacks->new_stacks.v);
        free(stacks->new_source_files.v);
        free(stacks->new_module_files.v);
        free(stacks->frames.v);
        free(stacks->nodes.v);
        free(stacks->runtime_modules.v);
        addrmap_done(&stacks->frame_ids);
        addrmap_done(&stacks->node_ids);
        addrmap_done(&stacks->module_ids);
        addrmap_done(&stacks->source_files);
        *stacks = (struct stacks){ 0 };
}

uint32_t stacks_module(struct stacks *stacks, const char *path, const char *build_id, bool runtime)
{
        uint64_t key = hash_text(build_id[0] ? build_id : path), id;

        if (addrmap_get(&stacks->module_ids, key, &id))
                return (uint32_t)id;
        if (stacks->runtime_modules.n > STACKS_MODULES_MAX)
                return 0;
        id = stacks->runtime_modules.n;
        rows_add(&stacks->runtime_modules, runtime);
        addrmap_put(&stacks->module_ids, key, id);
        rows_add(&stacks->new_modules, (struct rec_module){ (uint32_t)id, xstrdup(path), xstrdup(build_id) });
        return (uint32_t)id;
}

uint32_t stacks_frame_keyed(struct stacks *stacks, uint32_t module, uint64_t key, uint64_t offset, uint32_t flags,
                            bool *ret_new)
{
        uint64_t full, id;
        bool fresh = false;

        if (stacks->frames.n >= STACKS_FRAMES_MAX || key == 0 || key >> OFFSET_BITS)
                module = 0, key = offset = 1, flags = 0; /* an address that no code has: "unknown" */
        flags &= STACKS_KEY_FLAGS | STACKS_CODE_FLAGS;
        full = frame_key(module, key, flags);
        if (!addrmap_get(&stacks->frame_ids, full, &id)) {
                id = add_frame(stacks, module, key, offset, flags);
                addrmap_put(&stacks->frame_ids, full, id);
                add_row(stacks, (uint32_t)id, NULL, 0);
                fresh = true;
        }
        if (ret_new)
                *ret_new = fresh;
        return (uint32_t)id;
}

uint32_t stacks_frame(struct stacks *stacks, uint32_t module, uint64_t offset, uint32_t flags, bool *ret_new)
{
        return stacks_frame_keyed(stacks, module, offset, offset, flags & STACKS_KEY_FLAGS, ret_new);
}

void stacks_rekey(struct stacks *stacks, uint32_t frame, uint32_t module, uint64_t key)
{
        stacks->frames.v[frame].module = module;
        stacks->frames.v[frame].key = key;
}

uint32_t stacks_node(struct stacks *stacks, uint32_t parent, uint32_t frame)
{
        uint64_t key = (uint64_t)parent << 32 | frame, id;

        if (addrmap_get(&stacks->node_ids, key, &id))
                return (uint32_t)id;
        if (stacks->nodes.n >= STACKS_NODES_MAX) {
                if (parent)
                        return parent;
                frame = stacks_frame(stacks, 0, 1, 0, NULL);
                key = frame;
                if (addrmap_get(&stacks->node_ids, key, &id))
                        return (uint32_t)id;
        }
        id = stacks->nodes.n;
        rows_add(&stacks->nodes, (struct stacks_node){ .parent = parent, .frame = frame });
        addrmap_put(&stacks->node_ids, key, id);
        rows_add(&stacks->new_stacks, (struct rec_stack){ (uint32_t)id, parent, frame, 0 });
        return (uint32_t)id;
}

void stacks_named(struct stacks *stacks, uint32_t frame, struct stacks_name *names, size_t n, bool runtime)
{
        struct stacks_frame *named = &stacks->frames.v[frame];
        uint32_t inlined_in = frame;

        named->flags = (named->flags & ~(uint32_t)REC_FRAME_RUNTIME) | REC_FRAME_NAMED | (runtime ? REC_FRAME_RUNTIME : 0u);
        if (n && names[0].func && named->flags & STACKS_CODE_FLAGS)
                named->flags |= STACKS_COMPILED;
        add_row(stacks, frame, n ? &names[0] : NULL, 0);
        for (size_t i = 1; i < n; i++) {
                struct stacks_frame outer = stacks->frames.v[frame];

                inlined_in = i == 1 ? frame : inlined_in;
                add_frame(stacks, outer.module, outer.key, outer.offset, outer.flags);
                add_row(stacks, (uint32_t)(stacks->frames.n - 1), &names[i], inlined_in);
                inlined_in = (uint32_t)(stacks->frames.n - 1);
        }
}

static bool is_runtime(const struct stacks *stacks, const struct stacks_frame *frame)
{
        if (frame->flags & REC_FRAME_NAMED)
                return frame->flags & REC_FRAME_RUNTIME;
        return stacks->runtime_modules.v[frame->module];
}

void stacks_engine(struct stacks *stacks, uint32_t frame)
{
        stacks->frames.v[frame].flags |= STACKS_ENGINE;
}

uint32_t stacks_site_frame(const struct stacks *stacks, uint32_t node, bool force)
{
        uint32_t engine = 0; /* the first frame that may be the site, unless a compiled function comes */
        uint32_t caller = 0; /* the first behind it that is no part of the engine: the site, if interpreted code comes */

        for (uint32_t at = node; at; at = stacks->nodes.v[at].parent) {
                uint32_t id = stacks->nodes.v[at].frame;
                const struct stacks_frame *frame = &stacks->frames.v[id];

                if (!(frame->flags & REC_FRAME_NAMED) && !force)
                        return 0;
                if (is_runtime(stacks, frame))
                        continue;
                if (frame->flags & STACKS_ENGINE) {
                        engine = engine ? engine : id;
                        continue;
                }
                if (engine == 0)
                        return id;
                caller = caller ? caller : id;
                if (frame->flags & STACKS_COMPILED)
                        return caller == id || frame->flags & REC_FRAME_INTERPRETED ? caller : engine;
        }
        return engine ? engine : stacks->nodes.v[node].frame;
}
