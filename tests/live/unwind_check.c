/* unwind_check: unwinds every sample of a live process by the compiled tables and by libunwind, and compares frame by frame.
 *
 *   unwind_check PID RECORDS MEAN [MAP [inlined]]
 *
 * Attaches with the sampling mean MEAN, looks at RECORDS samples (or as many as come in five minutes), detaches and prints
 *
 *   records=N identical=N different=N behind_jit=N frames=N truncated=N
 *
 * "different" are stacks on which the two do not agree although all code up to there has unwind information. "behind_jit":
 * they agree up to a frame in code that has none: anonymous memory, or the functions Builtins_* that V8 brings in node's own
 * text. Behind it libunwind guesses, and what is right is to be known from names. MAP is such names: a perf map (/tmp/perf-PID.map)
 * read as it grows, for anonymous memory. With it, further:
 *
 *   jit_frames=N unnamed=N chains=N broken=N
 *
 * A frame in anonymous memory is named or counted as unnamed. Where a function step_1 is on a stack, step_2, step_3, ... up to
 * step_9 must be its callers, one after the other: if not, the chain is broken; with "inlined" some may be missing. The first of
 * each kind of failure are listed.
 *
 * Exit status: 0 when it could compare; the numbers are for the caller to judge. 77: no process can be traced here. */
#include "base/alloc.h"
#include "base/clock.h"
#include "inject/inject.h"
#include "live/ring.h"
#include "target/naming.h"
#include "target/unwind.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 256, STACK = 32768, LISTED = 12, STEPS = 9 };
#define PATIENCE_NS (300 * NS_PER_S)

struct names {
        struct naming **v; /* by module, opened when first asked */
        size_t n;
};

/* Lines of a perf map: code that was made later stands further behind. */
struct jit_code {
        uint64_t start, size;
        char *name;
};

struct jit {
        FILE *file;
        struct jit_code *v;
        size_t n, cap;
};

static struct {
        struct unwinder *unwinder;
        struct names names;
        struct jit jit;
        pid_t pid;
        bool inlined; /* compiled code may have swallowed callers */
        unsigned long records, identical, different, behind_jit, frames, truncated;
        unsigned long jit_frames, unnamed, chains, broken;
        unsigned listed_different, listed_unnamed, listed_broken, listed_truncated;
} all;

struct walk {
        struct unwind_frame v[DEPTH];
        size_t n;
};

/* ---- names ---- */

static const char *symbol_of(const struct unwind_frame *frame)
{
        struct naming_frame names[NAMING_FRAMES_MAX];
        const struct unwind_module *module;
        size_t n = unwinder_modules(all.unwinder);

        if (frame->module == UNWIND_NO_MODULE)
                return NULL;
        if (n > all.names.n) {
                all.names.v = xreallocarray(all.names.v, n, sizeof(*all.names.v));
                while (all.names.n < n)
                        all.names.v[all.names.n++] = NULL;
        }
        module = unwinder_module(all.unwinder, frame->module);
        if (!all.names.v[frame->module] &&
            (!module->image || naming_open(module->image, NULL, &all.names.v[frame->module]) < 0))
                return NULL;
        n = naming_lookup(all.names.v[frame->module], frame->pc - module->bias, frame->flags & UNWIND_EXACT, names,
                          NAMING_FRAMES_MAX);
        return names[n - 1].func;
}

static void read_jit_map(struct jit *jit)
{
        char line[1024];
        long at;

        if (!jit->file)
                return;
        clearerr(jit->file);
        for (at = ftell(jit->file); fgets(line, sizeof line, jit->file); at = ftell(jit->file)) {
                struct jit_code code;
                int skip = 0;

                if (!strchr(line, '\n')) /* it is being written */
                        break;
                if (sscanf(line, "%lx %lx %n", &code.start, &code.size, &skip) != 2 || skip == 0)
                        continue;
                line[strcspn(line, "\n")] = '\0';
                code.name = xstrdup(line + skip);
                array_grow(jit->v, jit->n, jit->cap);
                jit->v[jit->n++] = code;
        }
        fseek(jit->file, at, SEEK_SET);
}

static const char *jit_name(const struct jit *jit, uint64_t pc)
{
        for (size_t i = jit->n; i > 0; i--)
                if (pc - jit->v[i - 1].start < jit->v[i - 1].size)
                        return jit->v[i - 1].name;
        return NULL;
}

