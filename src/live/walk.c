#include "live/walk.h"

#include "base/alloc.h"
#include "live/bytecode.h"
#include "target/maps.h"
#include "target/runtime.h"
#include "target/unwind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Maps are read again at most this often, when a stack leads into code that no known mapping holds. */
#define REFRESH_NS (250ull * 1000000)
#define LOOK_NS (5000ull * 1000000) /* and at least this often, see walk_look() */
enum { NO_NAMES = UINT32_MAX };

/* A frame that waits for room in the queue. */
struct waiting {
        uint64_t addr;
        uint32_t module, frame; /* module: of names */
        bool exact, urgent;
};

struct walk_module {
        uint32_t id;    /* in stacks; 0 = there are too many */
        uint32_t names; /* in names */
        bool engine;    /* runs compiled code */
};

struct walk {
        pid_t pid;
        struct unwinder *unwinder;
        struct stacks *stacks;
        struct names *names;
        ROWS(struct walk_module) modules; /* by the unwinder's index */
        size_t n_told;                    /* modules that walk_loaded() need not tell any more */
        ROWS(struct waiting) waiting;
        uint64_t refreshed_ns;
        struct unwind_frame frames[STACKS_DEPTH_MAX]; /* of the last sample */
        size_t n_frames;
        const struct wire_alloc *record; /* the last sample */
        struct jit *jit;
        struct bytecode bytecode;
        struct scripts *scripts; /* NULL: interpreted code is left alone */
        uint64_t tsc, now_ns; /* of the last sample */
};

/* Of which time its file is, for who compares it with source files. */
static void tell_file(struct walk *walk, const struct unwind_module *module, uint32_t id)
{
        struct rec_module_file file = { .module = id };

        if (module->image && image_stamp(module->image, &file.size, &file.mtime_ns))
                stacks_module_file(walk->stacks, &file);
}

static void add_module(struct walk *walk, uint32_t index)
{
        const struct unwind_module *module = unwinder_module(walk->unwinder, index);
        struct walk_module known = { 0 };
        size_t before = walk->stacks->runtime_modules.n; /* ids from here on are new */

        known.id = stacks_module(walk->stacks, module->path, module->build_id, runtime_is(module->path, NULL));
        /* No frame is told to be of a module beyond the limit, so none is asked about. */
        known.names = known.id ? names_module(walk->names, module->image, module->path, known.id) : NO_NAMES;
        known.engine = runtime_is_engine(module->path, NULL);
        rows_add(&walk->modules, known);
        if (walk->scripts)
                scripts_module(walk->scripts, module);
        if (known.id >= (uint32_t)before)
                tell_file(walk, module, known.id);
}

/* FILES: those of MAPS that are open already, NULL = none. */
static int take_maps(struct walk *walk, const struct maps *maps, struct modules *files)
{
        int r;

        jit_maps(walk->jit, maps);
        r = files ? unwinder_begin(walk->unwinder, maps, files) : unwinder_refresh(walk->unwinder, maps);
        while (r >= 0 && walk->modules.n < unwinder_modules(walk->unwinder))
                add_module(walk, (uint32_t)walk->modules.n);
        return r < 0 ? r : 0;
}

static int refresh(struct walk *walk, uint64_t now_ns)
{
        struct maps maps = { 0 };
        int r;

        walk->refreshed_ns = now_ns;
        r = maps_read(walk->pid, &maps);
        if (r == 0)
                r = unwinder_is_of(walk->unwinder, &maps) ? take_maps(walk, &maps, NULL) : -ESRCH;
        maps_done(&maps);
        return r;
}

/* A program can end, or become another one, before anybody looks at it again. */
static int look_first(struct walk *walk, struct injection *injection)
{
        int r;

        if (injection->maps.n == 0)
                return refresh(walk, 0);
        r = take_maps(walk, &injection->maps, &injection->modules);
        maps_done(&injection->maps);
        return r;
}

int walk_new(struct injection *injection, struct stacks *stacks, struct names *names, struct unwind_tables *tables,
             struct walk **ret)
{
        pid_t pid = injection->pid;
        struct walk *walk = xcalloc(1, sizeof *walk);
        int r;

        walk->pid = pid;
        walk->stacks = stacks;
        walk->names = names;
        walk->jit = jit_new(pid, stacks);
        r = unwinder_new(pid, tables, &walk->unwinder);
        if (r < 0)
                goto out;
        r = look_first(walk, injection);
        if (r < 0 && r != -ESRCH)
                goto out;
        walk->n_told = walk->modules.n;
        *ret = walk;
        walk = NULL;
        r = 0;
out:
        walk_free(walk);
        return r;
}

