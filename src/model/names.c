#include "model/names.h"

#include "base/alloc.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *base_name(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash && slash[1] ? slash + 1 : path;
}

/* Whether a row with ID can be real when SEEN rows were read before it. */
static bool is_plausible(uint32_t id, size_t seen)
{
        return id != 0 && id < NAMES_IDS_MAX && id < 16 * seen + 65536;
}

/* A frame that another row is about: who draws or exports frames has arrays by their ids, so there is none with an id made up. */
static uint32_t known_frame(const struct names *names, uint32_t id)
{
        return is_plausible(id, names->seen_frames) ? id : 0;
}

/* Makes ARRAY (N elements in use of CAP, each SIZE bytes) long enough for ID; new elements are zero. */
static void *fit(void *array, size_t *n, size_t *cap, size_t size, uint32_t id)
{
        if (id < *n)
                return array;
        if (id >= *cap) {
                size_t wanted = *cap + *cap / 4 + 64;

                if (wanted <= id)
                        wanted = (size_t)id + 1;
                array = xreallocarray(array, wanted, size);
                memset((char *)array + *cap * size, 0, (wanted - *cap) * size);
                *cap = wanted;
        }
        *n = (size_t)id + 1;
        return array;
}

static int add_module(void *ctx, const struct rec_module *row)
{
        struct names *names = ctx;
        struct names_module *module;

        if (!is_plausible(row->id, names->seen_modules))
                return 0;
        names->modules = fit(names->modules, &names->n_modules, &names->cap_modules, sizeof *names->modules, row->id);
        names->seen_modules++;
        module = &names->modules[row->id];
        free(module->path);
        free(module->build_id);
        module->build_id = text_clean(row->build_id ? row->build_id : "");
        module->path = text_clean(row->path ? row->path : "");
        module->base = base_name(module->path);
        return 0;
}

static const char *module_base(const struct names *names, uint32_t module)
{
        if (module == 0 || module >= names->n_modules || !names->modules[module].path)
                return "";
        return names->modules[module].base;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
        do {
                hash = (hash ^ (unsigned char)*text) * 0x100000001b3ull; /* FNV-1a */
        } while (*text++);
        return hash;
}

static uint64_t frame_key(const struct names_frame *frame)
{
        uint64_t hash = 0xcbf29ce484222325ull;

        hash = hash_text(hash, frame->name);
        hash = hash_text(hash, frame->file ? frame->file : "");
        hash = (hash ^ frame->line) * 0x100000001b3ull;
        hash = (hash ^ frame->module) * 0x100000001b3ull;
        hash = (hash ^ (frame->inlined_in != 0)) * 0x100000001b3ull;
        return hash ^ hash >> 32;
}

static char *shown_name(const struct names *names, const struct rec_frame *row)
{
        const char *base;

        if (row->func && *row->func)
                return text_clean(row->func);
        base = module_base(names, row->module);
        if (!*base)
                base = row->module ? "[anon]" : "[unknown]";
        return xasprintf("%s+0x%" PRIx64, base, row->offset);
}

/* ---- paths, each once ---- */

/* Where TEXT is in FILES or would be; NULL = nowhere near. */
static char **find_file(char **files, size_t cap, const char *text)
{
        uint64_t hash = hash_text(0xcbf29ce484222325ull, text);
        size_t at = (hash ^ hash >> 32) & (cap - 1);

        for (int n = 0; n < NAMES_PROBES_MAX; n++, at = (at + 1) & (cap - 1))
                if (!files[at] || strcmp(files[at], text) == 0)
                        return &files[at];
        return NULL;
}

static const char *keep_loose(struct names *names, char *path)
{
        array_grow(names->loose, names->n_loose, names->cap_loose);
        return names->loose[names->n_loose++] = path;
}

static void grow_files(struct names *names)
{
        size_t cap = names->cap_files ? 2 * names->cap_files : 64;
        char **files = xcalloc(cap, sizeof *files);

        names->n_files = 0;
        for (size_t i = 0; i < names->cap_files; i++) {
                char **place = names->files[i] ? find_file(files, cap, names->files[i]) : NULL;

                if (place)
                        *place = names->files[i];
                else if (names->files[i])
                        keep_loose(names, names->files[i]);
                names->n_files += place != NULL;
        }
        free(names->files);
        names->files = files;
        names->cap_files = cap;
}

