#include "live/jit.h"

#include "base/addrmap.h"
#include "base/alloc.h"
#include "base/rules.h"
#include "inject/ticks.h"
#include "target/jitname.h"
#include "target/jitreader.h"
#include "target/proc.h"
#include "target/runtime.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KEY_WAITING (1ull << 47) /* keys of functions are below */
#define BEHIND_NS   (10 * NS_PER_MS) /* between two pieces of a large file: a fifth of the time at most */
#define LAG_NS      NS_PER_S     /* no sample waits longer in the ring */

enum { WAITING_MAX = 4096, UNNAMED_SAID = 1, CACHE = 1 << 10 };

/* A function that was met, and its frame. */
struct met {
        uint32_t name, file, line, flags; /* ids of jitreader_find() */
        uint32_t frame;                   /* 0 = none */
};

/* A frame whose code nobody has told of yet. */
struct waiting {
        uint64_t pc;     /* what is looked up */
        uint64_t at_ns;
        uint32_t frame;
        bool given_up;   /* it was shown as an address */
};

struct range {
        uint64_t start, end;
};

struct jit {
        pid_t pid;
        struct stacks *stacks;
        struct jitreader *reader;
        uint32_t modules[2];      /* "[anon]", "[jit]"; 0 = not made yet */
        struct { struct range *v; size_t n, cap; } anon;
        struct addrmap frames;    /* of waiting ones, by pc */
        struct met met[CACHE];    /* the last ones; where in it: by their hash */
        ROWS(struct waiting) waiting;
        uint64_t now_ns, now_tsc; /* of the same moment, the last step */
        uint64_t read_ns, named_ns;
        bool fresh;               /* something was read that waiting frames have not been looked up in */
        size_t unnamed;           /* frames of a process that says nothing */
        bool hinted;
};

static uint64_t monotonic_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

struct jit *jit_new(pid_t pid, struct stacks *stacks)
{
        struct jit *jit = xcalloc(1, sizeof *jit);

        jit->pid = pid;
        jit->stacks = stacks;
        jit->reader = jitreader_new(pid);
        jit->now_ns = monotonic_ns();
        jit->now_tsc = ticks_now();
        return jit;
}

void jit_free(struct jit *jit)
{
        if (!jit)
                return;
        jitreader_free(jit->reader);
        addrmap_done(&jit->frames);
        free(jit->anon.v);
        free(jit->waiting.v);
        free(jit);
}

void jit_maps(struct jit *jit, const struct maps *maps)
{
        jit->anon.n = 0;
        for (size_t i = 0; i < maps->n; i++)
                if (maps->v[i].exec && maps->v[i].inode == 0 && strcmp(maps->v[i].path, "[vdso]") != 0 &&
                    strcmp(maps->v[i].path, "[vsyscall]") != 0)
                        rows_add(&jit->anon, (struct range){ maps->v[i].start, maps->v[i].end });
        jitreader_look(jit->reader, maps);
}

static void set_clock(struct jit *jit)
{
        jit->now_ns = monotonic_ns();
        jit->now_tsc = ticks_now();
}

uint64_t jit_time(struct jit *jit, uint64_t tsc)
{
        uint64_t ticks, ago;

        if (tsc > jit->now_tsc) /* taken since the last step, or made up */
                set_clock(jit);
        ticks = jit->now_tsc > tsc ? jit->now_tsc - tsc : 0;
        if (ticks > ticks_per_second())
                return jit->now_ns - LAG_NS;
        ago = (uint64_t)((unsigned __int128)ticks * NS_PER_S / ticks_per_second());
        return jit->now_ns - ago;
}

/* ---- names ---- */

static uint64_t hash_part(uint64_t hash, const char *bytes, size_t len)
{
        for (size_t i = 0; i < len; i++)
                hash = (hash ^ (unsigned char)bytes[i]) * 0x100000001b3ull; /* FNV-1a */
        return hash * 0x100000001b3ull;
}

/* The place in the name counts, not the line of the address, so that a function is one whatever it was compiled to. */
static struct jitname full_name(const struct jitcode_found *found)
{
        struct jitname name = jitname_parse(found->name, strlen(found->name));

        if (!name.file && found->file && *found->file) {
                name.file = found->file;
                name.file_len = strlen(found->file);
                name.line = found->line;
        }
        return name;
}

static uint64_t key_of(const struct jitname *name)
{
        uint64_t hash = hash_part(0xcbf29ce484222325ull, name->func, name->func_len);

        if (name->file)
                hash = hash_part(hash, name->file, name->file_len);
        hash = (hash ^ name->line) * 0x100000001b3ull;
        hash = (hash ^ hash >> 47) & (KEY_WAITING - 1);
        return hash ? hash : 1;
}

