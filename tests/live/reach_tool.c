/* reach_tool: attaches to a program that knows how often it allocated (tests/targets/reach.c), and compares.
 *
 *   reach_tool [-e KIND=SYMBOL]... [-l] CMD ARG...     KIND: malloc, memalign, free, second; SYMBOL @N[+OFFSET]: N-th address of READY
 *
 * With -l in front of CMD it is told to "load" something after the attach, and what came is hooked before the work begins.
 *
 * CMD prints READY and answers "work" with a line of what it has done. Each allocation is sampled (the mean is 1 byte), in portions
 * that fit into the ring, so that not only the counters but the blocks that live must agree. Prints what it found; exits 0 when
 * all of it was true, and the target was left as it was. */
#include "drain.h"

#include "inject/inject.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 12, LINE = 256, PRINT = 1 << 20 };

static struct injection injection;
static pid_t child;
static FILE *commands, *answers;
static char *fingerprints[2];
static struct drained drained;
static bool loads;

struct truth {
        unsigned long long allocs, frees, bytes, live, live_bytes, resized;
};

/* ---- functions to hook, too ---- */

enum { EXTRAS = 8 };

static struct inject_extra extras[EXTRAS];
static size_t n_extras;

static bool add_extra(char *text)
{
        static const struct {
                const char *name;
                enum wire_kind kind;
        } kinds[] = { { "malloc", WIRE_MALLOC }, { "memalign", WIRE_MEMALIGN }, { "free", WIRE_FREE }, { "second", WIRE_FREE_SECOND } };
        char *symbol = strchr(text, '=');

        if (!symbol || n_extras == EXTRAS)
                return false;
        *symbol++ = '\0';
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
                if (!strcmp(kinds[i].name, text))
                        extras[n_extras++] = (struct inject_extra){ .symbol = symbol, .kind = kinds[i].kind };
        return true;
}

/* Puts in the addresses that the program told. */
static void place_extras(const char *ready)
{
        for (size_t i = 0; i < n_extras; i++) {
                const char *at = ready, *plus = strchr(extras[i].symbol, '+');

                if (extras[i].symbol[0] != '@')
                        continue;
                for (int n = atoi(extras[i].symbol + 1); n > 0 && at; n--)
                        at = strstr(at + 1, "0x");
                extras[i].symbol = NULL;
                extras[i].addr = at ? strtoull(at, NULL, 16) + (plus ? strtoull(plus, NULL, 10) : 0) : 1;
        }
}

static bool start(char **argv)
{
        int to[2], from[2];

        if (pipe(to) < 0 || pipe(from) < 0 || (child = fork()) < 0)
                return false;
        if (child == 0) {
                dup2(to[0], 0);
                dup2(from[1], 1);
                close(to[1]);
                close(from[0]);
                execvp(argv[0], argv);
                _exit(127);
        }
        close(to[0]);
        close(from[1]);
        commands = fdopen(to[1], "w");
        answers = fdopen(from[0], "r");
        return commands && answers;
}

/* What must be the same before and after (tests/live/fingerprint). */
static char *fingerprint(void)
{
        const char *build = getenv("HEAPTOP_BUILD");
        char command[512], *text = calloc(1, PRINT);
        FILE *file;

        snprintf(command, sizeof command, "%s/tests/live/fingerprint %d", build ? build : ".", (int)child);
        file = popen(command, "r");
        if (!file || fread(text, 1, PRINT - 1, file) == 0)
                text[0] = '\0';
        if (file)
                pclose(file);
        return text;
}

static bool work(const char *command, struct truth *ret)
{
        char line[LINE];

        fputs(command, commands);
        fflush(commands);
        if (!fgets(line, sizeof line, answers))
                return false;
        if (injection.shared)
                drain(injection.shared, &drained);
        return sscanf(line, "allocs=%llu frees=%llu bytes=%llu live=%llu live_bytes=%llu resized=%llu", &ret->allocs,
                      &ret->frees, &ret->bytes, &ret->live, &ret->live_bytes, &ret->resized) == 6;
}

static void add_up(const struct wire_slot *slot, struct truth *ret)
{
        for (int i = 0; i < WIRE_CLASSES; i++) {
                ret->allocs += slot->classes[i].allocated_calls;
                ret->bytes += slot->classes[i].allocated_bytes;
                ret->frees += slot->classes[i].freed_calls;
        }
        ret->frees += slot->unsized_frees;
}

static void find(struct truth *ret)
{
        const struct wire_shared *shared = injection.shared;

        *ret = (struct truth){ 0 };
        for (int i = 0; i < WIRE_SLOTS; i++)
                add_up(&shared->slots[i], ret);
        add_up(&shared->overflow, ret);
        for (int i = 0; i < 1 << WIRE_TABLE_BITS; i++)
                ret->live += shared->table[i].addr > 2;
}