/* Takes PATH over. */
static const char *keep_file(struct names *names, char *path)
{
        char **place;

        if (names->n_files * 4 >= names->cap_files * 3)
                grow_files(names);
        place = find_file(names->files, names->cap_files, path);
        if (!place)
                return keep_loose(names, path);
        if (*place) {
                free(path);
        } else {
                *place = path;
                names->n_files++;
        }
        return *place;
}

/* ---- frames that look the same ---- */

static bool look_same(const struct names_frame *a, const struct names_frame *b)
{
        return a->key == b->key && a->file == b->file && a->line == b->line && a->module == b->module &&
               (a->inlined_in != 0) == (b->inlined_in != 0) && strcmp(a->name, b->name) == 0;
}

/* Where a frame that looks like FRAME is in SAME or would be; NULL = nowhere near, it stands for itself. */
static uint32_t *find_same(const struct names *names, uint32_t *same, size_t cap, const struct names_frame *frame)
{
        size_t at = frame->key & (cap - 1);

        for (int n = 0; n < NAMES_PROBES_MAX; n++, at = (at + 1) & (cap - 1))
                if (same[at] == 0 || look_same(&names->frames[same[at]], frame))
                        return &same[at];
        return NULL;
}

static void put_same(struct names *names, uint32_t *same, size_t cap, uint32_t id)
{
        uint32_t *place = find_same(names, same, cap, &names->frames[id]);

        if (!place)
                return;
        names->n_same += *place == 0;
        if (*place == 0 || id < *place)
                *place = id;
}

static void grow_same(struct names *names)
{
        size_t cap = names->cap_same ? 2 * names->cap_same : 64;
        uint32_t *same = xcalloc(cap, sizeof *same);

        names->n_same = 0;
        for (size_t i = 0; i < names->cap_same; i++)
                if (names->same[i] != 0)
                        put_same(names, same, cap, names->same[i]);
        free(names->same);
        names->same = same;
        names->cap_same = cap;
}

/* A frame that got another name stays where it was, too; there it looks like nothing that is searched for. */
static void note_same(struct names *names, uint32_t id)
{
        if (names->n_same * 4 >= names->cap_same * 3)
                grow_same(names);
        put_same(names, names->same, names->cap_same, id);
}

static void free_frame(struct names_frame *frame)
{
        free(frame->name);
        free(frame->place);
}

/* Of the runtime? As the rules have it, else as it was recorded. */
static uint32_t runtime_flags(const struct names *names, const struct rec_frame *row)
{
        const char *func = row->func && *row->func ? row->func : NULL, *module = "";
        uint32_t flags = row->flags & ~(uint32_t)NAMES_ENGINE;
        enum rules_verdict verdict;
        char script[64];

        if (!names->rules)
                return flags;
        if (row->module > 0 && row->module < names->n_modules && names->modules[row->module].path)
                module = rules_module(names->modules[row->module].path, row->file, script, sizeof script);
        verdict = rules_match(names->rules, module, func);
        if (verdict == RULES_FOLD)
                flags |= REC_FRAME_RUNTIME;
        else if (verdict == RULES_KEEP)
                flags &= ~(uint32_t)REC_FRAME_RUNTIME;
        else if (rules_match_engine(names->rules, module, func) == RULES_FOLD)
                flags |= NAMES_ENGINE; /* the recorder has seen whether such code called it */
        else if (names->own_rules)
                flags &= ~(uint32_t)REC_FRAME_RUNTIME;
        return flags;
}