static uint32_t module(struct jit *jit, bool named)
{
        if (jit->modules[named] == 0)
                jit->modules[named] = stacks_module(jit->stacks, named ? "[jit]" : "[anon]", "", false);
        return jit->modules[named];
}

static void give_name(struct jit *jit, uint32_t frame, const struct jitname *name)
{
        struct stacks_name given = { .func = xstrndup(name->func, name->func_len), .line = name->line };
        char script[64];
        bool runtime;

        if (name->file)
                given.file = xstrndup(name->file, name->file_len);
        runtime = runtime_is(rules_module("[jit]", given.file, script, sizeof script), given.func);
        stacks_named(jit->stacks, frame, &given, 1, runtime);
}

/* Code that is older than the first look at the file, or newer than the sample by too much, is not what was sampled. */
static bool is_in_time(const struct jit *jit, const struct jitcode_found *found, uint64_t at_ns)
{
        return found->from_ns <= at_ns || jit->now_ns - at_ns <= JIT_LATE_NS;
}

/* Names WAITING when its code is known by now. */
static bool name_waiting(struct jit *jit, const struct waiting *waiting)
{
        struct jitcode_found found;
        struct jitname name;

        if (!jitreader_find(jit->reader, waiting->pc, waiting->at_ns, &found) ||
            !is_in_time(jit, &found, waiting->at_ns))
                return false;
        name = full_name(&found);
        stacks_rekey(jit->stacks, waiting->frame, module(jit, true), key_of(&name));
        give_name(jit, waiting->frame, &name);
        return true;
}

/* Those that have waited for too long are shown by their address, so that their stacks can be given a site. */
static void name_all_waiting(struct jit *jit)
{
        size_t kept = 0;

        for (size_t i = 0; i < jit->waiting.n; i++) {
                struct waiting waiting = jit->waiting.v[i];

                if (name_waiting(jit, &waiting)) {
                        addrmap_remove(&jit->frames, waiting.pc, NULL);
                        continue;
                }
                if (!waiting.given_up && jit->now_ns - waiting.at_ns > JIT_LATE_NS) {
                        stacks_named(jit->stacks, waiting.frame, NULL, 0, false);
                        waiting.given_up = true;
                }
                jit->waiting.v[kept++] = waiting;
        }
        jit->waiting.n = kept;
}

void jit_step(struct jit *jit)
{
        set_clock(jit);
        if (!jit->fresh && jit->now_ns - jit->read_ns < (jitreader_is_behind(jit->reader) ? BEHIND_NS : JIT_LOOK_NS))
                return;
        jit->read_ns = jit->now_ns;
        jit->fresh |= jitreader_read(jit->reader, jit->now_ns);
        if (jit->fresh || jit->now_ns - jit->named_ns > NS_PER_S) {
                jit->fresh = false;
                jit->named_ns = jit->now_ns;
                name_all_waiting(jit);
        }
}

/* Before a sample is looked at that is younger than the last look, so that it does not get the name of what stood there
 * before. */
static void catch_up(struct jit *jit, uint64_t at_ns)
{
        if (at_ns <= jit->read_ns || jitreader_is_behind(jit->reader))
                return;
        set_clock(jit);
        jit->read_ns = jit->now_ns;
        jit->fresh |= jitreader_read(jit->reader, jit->now_ns);
}

/* ---- frames ---- */

static bool is_anonymous(const struct jit *jit, uint64_t addr)
{
        size_t low = 0, high = jit->anon.n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (jit->anon.v[middle].end <= addr)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < jit->anon.n && addr >= jit->anon.v[low].start;
}

/* The same address is the same frame until it has a name: then it is forgotten here, for what stands there next is
 * another. When too many wait, an address is a frame for good, and gets no name. */
static uint32_t unnamed_frame(struct jit *jit, uint64_t pc, uint64_t shown, uint64_t at_ns, uint32_t flags)
{
        bool writes = jitreader_has_files(jit->reader), waits, fresh;
        uint32_t frame, in;
        uint64_t known;

        if (addrmap_get(&jit->frames, pc, &known))
                return (uint32_t)known;
        in = module(jit, writes);
        waits = in && jit->waiting.n < WAITING_MAX;
        frame = stacks_frame_keyed(jit->stacks, in, KEY_WAITING | (waits ? jit->stacks->frames.n : pc), shown,
                                   flags | (writes ? REC_FRAME_JIT : 0u), &fresh);
        if (jit->stacks->frames.v[frame].module == 0) /* there are too many, and this one stands for all others */
                waits = false;
        if (fresh && (!writes || !waits))
                stacks_named(jit->stacks, frame, NULL, 0, false);
        if (waits) {
                addrmap_put(&jit->frames, pc, frame);
                rows_add(&jit->waiting, (struct waiting){ pc, at_ns, frame, !writes });
        }
        jit->unnamed += !writes;
        return frame;
}

