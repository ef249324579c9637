#include "app/renaming.h"

#include "base/addrmap.h"
#include "base/alloc.h"
#include "base/fmt.h"
#include "base/text.h"
#include "live/rows.h"
#include "target/debug_files.h"
#include "target/dwarf_process.h"
#include "target/naming.h"
#include "target/root.h"
#include "target/runtime.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DEPTH_MAX = 4096, WAIT_MS = 100 };

static const uint32_t NO_FILE = REC_FRAME_JIT | REC_FRAME_INTERPRETED;

static void release(const char *s)
{
        free((char *)(uintptr_t)s);
}

static char *copy(const char *s)
{
        return s ? xstrdup(s) : NULL;
}

/* ---- the work ---- */

struct work {
        struct renaming *renaming;
        const struct renaming_options *options;
        struct addrmap modules, frames; /* id -> index */
        bool *has_inlined;              /* [n_old] */
        bool *runtime;                  /* [n_old]: the function is, and all that is inlined there */
        struct dwarf_process *lines;
        struct debuginfod *debuginfod;
        const char *no_fetch;           /* why nothing is fetched any more; NULL = it is */
        uint32_t next_id, n_done, n_todo;
};

static struct renaming_module *module_of(const struct work *work, const struct rec_frame *frame)
{
        uint64_t index;

        if (frame->module == 0 || !addrmap_get(&work->modules, frame->module, &index))
                return NULL;
        return &work->renaming->modules.v[index];
}

static struct rec_frame *frame_of(const struct work *work, uint32_t id)
{
        uint64_t index;

        return id && addrmap_get(&work->frames, id, &index) ? &work->renaming->frames.v[index] : NULL;
}

/* Names in this file may come from there: a real frame in a module that is a file. */
static bool is_in_file(const struct work *work, const struct rec_frame *frame)
{
        const struct renaming_module *module = module_of(work, frame);

        return frame->inlined_in == 0 && !(frame->flags & NO_FILE) && module &&
               (module->path[0] == '/' || module->build_id[0]);
}

static void count(const struct work *work, struct renaming_counts *ret)
{
        *ret = (struct renaming_counts){ 0 };
        for (size_t i = 0; i < work->renaming->n_old; i++) {
                const struct rec_frame *frame = &work->renaming->frames.v[i];

                if (!is_in_file(work, frame))
                        continue;
                ret->frames++;
                ret->named += frame->func != NULL;
                ret->lines += frame->file != NULL;
        }
}

static void prepare(struct work *work)
{
        struct renaming *renaming = work->renaming;
        uint64_t index;

        for (size_t i = 0; i < renaming->modules.n; i++)
                addrmap_put(&work->modules, renaming->modules.v[i].id, i);
        for (size_t i = 0; i < renaming->n_old; i++) {
                addrmap_put(&work->frames, renaming->frames.v[i].id, i);
                if (renaming->frames.v[i].id >= work->next_id)
                        work->next_id = renaming->frames.v[i].id + 1;
        }
        work->has_inlined = xcalloc(renaming->n_old + 1, sizeof *work->has_inlined);
        for (size_t i = 0; i < renaming->n_old; i++) {
                const struct rec_frame *frame = &renaming->frames.v[i];

                if (frame->inlined_in && addrmap_get(&work->frames, frame->inlined_in, &index))
                        work->has_inlined[index] = true;
                else if (is_in_file(work, frame) && !frame->file)
                        module_of(work, frame)->n_frames++;
        }
        count(work, &renaming->before);
}

static void tell(const struct work *work, const struct renaming_module *module, const char *more)
{
        const char *slash = strrchr(module->path, '/');
        char *name, *text;

        if (!work->options->progress)
                return;
        name = text_clean(slash ? slash + 1 : module->path);
        text = xasprintf("naming: %.60s (%u of %u)%s%s", name, (unsigned)work->n_done + 1, (unsigned)work->n_todo,
                         more[0] ? ": " : "", more);
        work->options->progress(work->options->arg, text);
        free(text);
        free(name);
}

/* ---- finding files ---- */