static void print_frame(const char *how, const struct unwind_frame *frame)
{
        const struct unwind_module *module =
                frame->module == UNWIND_NO_MODULE ? NULL : unwinder_module(all.unwinder, frame->module);
        const char *name = module ? symbol_of(frame) : jit_name(&all.jit, frame->pc - 1);

        printf("#   %s %s+0x%llx %s%s%s%s\n", how, module ? module->path : "anonymous",
               (unsigned long long)(frame->pc - (module ? module->bias : 0)), name ? name : "?",
               frame->flags & UNWIND_GUESSED ? " (chain)" : "", frame->flags & UNWIND_EXACT ? " (exact)" : "",
               frame->flags & UNWIND_TRUNCATED ? " (goes on)" : "");
}

/* ---- the two unwinders ---- */

static bool same_frame(const struct unwind_frame *a, const struct unwind_frame *b)
{
        uint32_t mask = UNWIND_EXACT;

        return a->pc == b->pc && a->module == b->module && (a->flags & mask) == (b->flags & mask);
}

static size_t first_difference(const struct walk *a, const struct walk *b)
{
        size_t i = 0;

        while (i < a->n && i < b->n && same_frame(&a->v[i], &b->v[i]))
                i++;
        return i;
}

/* Code for which no tables exist. */
static bool is_jit(const struct unwind_frame *frame)
{
        const char *name;

        if (frame->module == UNWIND_NO_MODULE)
                return true;
        name = symbol_of(frame);
        return name && strncmp(name, "Builtins_", 9) == 0;
}

static void list_difference(const struct walk *table, const struct walk *reference, size_t at)
{
        if (all.listed_different++ >= LISTED)
                return;
        printf("# different at frame %zu (tables found %zu, libunwind %zu):\n", at, table->n, reference->n);
        for (size_t i = at > 3 ? at - 3 : 0; i < at; i++)
                print_frame("both     ", &table->v[i]);
        for (size_t i = at; i < at + 3 && i < table->n; i++)
                print_frame("tables   ", &table->v[i]);
        for (size_t i = at; i < at + 3 && i < reference->n; i++)
                print_frame("libunwind", &reference->v[i]);
}

static void compare(const struct walk *table, const struct walk *reference)
{
        size_t at = first_difference(table, reference);

        all.frames += table->n;
        if (table->v[table->n - 1].flags & UNWIND_TRUNCATED) {
                all.truncated++;
                if (all.listed_truncated++ < LISTED)
                        print_frame("ends at", &table->v[table->n - 1]);
        }
        if (at == table->n && at == reference->n) {
                all.identical++;
                return;
        }
        for (size_t i = 0; i < at; i++)
                if (is_jit(&table->v[i])) {
                        all.behind_jit++;
                        return;
                }
        all.different++;
        list_difference(table, reference, at);
}

/* ---- JIT code ---- */

/* N for a function step_N() of a program in JavaScript, else 0. */
static int step_of(const char *name)
{
        const char *found = name ? strstr(name, "step_") : NULL;

        return found && found[5] >= '1' && found[5] <= '0' + STEPS && (found[6] == ' ' || found[6] == '\0') ? found[5] - '0' : 0;
}

static void list_broken(const struct walk *walk)
{
        if (all.listed_broken++ >= LISTED)
                return;
        printf("# broken chain:\n");
        for (size_t i = 0; i < walk->n; i++)
                print_frame(" ", &walk->v[i]);
}

static void check_names(const struct walk *walk)
{
        int last = 0;
        bool broken = false;

        for (size_t i = 0; i < walk->n; i++) {
                const char *name;
                int step;

                if (walk->v[i].module != UNWIND_NO_MODULE)
                        continue;
                all.jit_frames++;
                name = jit_name(&all.jit, walk->v[i].pc - 1);
                if (!name) {
                        all.unnamed++;
                        if (all.listed_unnamed++ < LISTED)
                                print_frame("unnamed", &walk->v[i]);
                        continue;
                }
                step = step_of(name);
                if (all.inlined && step == 0)
                        continue;
                broken |= last && last < STEPS && (all.inlined ? step <= last : step != last + 1);
                last = step ? step : last == STEPS ? last : 0;
        }
        if (last == 0)
                return;
        all.chains++;
        if (broken || (last != STEPS && !all.inlined)) {
                all.broken++;
                list_broken(walk);
        }
}