static uint32_t named_frame(struct jit *jit, const struct jitcode_found *found, uint64_t pc, uint32_t flags)
{
        const struct met now = { found->name_id, found->file_id, found->line, flags, 0 };
        struct met *met = &jit->met[(now.name * 0x9e3779b1u ^ now.file * 0x85ebca6bu ^ now.line ^ flags) % CACHE];
        struct jitname name;
        bool fresh;

        if (met->frame && met->name == now.name && met->file == now.file && met->line == now.line &&
            met->flags == flags)
                return met->frame;
        name = full_name(found);
        *met = now;
        met->frame = stacks_frame_keyed(jit->stacks, module(jit, true), key_of(&name), pc, flags | REC_FRAME_JIT,
                                        &fresh);
        if (fresh && jit->stacks->frames.v[met->frame].module)
                give_name(jit, met->frame, &name);
        else if (fresh)
                stacks_named(jit->stacks, met->frame, NULL, 0, false);
        return met->frame;
}

uint32_t jit_frame(struct jit *jit, uint64_t pc, bool exact, uint64_t at_ns, uint32_t flags, bool *urgent)
{
        struct jitcode_found found;
        uint64_t at = exact || pc == 0 ? pc : pc - 1;
        uint32_t frame;

        flags &= REC_FRAME_GUESSED | REC_FRAME_TRUNCATED;
        catch_up(jit, at_ns);
        if (jitreader_find(jit->reader, at, at_ns, &found)) {
                frame = named_frame(jit, &found, pc, flags);
        } else if (is_anonymous(jit, at)) {
                frame = unnamed_frame(jit, at, pc, at_ns, flags);
        } else {
                return 0;
        }
        *urgent = *urgent && jit->stacks->frames.v[frame].flags & REC_FRAME_RUNTIME;
        return frame;
}

bool jit_is_interpreter(const struct jit *jit, uint64_t pc)
{
        struct jitcode_found found;

        return jitreader_find(jit->reader, pc - 1, jit->now_ns, &found) &&
               strcmp(found.name, "Builtin:InterpreterEntryTrampoline") == 0;
}

bool jit_bytecode_after(const struct jit *jit, uint64_t addr, uint64_t *ret)
{
        struct jitcode_found found;
        const char *colon;

        if (!jitreader_next(jit->reader, addr, &found))
                return false;
        colon = strchr(found.name, ':'); /* "JS:~f", "LazyCompile:~f": it is interpreted */
        if (!colon || colon[1] != '~')
                return false;
        *ret = found.start;
        return true;
}

/* ---- what is told ---- */

/* How programs are brought to write about their code, by the name of what runs them. */
static const char *hint_for(const char *exe)
{
        static const struct { const char *name, *hint; } hints[] = {
                { "node", "start node with --perf-basic-prof for names of JavaScript functions" },
                { "java", "`jcmd PID Compiler.perfmap` (JDK 17 or later) gives names to compiled Java methods" },
                { "dotnet", "start .NET programs with DOTNET_PerfMapEnabled=1 for names of compiled methods" },
        };
        const char *slash = strrchr(exe, '/'), *name = slash ? slash + 1 : exe;

        for (size_t i = 0; i < array_len(hints); i++)
                if (strncmp(name, hints[i].name, strlen(hints[i].name)) == 0)
                        return hints[i].hint;
        return NULL;
}

static void hint(struct jit *jit, struct happenings *happenings, uint64_t now_ns)
{
        const char *text = NULL;
        char *exe = NULL;

        jit->hinted = true;
        if (proc_exe(jit->pid, &exe) == 0)
                text = hint_for(exe);
        if (text)
                happenings_event(happenings, now_ns, REC_EVENT_NOTE, "compiled code has no names; %s", text);
        free(exe);
}

void jit_tell(struct jit *jit, struct happenings *happenings, uint64_t now_ns)
{
        const char *news;

        while ((news = jitreader_news(jit->reader)) != NULL)
                happenings_event(happenings, now_ns, REC_EVENT_NOTE, "%s", news);
        if (!jit->hinted && jit->unnamed >= UNNAMED_SAID && !jitreader_has_files(jit->reader))
                hint(jit, happenings, now_ns);
}