static bool same(const char *what, unsigned long long found, unsigned long long truth)
{
        printf("%s %s: found %llu, true %llu\n", found == truth ? "right" : "WRONG", what, found, truth);
        return found == truth;
}

/* What was there before, and what of it was freed since, is not ours to know: LAST is the truth at the attach, BEFORE what was
 * found when the work began. */
static bool compare(const struct truth *truth, const struct truth *last, const struct truth *before, bool sampled)
{
        struct truth found;
        bool good = true;

        find(&found);
        found.allocs -= before->allocs;
        found.bytes -= before->bytes;
        found.frees -= before->frees;
        found.live -= before->live;
        good &= same("allocations", found.allocs, truth->allocs - last->allocs);
        good &= same("bytes", found.bytes, truth->bytes - last->bytes);
        good &= same("frees", found.frees, truth->frees - last->frees);
        if (!sampled)
                return good;
        good &= same("blocks that live", found.live, truth->live);
        good &= same("births less deaths", drained.births - drained.deaths, truth->live);
        good &= same("samples lost", injection.shared->dropped_allocs, 0);
        return good;
}

static int by_name(const void *a, const void *b)
{
        return strcmp(((const struct wire_hook_record *)a)->name, ((const struct wire_hook_record *)b)->name);
}

static void print_hooks(void)
{
        printf("allocator=%s hooks=%u refused=%u exact=%d:", injection.allocator, injection.n_hooks, injection.n_refused,
               injection.exact_frees);
        qsort(injection.hooks, injection.n_hooks, sizeof *injection.hooks, by_name);
        for (uint32_t i = 0; i < injection.n_hooks; i++)
                printf(" %s", injection.hooks[i].name);
        putchar('\n');
}

/* On a busy machine its threads do not stop at once, and the recorder would try again, too. */
static int extend(const struct inject_options *options)
{
        struct err err = { 0 };
        int r = -EAGAIN;

        for (int i = 0; i < 60 && r == -EAGAIN; i++) {
                err = (struct err){ 0 };
                r = inject_extend(&injection, options, &err);
        }
        if (r < 0)
                printf("extend: %s\n", err.text);
        return r;
}

/* One attach: the target works, and the sums are compared. */
static bool watch(uint64_t mean, const struct truth *last, struct truth *ret)
{
        struct truth before = { 0 };
        const struct inject_options options = { .mean = mean, .stack_limit = 256, .extras = extras, .n_extras = n_extras };
        struct err err = { 0 };
        bool good = true;

        if (inject_attach(child, &options, &injection, &err) < 0) {
                printf("attach: %s\n", err.text);
                return false;
        }
        if (loads) {
                good = work("load\n", ret) && same("hooks that came", extend(&options) > 0, 1);
                find(&before);
                drained = (struct drained){ 0 };
        }
        for (int i = 0; i < ROUNDS && good; i++)
                good = work("work\n", ret);
        good &= compare(ret, last, &before, mean == 1);
        if (mean == 1)
                print_hooks();
        if (inject_detach(&injection, &err) != 0) {
                printf("detach: %s\n", err.text);
                good = false;
        }
        inject_done(&injection);
        return good;
}

/* Everything is sampled once, and nothing once: the ways through the probe are not the same. */
static bool run(void)
{
        struct truth none = { 0 }, sampled = { 0 }, counted = { 0 };
        char line[LINE];
        bool good;

        if (!fgets(line, sizeof line, answers) || strncmp(line, "READY", 5) != 0)
                return false;
        printf("%s", line);
        place_extras(line);
        fingerprints[0] = fingerprint();
        good = watch(1, &none, &sampled);
        if (loads) {
                free(fingerprints[0]); /* the library stays */
                fingerprints[0] = fingerprint();
                loads = false;
        }
        good = good && watch(1ull << 50, &sampled, &counted);
        fingerprints[1] = fingerprint();
        good &= same("fingerprint", strcmp(fingerprints[0], fingerprints[1]) == 0 && fingerprints[0][0], 1);
        return good && work("work\n", &counted);
}

int main(int argc, char **argv)
{
        int status = 0;
        bool good;

        signal(SIGPIPE, SIG_IGN);
        setvbuf(stdout, NULL, _IOLBF, 0);
        while (argc > 2 && !strcmp(argv[1], "-e") && add_extra(argv[2])) {
                argc -= 2;
                argv += 2;
        }
        if (argc > 2 && !strcmp(argv[1], "-l")) {
                loads = true;
                argc--;
                argv++;
        }
        if (argc < 2 || !start(argv + 1))
                return 64;
        good = run();
        fputs("quit\n", commands);
        fclose(commands);
        good &= waitpid(child, &status, 0) == child && status == 0;
        printf("status=%d %s\n", status, good ? "GOOD" : "BAD");
        return good ? 0 : 1;
}
