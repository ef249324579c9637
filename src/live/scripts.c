#include "live/scripts.h"

#include "base/addrmap.h"
#include "base/alloc.h"
#include "base/rules.h"
#include "live/rows.h"
#include "target/memory.h"
#include "target/python_code.h"
#include "target/runtime.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
        INTERPRETERS_MAX = 4,   /* a program and libraries that are linked with the library it does not use */
        CODES_MAX = 1 << 16, CODE_BYTES_MAX = 8 << 20,
        TRIES_TOLD = 250,       /* looks for a thread's state in vain before that is told */
        STRANGE_MAX = 1000,     /* frames in a row that are none before it is given up */
        KEY_UNKNOWN = 1, KEY_MORE = 2, KEY_FIRST = 16,
};
#define LOOK_NS      (20 * NS_PER_MS)
#define LOOK_LATE_NS (1 * NS_PER_S) /* after TRIES_TOLD looks */
#define AT_MASK      ((1ull << 48) - 1)
#define ADDRESS_MAX  (1ull << 47)

/* A code object. */
struct code {
        struct python_code code;
        uint64_t checked_ns;
        struct addrmap frames; /* of `at` + 1 -> frame in stacks */
};

struct scripts {
        pid_t pid;
        struct wire_shared *shared;
        struct stacks *stacks;
        int memory; /* a handle, or a negative errno */
        struct python found[INTERPRETERS_MAX];
        size_t n_found;
        const struct python *python; /* the one that runs, and the probe knows */
        uint32_t unknown;            /* version of one that we do not know, plus 1 */
        uint64_t looked_ns;
        unsigned tries, strange;
        enum { TELL_NOTHING, TELL_ON, TELL_UNKNOWN, TELL_NO_STATE, TELL_GIVEN_UP } tell, told;
        uint32_t module;             /* "[python]", 0 = not made yet */
        struct addrmap by_addr;      /* of a code object -> index in codes */
        ROWS(struct code) codes;
        size_t code_bytes;
};

struct scripts *scripts_new(pid_t pid, struct wire_shared *shared, struct stacks *stacks)
{
        struct scripts *scripts = xcalloc(1, sizeof *scripts);

        scripts->pid = pid;
        scripts->shared = shared;
        scripts->stacks = stacks;
        scripts->memory = -ENOENT;
        return scripts;
}

static void forget_codes(struct scripts *scripts)
{
        for (size_t i = 0; i < scripts->codes.n; i++) {
                python_code_done(&scripts->codes.v[i].code);
                addrmap_done(&scripts->codes.v[i].frames);
        }
        scripts->codes.n = scripts->code_bytes = 0;
        addrmap_done(&scripts->by_addr);
        scripts->by_addr = (struct addrmap){ 0 };
}

void scripts_free(struct scripts *scripts)
{
        if (!scripts)
                return;
        forget_codes(scripts);
        free(scripts->codes.v);
        memory_close(scripts->memory);
        free(scripts);
}

/* ---- the interpreter ---- */

void scripts_module(struct scripts *scripts, const struct unwind_module *module)
{
        struct python python = { 0 };
        int r;

        if (!module->image || scripts->n_found == INTERPRETERS_MAX)
                return;
        if (scripts->memory < 0)
                scripts->memory = memory_open(scripts->pid, 0);
        if (scripts->memory < 0)
                return;
        r = python_find(module->image, module->path, module->bias, scripts->memory, &python);
        if (r > 0)
                scripts->found[scripts->n_found++] = python;
        else if (r < 0)
                scripts->unknown = python.version + 1;
}

static void tell_probe(struct scripts *scripts, const struct python *python, uint32_t state)
{
        const struct python_layout *layout = &python->layout;
        struct wire_interpreter *to = &scripts->shared->interpreter;

        __atomic_store_n(&to->on, 0, __ATOMIC_RELEASE);
        to->limit = WIRE_INTERPRETED_MAX;
        to->ending = python->runtime + layout->finalizing;
        to->state = state;
        to->thread = layout->thread_id;
        to->anchor = layout->anchor == PYTHON_NONE ? WIRE_NO_ANCHOR : layout->anchor;
        to->innermost = layout->innermost;
        to->in_frame[WIRE_PREVIOUS] = layout->previous;
        to->in_frame[WIRE_CODE] = layout->code;
        to->in_frame[WIRE_AT] = layout->at;
        to->in_frame[WIRE_MARK] = layout->mark;
        __atomic_store_n(&to->on, 1, __ATOMIC_RELEASE);
        scripts->python = python;
        scripts->tell = TELL_ON;
}