/* ---- samples ---- */

static void refresh(void)
{
        struct maps maps = { 0 };

        if (maps_read(all.pid, &maps) == 0)
                unwinder_refresh(all.unwinder, &maps);
        maps_done(&maps);
}

static void look_at(const struct wire_alloc *record)
{
        const struct unwind_regs regs = { .rip = record->rip, .rsp = record->rsp, .rbp = record->rbp,
                                          .rbx = record->rbx, .r12 = record->r12, .r13 = record->r13,
                                          .r14 = record->r14, .r15 = record->r15 };
        const uint8_t *stack = (const uint8_t *)(record + 1);
        static struct walk table, reference;

        table.n = (size_t)unwind_walk(all.unwinder, &regs, stack, record->rsp, record->stack_bytes, table.v, DEPTH);
        if (unwinder_is_stale(all.unwinder)) {
                refresh();
                table.n = (size_t)unwind_walk(all.unwinder, &regs, stack, record->rsp, record->stack_bytes, table.v, DEPTH);
        }
        reference.n = (size_t)unwind_reference(all.unwinder, &regs, stack, record->rsp, record->stack_bytes, reference.v, DEPTH);
        all.records++;
        compare(&table, &reference);
        if (all.jit.file) {
                read_jit_map(&all.jit);
                check_names(&table);
        }
}

static void look_at_all(struct injection *injection, unsigned long want)
{
        uint64_t end_ns = clock_boottime_ns() + PATIENCE_NS;
        static union ring_record record;
        struct ring ring;

        ring_init(&ring, injection->shared);
        while (all.records < want && clock_boottime_ns() < end_ns) {
                int r = ring_next(&ring, clock_boottime_ns(), &record);

                inject_heartbeat(injection);
                if (r == 0)
                        poll(NULL, 0, 1);
                else if (record.head.type == WIRE_ALLOC)
                        look_at(&record.alloc);
        }
}

/* On a machine that is busy with other things the threads may not stop in time; asking again is what the message advises. */
static int attach(const struct inject_options *options, struct injection *injection, struct err *err)
{
        int r = -EAGAIN;

        for (int i = 0; i < 5 && r < 0 && r != -EPERM; i++) {
                *err = (struct err){ 0 };
                r = inject_attach(all.pid, options, injection, err);
        }
        return r;
}

static void print_all(void)
{
        printf("records=%lu identical=%lu different=%lu behind_jit=%lu frames=%lu truncated=%lu\n", all.records, all.identical,
               all.different, all.behind_jit, all.frames, all.truncated);
        if (all.jit.file)
                printf("jit_frames=%lu unnamed=%lu chains=%lu broken=%lu\n", all.jit_frames, all.unnamed, all.chains,
                       all.broken);
}

static void end(void)
{
        for (size_t i = 0; i < all.names.n; i++)
                naming_close(all.names.v[i]);
        free(all.names.v);
        for (size_t i = 0; i < all.jit.n; i++)
                free(all.jit.v[i].name);
        free(all.jit.v);
        if (all.jit.file)
                fclose(all.jit.file);
        unwinder_free(all.unwinder);
}

int main(int argc, char **argv)
{
        struct inject_options options = { .stack_limit = STACK, .heartbeat_s = 30 };
        struct injection injection = { 0 };
        struct err err = { 0 };
        int r;

        if (argc < 4)
                return 64;
        all.pid = (pid_t)strtol(argv[1], NULL, 10);
        options.mean = strtoull(argv[3], NULL, 10);
        all.inlined = argc > 5;
        if (argc > 4 && !(all.jit.file = fopen(argv[4], "re"))) {
                printf("no map %s\n", argv[4]);
                return 1;
        }
        unwinder_new(all.pid, NULL, &all.unwinder);
        refresh();
        r = attach(&options, &injection, &err);
        if (r < 0) {
                printf("%s\n", err.text);
                end();
                return r == -EPERM ? 77 : 1;
        }
        look_at_all(&injection, strtoul(argv[2], NULL, 10));
        r = inject_detach(&injection, &err);
        inject_done(&injection);
        print_all();
        end();
        return r < 0;
}