static int add_frame(void *ctx, const struct rec_frame *row)
{
        struct names *names = ctx;
        struct names_frame *frame;
        uint32_t inner;

        if (!is_plausible(row->id, names->seen_frames))
                return 0;
        names->frames = fit(names->frames, &names->n_frames, &names->cap_frames, sizeof *names->frames, row->id);
        frame = &names->frames[row->id];
        names->seen_frames += !frame->name;
        inner = frame->inner;
        free_frame(frame);
        *frame = (struct names_frame){
                .name = shown_name(names, row),
                .file = row->file && *row->file ? keep_file(names, text_clean(row->file)) : NULL,
                .module = row->module,
                .line = row->line,
                .inlined_in = known_frame(names, row->inlined_in),
                .inner = inner,
                .offset = row->offset,
                .flags = runtime_flags(names, row) | (row->func && *row->func ? 0 : REC_FRAME_NEAREST),
        };
        frame->key = frame_key(frame);
        note_same(names, row->id);
        names->generation++;

        if (row->inlined_in && row->inlined_in != row->id && is_plausible(row->inlined_in, names->seen_frames)) {
                struct names_frame *outer;

                names->frames = fit(names->frames, &names->n_frames, &names->cap_frames, sizeof *names->frames,
                                    row->inlined_in);
                outer = &names->frames[row->inlined_in];
                if (outer->inner == 0 || row->id < outer->inner)
                        outer->inner = row->id;
        }
        return 0;
}

static int add_site(void *ctx, const struct rec_site *row)
{
        struct names *names = ctx;
        struct names_site *site;

        if (!is_plausible(row->id, names->seen_sites))
                return 0;
        names->sites = fit(names->sites, &names->n_sites, &names->cap_sites, sizeof *names->sites, row->id);
        names->seen_sites++;
        site = &names->sites[row->id];
        site->exists = true;
        site->frame = known_frame(names, row->frame);
        site->first_ns = row->first_ns;
        site->kind = row->kind;
        return 0;
}

static int add_stack(void *ctx, const struct rec_stack *row)
{
        struct names *names = ctx;
        struct names_stack *stack;

        if (!is_plausible(row->id, names->seen_stacks))
                return 0;
        names->stacks = fit(names->stacks, &names->n_stacks, &names->cap_stacks, sizeof *names->stacks, row->id);
        names->seen_stacks++;
        stack = &names->stacks[row->id];
        stack->parent = row->parent;
        stack->frame = known_frame(names, row->frame);
        /* The first site stays: it is chosen once, when the stack first allocates. */
        if (stack->site == 0 && row->site != 0 && row->site < names->n_sites && names->sites[row->site].exists) {
                stack->site = row->site;
                stack->next = names->sites[row->site].first;
                names->sites[row->site].first = row->id;
        }
        return 0;
}

static uint32_t last_id(size_t n)
{
        return n ? (uint32_t)n - 1 : 0;
}

int names_update(struct names *names, const struct history *history, uint32_t last)
{
        int r;

        if (last == names->upto)
                return 0;
        r = history->modules(history->arg, last_id(names->n_modules), add_module, names);
        if (r < 0)
                return r;
        r = history->frames(history->arg, last_id(names->n_frames), names->upto, add_frame, names);
        if (r < 0)
                return r;
        r = history->sites(history->arg, last_id(names->n_sites), add_site, names);
        if (r < 0)
                return r;
        r = history->stacks(history->arg, last_id(names->n_stacks), names->upto, add_stack, names);
        if (r < 0)
                return r;
        names->upto = last;
        return 0;
}

void names_done(struct names *names)
{
        for (size_t i = 0; i < names->n_modules; i++) {
                free(names->modules[i].path);
                free(names->modules[i].build_id);
        }
        for (size_t i = 0; i < names->n_frames; i++)
                free_frame(&names->frames[i]);
        free(names->modules);
        free(names->frames);
        free(names->stacks);
        free(names->sites);
        for (size_t i = 0; i < names->cap_files; i++)
                free(names->files[i]);
        for (size_t i = 0; i < names->n_loose; i++)
                free(names->loose[i]);
        free(names->files);
        free(names->loose);
        free(names->same);
        *names = (struct names){ 0 };
}

const struct names_frame *names_bare(const struct names *names, uint32_t frame)
{
        static char unknown[] = "?", nowhere[] = "";
        static const struct names_frame missing = { .name = unknown, .place = nowhere, .flags = REC_FRAME_NEAREST };

        if (frame == 0 || frame >= names->n_frames || !names->frames[frame].name)
                return &missing;
        return &names->frames[frame];
}