static bool is_unchanged(const struct renaming_module *module, const char *path)
{
        struct stat st;

        return module->size && stat(path, &st) == 0 && (uint64_t)st.st_size == module->size &&
               (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec == module->mtime_ns;
}

/* The file of MODULE, where it was; else its debug file, which can be asked for names alone. */
static struct image *open_here(const struct renaming_module *module)
{
        static const char deleted[] = " (deleted)";
        size_t len = strlen(module->path), n = sizeof deleted - 1;
        char *path = xstrndup(module->path, len > n && strcmp(module->path + len - n, deleted) == 0 ? len - n : len);
        struct image *image = NULL;

        if (path[0] == '/' && (module->build_id[0] || is_unchanged(module, path)) && image_open_path(path, &image) < 0)
                image = NULL;
        if (image && strcmp(image_build_id(image), module->build_id) != 0) {
                image_close(image);
                image = NULL;
        }
        free(path);
        if (!image && module->build_id[0] && debug_files_open(module->build_id, ROOT_OWN, &image) < 0)
                image = NULL;
        return image;
}

static void tell_fetching(const struct work *work, const struct renaming_module *module)
{
        char done[FMT_MAX], total[FMT_MAX], text[3 * FMT_MAX];
        uint64_t done_bytes, total_bytes;

        debuginfod_progress(work->debuginfod, &done_bytes, &total_bytes);
        if (total_bytes)
                snprintf(text, sizeof text, "fetching %s of %s", fmt_bytes(done, done_bytes),
                         fmt_bytes(total, total_bytes));
        else
                snprintf(text, sizeof text, "fetching %s", done_bytes ? fmt_bytes(done, done_bytes) : "");
        tell(work, module, text);
}

/* Its debug file from a server, or NULL; and what that shares with others, where that is not here. */
static struct image *fetch(struct work *work, struct renaming_module *module, struct image **ret_alternate)
{
        struct image *image = NULL;
        int result;

        *ret_alternate = NULL;
        if (!work->debuginfod || work->no_fetch || !module->build_id[0])
                return NULL;
        result = debuginfod_fetch(work->debuginfod, module->build_id);
        while (result == 0 && !image && !debuginfod_poll(work->debuginfod, &result, &image, ret_alternate)) {
                tell_fetching(work, module);
                debuginfod_wait(work->debuginfod, WAIT_MS);
        }
        if (debuginfod_is_trouble(result))
                work->no_fetch = debuginfod_words(result);
        if (result < 0)
                snprintf(module->why, sizeof module->why, "%s", debuginfod_words(result));
        return image;
}

/* ---- names ---- */

static void set_text(const char **to, const char *text)
{
        release(*to);
        *to = copy(text);
}

static uint32_t named_flags(const struct rec_frame *frame, bool nearest)
{
        return (frame->flags & ~(uint32_t)REC_FRAME_NEAREST) | REC_FRAME_NAMED | (nearest ? REC_FRAME_NEAREST : 0u);
}

/* What is said of the file of FOUND, for who wants to show its source. Told once for each file that follows another. */
static void add_source(struct renaming *renaming, uint32_t module, const struct naming_frame *found)
{
        static const uint8_t nothing[DWARF_MD5_SIZE];
        const struct dwarf_source *source = &found->source;
        char md5[2 * DWARF_MD5_SIZE + 1] = "";

        if (!found->file || (!source->size && !source->mtime_ns && memcmp(source->md5, nothing, sizeof nothing) == 0))
                return;
        if (renaming->out_sources.n && renaming->out_sources.v[renaming->out_sources.n - 1].module == module &&
            strcmp(renaming->out_sources.v[renaming->out_sources.n - 1].path, found->file) == 0)
                return;
        for (size_t i = 0; i < DWARF_MD5_SIZE && memcmp(source->md5, nothing, sizeof nothing) != 0; i++)
                snprintf(md5 + 2 * i, 3, "%02x", source->md5[i]);
        rows_add(&renaming->out_sources, (struct rec_source_file){ module, xstrdup(found->file), source->size,
                                                                   source->mtime_ns, xstrdup(md5) });
}

/* FOUND, innermost first, stands where INDEX is: the function itself is the frame, what is inlined there becomes new
 * frames. */
static void take_lines(struct work *work, size_t index, const struct naming_frame *found, size_t n)
{
        struct renaming *renaming = work->renaming;
        struct rec_frame *frame = &renaming->frames.v[index];
        uint32_t inlined_in = frame->id;

        if (found[n - 1].func)
                set_text(&frame->func, found[n - 1].func);
        set_text(&frame->file, found[n - 1].file);
        frame->line = found[n - 1].line;
        frame->flags = named_flags(frame, found[n - 1].nearest);
        for (size_t i = n - 1; i-- > 0 && work->next_id < INT32_MAX;) {
                struct rec_frame inner = renaming->frames.v[index];

                inner.id = work->next_id++;
                inner.func = copy(found[i].func);
                inner.file = copy(found[i].file);
                inner.line = found[i].line;
                inner.inlined_in = inlined_in;
                inner.flags &= ~(uint32_t)REC_FRAME_NEAREST;
                inlined_in = inner.id;
                addrmap_put(&work->frames, inner.id, renaming->frames.n);
                rows_add(&renaming->frames, inner);
                renaming->n_inlined++;
        }
}

static bool take_better(struct work *work, size_t index, const struct naming_frame *found, size_t n)
{
        struct rec_frame *frame = &work->renaming->frames.v[index];
        const struct naming_frame *function = &found[n - 1];

        if (function->file) {
                for (size_t i = 0; i < n; i++)
                        add_source(work->renaming, frame->module, &found[i]);
                take_lines(work, index, found, n);
                return true;
        }
        if (!function->func || (frame->func && (function->nearest || !(frame->flags & REC_FRAME_NEAREST))))
                return false;
        set_text(&frame->func, function->func);
        frame->flags = named_flags(frame, function->nearest);
        return true;
}

static void name_frames(struct work *work, struct renaming_module *module, struct naming *naming)
{
        struct naming_frame found[NAMING_FRAMES_MAX];
        struct renaming *renaming = work->renaming;

        for (size_t i = 0; i < renaming->n_old; i++) {
                const struct rec_frame *frame = &renaming->frames.v[i];
                size_t n;

                if (frame->module != module->id || !is_in_file(work, frame) || frame->file || work->has_inlined[i])
                        continue;
                n = naming_lookup(naming, frame->offset, false, found, NAMING_FRAMES_MAX);
                if (n > 0 && take_better(work, i, found, n)) {
                        renaming->changed[i] = true;
                        module->n_improved++;
                }
        }
}

static void explain(const struct work *work, struct renaming_module *module, bool found)
{
        if (module->why[0])
                return;
        if (!module->build_id[0])
                snprintf(module->why, sizeof module->why, "%s", found ? "its file has none" :
                         "it has no build id, and no file of that name, size and time is here");
        else if (work->no_fetch)
                snprintf(module->why, sizeof module->why, "not on this machine, and %s", work->no_fetch);
        else
                snprintf(module->why, sizeof module->why, "not on this machine");
}

static void name_module(struct work *work, struct renaming_module *module)
{
        struct image *image = open_here(module), *debug = NULL, *alternate = NULL;
        struct naming *naming = NULL;

        tell(work, module, "");
        if (!image)
                image = fetch(work, module, &alternate);
        if (image && naming_open(image, work->lines, &naming) < 0)
                naming = NULL;
        if (!naming)
                image_close(alternate);
        else if (alternate)
                naming_add_alternate(naming, alternate);
        else if (!module->why[0] && !naming_has_lines(naming))
                debug = fetch(work, module, &alternate);
        if (debug && alternate)
                naming_add_alternate(naming, alternate);
        if (debug)
                naming_add_debug(naming, debug);
        if (naming) {
                name_frames(work, module, naming);
                module->has_lines = naming_has_lines(naming);
        }
        if (!module->has_lines)
                explain(work, module, image != NULL);
        else
                module->why[0] = '\0';
        naming_close(naming);
        image_close(image);
}

static int by_frames(const void *a, const void *b)
{
        const struct renaming_module *const *x = a, *const *y = b;

        if ((*x)->n_frames != (*y)->n_frames)
                return (*x)->n_frames > (*y)->n_frames ? -1 : 1;
        return (*x)->id < (*y)->id ? -1 : 1;
}

/* Those that stand in most frames first: it may be interrupted, or the servers may fail. */
static void name_modules(struct work *work)
{
        struct renaming *renaming = work->renaming;
        struct renaming_module **order = xcalloc(renaming->modules.n + 1, sizeof *order);

        for (size_t i = 0; i < renaming->modules.n; i++)
                if (renaming->modules.v[i].n_frames > 0)
                        order[work->n_todo++] = &renaming->modules.v[i];
        qsort(order, work->n_todo, sizeof *order, by_frames);
        for (; work->n_done < work->n_todo; work->n_done++)
                name_module(work, order[work->n_done]);
        free(order);
}

/* ---- rules ---- */

static void set_runtime(struct work *work, size_t index, bool runtime)
{
        struct rec_frame *frame = &work->renaming->frames.v[index];
        uint32_t flags = (frame->flags & ~(uint32_t)REC_FRAME_RUNTIME) | (runtime ? REC_FRAME_RUNTIME : 0u);

        if (index < work->renaming->n_old)
                work->renaming->changed[index] |= flags != frame->flags;
        frame->flags = flags;
}

/* The real frame that FRAME is inlined in, at last; or itself. */
static const struct rec_frame *real_frame(const struct work *work, const struct rec_frame *frame)
{
        for (int depth = 0; frame && frame->inlined_in && depth < NAMING_FRAMES_MAX; depth++)
                frame = frame_of(work, frame->inlined_in);
        return frame && frame->inlined_in == 0 ? frame : NULL;
}

/* Today's rules. Each function is runtime or not; its frame is (for sites) when all that is inlined there is, too. */
static void apply_rules(struct work *work)
{
        struct renaming *renaming = work->renaming;
        uint64_t index;

        work->runtime = xcalloc(renaming->n_old + 1, sizeof *work->runtime);
        memset(work->runtime, 1, renaming->n_old);
        for (size_t i = 0; i < renaming->frames.n; i++) {
                const struct rec_frame *real = real_frame(work, &renaming->frames.v[i]);
                bool runtime;

                if (!real || !is_in_file(work, real) || !(real->flags & REC_FRAME_NAMED))
                        continue;
                runtime = runtime_is(module_of(work, real)->path, renaming->frames.v[i].func);
                set_runtime(work, i, runtime);
                if (addrmap_get(&work->frames, real->id, &index) && index < renaming->n_old)
                        work->runtime[index] &= runtime;
        }
}

/* ---- sites ---- */

struct site_choice {
        uint32_t frame;
        bool differs, left_alone; /* its stacks do not agree; one has frames that stand in no file */
};

static bool is_runtime(const struct work *work, const struct rec_frame *frame)
{
        const struct renaming_module *module = module_of(work, frame);

        if ((frame->flags & REC_FRAME_NAMED) && is_in_file(work, frame))
                return work->runtime[frame - work->renaming->frames.v];
        return module && runtime_is(module->path, NULL);
}

/* The frame that names STACK's site by the rules; 0 = leave it as it is. */
static uint32_t site_frame(const struct work *work, const struct addrmap *stacks, const struct rec_stack *stack)
{
        const struct rec_stack *at = stack;
        uint64_t index;

        for (int depth = 0; at && depth < DEPTH_MAX; depth++) {
                const struct rec_frame *frame = frame_of(work, at->frame);
                const struct renaming_module *module = frame ? module_of(work, frame) : NULL;

                if (!frame || (frame->flags & NO_FILE) || (module && runtime_is_engine(module->path, frame->func)))
                        return 0;
                if (!is_runtime(work, frame))
                        return frame->id;
                at = at->parent && addrmap_get(stacks, at->parent, &index) ? &work->renaming->stacks.v[index] : NULL;
        }
        return stack->frame;
}

static void move_sites(struct work *work, const struct site_choice *choices)
{
        struct renaming *renaming = work->renaming;

        for (size_t i = 0; i < renaming->sites.n; i++) {
                struct rec_site *site = &renaming->sites.v[i];

                if (!choices[i].frame || choices[i].differs || choices[i].left_alone || choices[i].frame == site->frame)
                        continue;
                site->frame = choices[i].frame;
                rows_add(&renaming->out_sites, *site);
                renaming->n_moved++;
        }
}

/* A site keeps its stacks. It gets another frame when all of them agree on it. */
static void choose_sites(struct work *work)
{
        struct renaming *renaming = work->renaming;
        struct site_choice *choices = xcalloc(renaming->sites.n + 1, sizeof *choices);
        struct addrmap stacks = { 0 }, sites = { 0 };
        uint64_t index;

        for (size_t i = 0; i < renaming->sites.n; i++)
                addrmap_put(&sites, renaming->sites.v[i].id, i);
        for (size_t i = 0; i < renaming->stacks.n; i++)
                addrmap_put(&stacks, renaming->stacks.v[i].id, i);
        for (size_t i = 0; i < renaming->stacks.n; i++) {
                const struct rec_stack *stack = &renaming->stacks.v[i];
                uint32_t frame;

                if (!stack->site || !addrmap_get(&sites, stack->site, &index))
                        continue;
                frame = site_frame(work, &stacks, stack);
                choices[index].left_alone |= frame == 0;
                choices[index].differs |= choices[index].frame && choices[index].frame != frame;
                choices[index].frame = frame;
        }
        move_sites(work, choices);
        addrmap_done(&sites);
        addrmap_done(&stacks);
        free(choices);
}

/* ---- all of it ---- */

static void collect(struct renaming *renaming)
{
        for (size_t i = 0; i < renaming->frames.n; i++)
                if (i >= renaming->n_old || renaming->changed[i])
                        rows_add(&renaming->out_frames, renaming->frames.v[i]);
}

void renaming_run(struct renaming *renaming, const struct renaming_options *options)
{
        struct work work = { .renaming = renaming, .options = options, .next_id = 1, .lines = dwarf_process_new() };

        if (options->debuginfod)
                work.debuginfod = debuginfod_new(options->debuginfod);
        prepare(&work);
        name_modules(&work);
        apply_rules(&work);
        choose_sites(&work);
        count(&work, &renaming->after);
        collect(renaming);
        debuginfod_free(work.debuginfod);
        dwarf_process_free(work.lines);
        addrmap_done(&work.modules);
        addrmap_done(&work.frames);
        free(work.has_inlined);
        free(work.runtime);
}

struct store_names renaming_result(const struct renaming *renaming)
{
        return (struct store_names){ renaming->out_frames.v, renaming->out_frames.n, renaming->out_sites.v,
                                     renaming->out_sites.n, renaming->out_sources.v, renaming->out_sources.n };
}