void walk_free(struct walk *walk)
{
        if (!walk)
                return;
        unwinder_free(walk->unwinder);
        jit_free(walk->jit);
        scripts_free(walk->scripts);
        free(walk->modules.v);
        free(walk->waiting.v);
        free(walk);
}

/* Asks for a frame seen for the first time; what does not fit waits here, innermost first as it came. */
static void ask(struct walk *walk, const struct waiting *question)
{
        if (walk->waiting.n > 0 || !names_ask(walk->names, question->module, question->addr, question->exact,
                                              question->frame, question->urgent))
                rows_add(&walk->waiting, *question);
}

/* Compiled code stands in no file, or in one that is no program (memfd). 0 = it is none. */
static uint32_t intern_compiled(struct walk *walk, const struct unwind_frame *frame, uint32_t flags, bool *urgent)
{
        if (frame->module < walk->modules.n && unwinder_module(walk->unwinder, frame->module)->image)
                return 0;
        return jit_frame(walk->jit, frame->pc, frame->flags & UNWIND_EXACT, jit_time(walk->jit, walk->tsc), flags, urgent);
}

/* The words below ADDR on the stack of the last sample, the nearest first. */
static bool read_below(const struct walk *walk, uint64_t addr, uint64_t words[BYTECODE_SLOTS])
{
        const uint8_t *stack = (const uint8_t *)(walk->record + 1);
        uint64_t bytes = walk->record->stack_bytes, offset = addr - 8 * BYTECODE_SLOTS - walk->record->rsp;

        if (offset > bytes || bytes - offset < 8 * BYTECODE_SLOTS)
                return false;
        for (size_t i = 0; i < BYTECODE_SLOTS; i++)
                memcpy(&words[i], stack + offset + 8 * (BYTECODE_SLOTS - 1 - i), 8);
        return true;
}

/* A frame of V8's interpreter is that of the function it runs. What called it was found by its frame pointer, which
 * therefore is known. 0 = it is none. */
static uint32_t intern_interpreted(struct walk *walk, size_t at, bool *urgent)
{
        const struct unwind_frame *frame = &walk->frames[at], *caller = frame + 1;
        uint64_t words[BYTECODE_SLOTS], start;

        if (at + 1 >= walk->n_frames || !(caller->flags & UNWIND_GUESSED) || frame->module >= walk->modules.n ||
            !walk->modules.v[frame->module].engine || !read_below(walk, caller->sp - 16, words))
                return 0;
        start = bytecode_of(&walk->bytecode, walk->jit, frame->pc, words);
        return start ? jit_frame(walk->jit, start, true, jit_time(walk->jit, walk->tsc), 0, urgent) : 0;
}

/* *URGENT: all frames nearer to the allocation look like runtime, so this one may be the site. */
static uint32_t intern(struct walk *walk, const struct unwind_frame *frame, bool *urgent)
{
        uint32_t flags = (frame->flags & UNWIND_GUESSED ? REC_FRAME_GUESSED : 0u) |
                         (frame->flags & UNWIND_TRUNCATED ? REC_FRAME_TRUNCATED : 0u) |
                         (frame->flags & UNWIND_EXACT ? STACKS_EXACT : 0u);
        struct walk_module module = { .names = NO_NAMES };
        uint64_t offset = frame->pc;
        uint32_t id = intern_compiled(walk, frame, flags, urgent);
        bool fresh;

        if (id)
                return id;
        if (frame->module < walk->modules.n) {
                module = walk->modules.v[frame->module];
                offset -= unwinder_module(walk->unwinder, frame->module)->bias;
        }
        id = stacks_frame(walk->stacks, module.id, module.id ? offset : frame->pc, flags, &fresh);
        /* When there are too many frames, ID is the one that stands for all others and must not get the name of this
         * one. */
        if (fresh && walk->stacks->frames.v[id].module)
                ask(walk, &(struct waiting){ offset, module.names, id, frame->flags & UNWIND_EXACT, *urgent });
        else if (fresh)
                stacks_named(walk->stacks, id, NULL, 0, false);
        *urgent = *urgent && walk->stacks->runtime_modules.v[module.id];
        return id;
}

/* Interpreted functions that V8 has not told of are its host's own, from the snapshot that it starts with: they are
 * folded as the rest of the engine is. */
static uint32_t intern_other(struct walk *walk, const struct unwind_frame *frame, bool *urgent)
{
        uint32_t id = intern(walk, frame, urgent);

        if (walk->bytecode.known && walk->bytecode.known->pc == frame->pc)
                stacks_engine(walk->stacks, id);
        return id;
}