static void give_up(struct scripts *scripts)
{
        __atomic_store_n(&scripts->shared->interpreter.on, 0, __ATOMIC_RELEASE);
        scripts->tell = TELL_GIVEN_UP;
}

void scripts_step(struct scripts *scripts, uint64_t now_ns)
{
        bool elsewhere = false;
        uint32_t state;

        if (scripts->python || now_ns - scripts->looked_ns < (scripts->tries < TRIES_TOLD ? LOOK_NS : LOOK_LATE_NS))
                return;
        scripts->looked_ns = now_ns;
        for (size_t i = 0; i < scripts->n_found; i++) {
                int r = python_state(&scripts->found[i], scripts->memory, &state);

                if (r == 0) {
                        tell_probe(scripts, &scripts->found[i], state);
                        return;
                }
                elsewhere |= r == -ENOTSUP;
        }
        scripts->tries += elsewhere && scripts->tries < TRIES_TOLD;
        if (scripts->tries == TRIES_TOLD)
                scripts->tell = TELL_NO_STATE;
        else if (scripts->unknown && scripts->n_found == 0)
                scripts->tell = TELL_UNKNOWN;
}

static void tell(const struct scripts *scripts, struct happenings *happenings, uint64_t now_ns)
{
        uint32_t version = scripts->tell == TELL_UNKNOWN ? scripts->unknown - 1 :
                           scripts->python ? scripts->python->version : scripts->found[0].version;
        const char *why = scripts->tell == TELL_UNKNOWN ? "heaptop knows 3.9 to 3.13 as they are usually built" :
                          scripts->tell == TELL_NO_STATE ? "its threads keep their states where glibc does not" :
                                                           "what it has there makes no sense";
        char name[32] = "";

        if (version)
                snprintf(name, sizeof name, " %u.%u", version >> 8, version & 255);
        if (scripts->tell == TELL_ON)
                happenings_event(happenings, now_ns, REC_EVENT_NOTE, "Python%s: its functions are in the stacks", name);
        else
                happenings_event(happenings, now_ns, REC_EVENT_NOTE, "Python%s: its functions are not in the stacks: %s",
                                 name, why);
}

void scripts_tell(struct scripts *scripts, struct happenings *happenings, uint64_t now_ns)
{
        if (scripts->tell == scripts->told)
                return;
        scripts->told = scripts->tell;
        tell(scripts, happenings, now_ns);
}

/* ---- code objects ---- */

/* Reads what stands at ADDR into CODE, which is all-zero then if that is no code object. */
static void read_code(struct scripts *scripts, uint64_t addr, struct code *code)
{
        scripts->code_bytes -= code->code.n_lines;
        python_code_done(&code->code);
        addrmap_done(&code->frames);
        code->frames = (struct addrmap){ 0 };
        if (python_code_read(scripts->python, scripts->memory, addr, &code->code) < 0)
                code->code = (struct python_code){ 0 };
        scripts->code_bytes += code->code.n_lines;
}

/* The code object at ADDR as it is now; NULL when there is none. */
static struct code *code_at(struct scripts *scripts, uint64_t addr, uint64_t now_ns)
{
        struct code *code;
        uint64_t index;