const char *names_place(const struct names *names, const struct names_frame *frame, char *ret, size_t size)
{
        if (frame->place)
                snprintf(ret, size, "%s", frame->place);
        else if (!frame->file)
                snprintf(ret, size, "%s", module_base(names, frame->module));
        else if (frame->line)
                snprintf(ret, size, "%s:%" PRIu32, base_name(frame->file), frame->line);
        else
                snprintf(ret, size, "%s", base_name(frame->file));
        return ret;
}

const struct names_frame *names_frame(const struct names *names, uint32_t frame)
{
        const struct names_frame *bare = names_bare(names, frame);
        struct names_frame *own;
        size_t size;

        if (bare->place)
                return bare;
        own = &names->frames[frame];
        size = strlen(own->file ? base_name(own->file) : module_base(names, own->module)) + sizeof ":4294967295";
        own->place = xmalloc(size);
        names_place(names, &(struct names_frame){ .file = own->file, .line = own->line, .module = own->module }, own->place, size);
        return own;
}

uint32_t names_same(const struct names *names, uint32_t frame)
{
        const uint32_t *found;

        if (frame == 0 || frame >= names->n_frames || !names->frames[frame].name)
                return frame;
        found = find_same(names, names->same, names->cap_same, &names->frames[frame]);
        return found && *found ? *found : frame;
}

/* The innermost of FRAME and what was inlined at its place that is not of the runtime; 0 = all are. */
static uint32_t outside(const struct names *names, uint32_t frame, uint32_t passed)
{
        uint32_t found = 0, id = frame;

        for (int n = 0; id != 0 && id < names->n_frames && names->frames[id].name && n < NAMES_INLINES_MAX; n++) {
                if (!(names->frames[id].flags & passed))
                        found = id;
                id = names->frames[id].inner;
        }
        return found;
}

uint32_t names_frame_of_site(const struct names *names, uint32_t site)
{
        const struct names_site *row = &names->sites[site];
        uint32_t found = 0, stack = row->first;

        if (!names->own_rules) {
                found = outside(names, row->frame, REC_FRAME_RUNTIME);
                return found ? found : row->frame;
        }
        for (int n = 0; !found && stack != 0 && stack < names->n_stacks && n < NAMES_DEPTH_MAX; n++) {
                found = outside(names, names->stacks[stack].frame, REC_FRAME_RUNTIME | NAMES_ENGINE);
                stack = names->stacks[stack].parent;
        }
        return found ? found : row->frame;
}

const struct names_frame *names_of_site(const struct names *names, uint32_t site)
{
        return names_frame(names, names_frame_of_site(names, site));
}

bool names_is_approximate(const struct names_frame *frame)
{
        return frame->flags & REC_FRAME_NEAREST;
}

const char *names_module_path(const struct names *names, const struct names_frame *frame)
{
        if (frame->module == 0 || frame->module >= names->n_modules || !names->modules[frame->module].path)
                return "";
        return names->modules[frame->module].path;
}

size_t names_lines(const struct names *names, uint32_t frame, uint32_t ret[2 * NAMES_INLINES_MAX])
{
        uint32_t outer[NAMES_INLINES_MAX], id;
        size_t n_outer = 0, n = 0;

        for (id = frame; n_outer < NAMES_INLINES_MAX; id = names->frames[id].inlined_in) {
                outer[n_outer++] = id;
                if (id == 0 || id >= names->n_frames || names->frames[id].inlined_in == 0)
                        break;
        }
        while (n_outer)
                ret[n++] = outer[--n_outer];
        for (id = frame; n < 2 * NAMES_INLINES_MAX; ret[n++] = id) {
                if (id == 0 || id >= names->n_frames || names->frames[id].inner == 0)
                        break;
                id = names->frames[id].inner;
        }
        return n;
}

size_t names_callers(const struct names *names, uint32_t stack, uint32_t ret[NAMES_DEPTH_MAX])
{
        size_t n = 0;

        while (stack != 0 && stack < names->n_stacks && n < NAMES_DEPTH_MAX) {
                ret[n++] = stack;
                stack = names->stacks[stack].parent;
        }
        return n;
}