static size_t unwind(struct walk *walk, const struct wire_alloc *record, struct unwind_frame *ret)
{
        const struct unwind_regs regs = { .rip = record->rip, .rsp = record->rsp, .rbp = record->rbp,
                                          .rbx = record->rbx, .r12 = record->r12, .r13 = record->r13,
                                          .r14 = record->r14, .r15 = record->r15 };
        int n = unwind_walk(walk->unwinder, &regs, (const uint8_t *)(record + 1), record->rsp, record->stack_bytes,
                            ret, STACKS_DEPTH_MAX);

        if (n < 1) {
                ret[0] = (struct unwind_frame){ record->rip, record->rsp, UNWIND_NO_MODULE, UNWIND_TRUNCATED };
                n = 1;
        }
        if (n == STACKS_DEPTH_MAX)
                ret[n - 1].flags |= UNWIND_TRUNCATED;
        return (size_t)n;
}

size_t walk_frames(struct walk *walk, const struct wire_alloc *record, uint64_t now_ns, const struct unwind_frame **ret)
{
        walk->tsc = record->head.tsc;
        walk->record = record;
        walk->now_ns = now_ns;
        walk->n_frames = unwind(walk, record, walk->frames);
        if (unwinder_is_stale(walk->unwinder) && now_ns - walk->refreshed_ns >= REFRESH_NS &&
            refresh(walk, now_ns) == 0)
                walk->n_frames = unwind(walk, record, walk->frames);
        *ret = walk->frames;
        return walk->n_frames;
}

/* The innermost STACKS_DEPTH_MAX frames of the last sample, interpreted ones among them. */
static size_t weave(struct walk *walk, uint32_t ids[STACKS_DEPTH_MAX])
{
        struct scripts_place places[WIRE_INTERPRETED_MAX + 1];
        size_t n_places = 0, place = 0, n = 0;
        bool urgent = true;

        if (walk->scripts)
                n_places = scripts_weave(walk->scripts, walk->record, walk->frames, walk->n_frames, walk->now_ns, places);
        for (size_t i = 0; i <= walk->n_frames; i++) {
                for (; place < n_places && places[place].at <= i && n < STACKS_DEPTH_MAX; place++) {
                        ids[n++] = places[place].frame;
                        urgent = false;
                }
                if (i < walk->n_frames && n < STACKS_DEPTH_MAX) {
                        ids[n] = intern_interpreted(walk, i, &urgent);
                        if (!ids[n])
                                ids[n] = intern_other(walk, &walk->frames[i], &urgent);
                        n++;
                }
        }
        return n;
}

uint32_t walk_node(struct walk *walk)
{
        uint32_t ids[STACKS_DEPTH_MAX], node = 0;

        for (size_t n = weave(walk, ids); n-- > 0;)
                node = stacks_node(walk->stacks, node, ids[n]);
        return node;
}

uint32_t walk_sample(struct walk *walk, const struct wire_alloc *record, uint64_t now_ns)
{
        const struct unwind_frame *frames;

        walk_frames(walk, record, now_ns, &frames);
        return walk_node(walk);
}

const struct unwinder *walk_unwinder(const struct walk *walk)
{
        return walk->unwinder;
}

void walk_weave(struct walk *walk, struct wire_shared *shared)
{
        walk->scripts = scripts_new(walk->pid, shared, walk->stacks);
        for (uint32_t i = 0; i < walk->modules.n; i++)
                scripts_module(walk->scripts, unwinder_module(walk->unwinder, i));
}

struct scripts *walk_scripts(struct walk *walk)
{
        return walk->scripts;
}

struct jit *walk_jit(struct walk *walk)
{
        return walk->jit;
}

size_t walk_ask(struct walk *walk)
{
        size_t asked = 0;

        while (asked < walk->waiting.n) {
                const struct waiting *w = &walk->waiting.v[asked];

                if (!names_ask(walk->names, w->module, w->addr, w->exact, w->frame, w->urgent))
                        break;
                asked++;
        }
        walk->waiting.n -= asked;
        for (size_t i = 0; asked > 0 && i < walk->waiting.n; i++)
                walk->waiting.v[i] = walk->waiting.v[i + asked];
        return walk->waiting.n;
}

void walk_look(struct walk *walk, uint64_t now_ns)
{
        if (now_ns - walk->refreshed_ns >= LOOK_NS)
                refresh(walk, now_ns);
}

/* Mapped as code, but no program: a jitdump file's mark, memory that a runtime maps twice to write code into it. */
static bool is_no_program(const struct unwind_module *module)
{
        return module->mapped && !module->image;
}

const char *walk_loaded(struct walk *walk)
{
        while (walk->n_told < walk->modules.n) {
                const struct unwind_module *module = unwinder_module(walk->unwinder, (uint32_t)walk->n_told++);

                if (!is_no_program(module))
                        return module->path;
        }
        return NULL;
}