        if (addr == 0 || addr >= ADDRESS_MAX)
                return NULL;
        if (!addrmap_get(&scripts->by_addr, addr, &index)) {
                if (scripts->codes.n >= CODES_MAX || scripts->code_bytes > CODE_BYTES_MAX)
                        forget_codes(scripts);
                index = scripts->codes.n;
                rows_add(&scripts->codes, (struct code){ 0 });
                addrmap_put(&scripts->by_addr, addr, index);
        }
        code = &scripts->codes.v[index];
        if (now_ns - code->checked_ns > SCRIPTS_TRUST_NS) {
                if (!code->code.name || !python_code_is_same(scripts->python, scripts->memory, addr, &code->code))
                        read_code(scripts, addr, code);
                code->checked_ns = now_ns;
        }
        return code->code.name ? code : NULL;
}

/* ---- frames ---- */

/* FNV-1a. */
static uint64_t hash(uint64_t hash, const char *s)
{
        for (; *s; s++)
                hash = (hash ^ (unsigned char)*s) * 0x100000001b3ull;
        return (hash ^ 0xff) * 0x100000001b3ull;
}

static uint64_t key_of(const struct python_code *code, uint32_t line)
{
        uint64_t key = hash(hash(0xcbf29ce484222325ull ^ line, code->name), code->file);

        key = (key ^ key >> 48) & AT_MASK;
        return key < KEY_FIRST ? KEY_FIRST : key;
}

/* The frame of KEY, and whether it must be named. */
static uint32_t frame_of(struct scripts *scripts, uint64_t key, bool *ret_new)
{
        struct stacks *stacks = scripts->stacks;
        uint32_t id;

        if (scripts->module == 0)
                scripts->module = stacks_module(stacks, "[python]", "", false);
        id = stacks_frame_keyed(stacks, scripts->module, key, 0, REC_FRAME_INTERPRETED, ret_new);
        if (*ret_new && stacks->frames.v[id].module == 0) { /* there are too many, and this one stands for all others */
                stacks_named(stacks, id, NULL, 0, false);
                *ret_new = false;
        }
        return id;
}

/* A frame that is no function of Python's. */
static uint32_t plain_frame(struct scripts *scripts, uint64_t key, const char *text)
{
        struct stacks_name name = { .func = xstrdup(text) };
        uint32_t id;
        bool fresh;

        id = frame_of(scripts, key, &fresh);
        if (fresh)
                stacks_named(scripts->stacks, id, &name, 1, false);
        else
                free(name.func);
        return id;
}

static uint32_t function_frame(struct scripts *scripts, struct code *code, uint64_t at)
{
        uint32_t line, id;
        uint64_t known;
        bool fresh;

        if (addrmap_get(&code->frames, at + 1, &known))
                return (uint32_t)known;
        line = python_code_line(scripts->python, &code->code, at);
        id = frame_of(scripts, key_of(&code->code, line), &fresh);
        if (fresh) {
                const struct python_code *says = &code->code;
                char script[64];
                bool runtime = runtime_is(rules_module("[python]", says->file, script, sizeof script), says->name);
                struct stacks_name name = { .func = xstrdup(says->name), .file = xstrdup(says->file), .line = line,
                                            .runtime = runtime };

                stacks_named(scripts->stacks, id, &name, 1, runtime);
        }
        addrmap_put(&code->frames, at + 1, id);
        return id;
}

static uint32_t script_frame(struct scripts *scripts, const struct wire_interpreted *frame, uint64_t now_ns)
{
        struct code *code = code_at(scripts, frame->code, now_ns);

        if (code) {
                scripts->strange = 0;
                return function_frame(scripts, code, frame->at & AT_MASK);
        }
        if (++scripts->strange == STRANGE_MAX)
                give_up(scripts);
        return plain_frame(scripts, KEY_UNKNOWN, "(deleted function)");
}

/* ---- weaving ---- */

struct weaving {
        const struct python *python;
        const struct wire_alloc *record;
        const struct unwind_frame *frames;
        uint32_t n;
        uint32_t at;     /* where the frames stand that come next */
        uint64_t anchor; /* of the loop's call that runs them, 0 = not known */
};

static uint64_t stack_end(const struct wire_alloc *record)
{
        return record->rsp + record->stack_bytes;
}

/* The word at ADDR of the copied stack, or 0. */
static uint64_t word(const struct wire_alloc *record, uint64_t addr)
{
        uint64_t value;

        if (record->stack_bytes < sizeof value || addr < record->rsp || addr > stack_end(record) - sizeof value)
                return 0;
        memcpy(&value, (const uint8_t *)(record + 1) + (addr - record->rsp), sizeof value);
        return value;
}

/* The machine's frame, from the one at hand outwards, that ADDR on the stack is a part of; N when there is none. */
static uint32_t frame_around(const struct weaving *w, uint64_t addr)
{
        for (uint32_t i = w->at; i < w->n; i++) {
                uint64_t end = i + 1 < w->n ? w->frames[i + 1].sp : stack_end(w->record);

                if (addr >= w->frames[i].sp && addr < end)
                        return i;
        }
        return w->n;
}

/* The same for the next call of the loop, by its address. */
static uint32_t next_loop(const struct weaving *w, uint32_t from)
{
        for (uint32_t i = from; i < w->n; i++)
                if (w->frames[i].pc - w->python->loop <= w->python->loop_end - w->python->loop)
                        return i;
        return w->n;
}

static bool is_last_of_loop(const struct weaving *w, const struct wire_interpreted *frame)
{
        unsigned mark = (unsigned)(frame->at >> 56);

        switch (w->python->layout.entry) {
        case PYTHON_ENTRY_EACH:
                return true;
        case PYTHON_ENTRY_MARK:
                return mark != 0;
        default:
                return mark == PYTHON_SHIM;
        }
}

/* How many of the N frames from V on one call of the loop runs. */
static size_t run_of(const struct weaving *w, const struct wire_interpreted *v, size_t n)
{
        size_t i = 0;

        while (i < n && !is_last_of_loop(w, &v[i]))
                i++;
        return i < n ? i + 1 : n;
}

/* Finds the machine's frame of the call that runs the N frames from V on. */
static void find_place(struct weaving *w, const struct wire_interpreted *v, size_t n)
{
        const struct wire_interpreted *last = &v[n - 1];
        uint32_t at = w->n;

        switch (w->python->layout.entry) {
        case PYTHON_ENTRY_EACH:
                at = next_loop(w, w->at);
                break;
        case PYTHON_ENTRY_MARK:
                at = w->anchor ? frame_around(w, w->anchor) : w->n;
                w->anchor = w->anchor ? word(w->record, w->anchor + w->python->layout.next_anchor) : 0;
                break;
        default:
                at = is_last_of_loop(w, last) ? frame_around(w, last->frame) : next_loop(w, w->at);
        }
        w->at = at;
}

static bool is_shown(const struct weaving *w, const struct wire_interpreted *frame)
{
        return w->python->layout.entry != PYTHON_ENTRY_SHIM || !is_last_of_loop(w, frame);
}

size_t scripts_weave(struct scripts *scripts, const struct wire_alloc *record, const struct unwind_frame *frames,
                     size_t n, uint64_t now_ns, struct scripts_place ret[WIRE_INTERPRETED_MAX + 1])
{
        const uint8_t *behind = (const uint8_t *)(record + 1) + record->stack_bytes;
        struct weaving w = { scripts->python, record, frames, (uint32_t)n, 0, record->anchor };
        struct wire_interpreted v[WIRE_INTERPRETED_MAX];
        size_t count = 0, run;

        if (!scripts->python || scripts->tell == TELL_GIVEN_UP || record->n_interpreted == 0)
                return 0;
        memcpy(v, behind, record->n_interpreted * sizeof *v);
        for (size_t i = 0; i < record->n_interpreted; i += run) {
                run = run_of(&w, &v[i], record->n_interpreted - i);
                find_place(&w, &v[i], run);
                for (size_t k = i; k < i + run; k++)
                        if (is_shown(&w, &v[k]))
                                ret[count++] = (struct scripts_place){ script_frame(scripts, &v[k], now_ns), w.at };
                if (w.at < w.n && w.python->layout.entry == PYTHON_ENTRY_EACH)
                        w.at++;
        }
        if (record->more_interpreted)
                ret[count++] = (struct scripts_place){ plain_frame(scripts, KEY_MORE, "(more Python frames)"), w.at };
        return count;
}
