/* bench_naming: what it costs to name many places of a program with much debug information.
 *
 *     bench_naming FILE [COUNT]
 *
 * Names COUNT (10,000) return addresses of FILE, spread evenly over its functions and asked in an order that jumps about, as samples
 * do; twice, since the second pass shows what is kept. CPU is that of this process and of the child that reads debug information;
 * RSS is what both take on top of what stood before the first question. */
#include "base/clock.h"
#include "target/dwarf_process.h"
#include "target/image.h"
#include "target/naming.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

struct places {
        struct { uint64_t addr, size; } *v;
        size_t n, cap;
};

static int add_function(void *ctx, const struct image_symbol *symbol)
{
        struct places *places = ctx;

        if (symbol->size < 16)
                return 0;
        if (places->n == places->cap) {
                places->cap = places->cap ? 2 * places->cap : 1024;
                places->v = realloc(places->v, places->cap * sizeof *places->v);
                if (!places->v)
                        abort();
        }
        places->v[places->n].addr = symbol->addr;
        places->v[places->n++].size = symbol->size;
        return 0;
}

static uint64_t own_cpu_ns(void)
{
        struct rusage usage;

        getrusage(RUSAGE_SELF, &usage);
        return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * NS_PER_S +
               (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

static uint64_t own_rss(void)
{
        unsigned long pages = 0, resident = 0;
        FILE *file = fopen("/proc/self/statm", "r");

        if (!file || fscanf(file, "%lu %lu", &pages, &resident) != 2)
                abort();
        fclose(file);
        return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

struct result {
        uint64_t cpu_ns, wall_ns, lines, inlined, own_rss, child_rss;
};

static struct result pass(struct naming *naming, struct dwarf_process *lines, const struct places *places, size_t count,
                          uint64_t base_rss)
{
        struct naming_frame frames[NAMING_FRAMES_MAX];
        struct result result = { 0 };
        uint64_t child_ns, child_before, rss, cpu = own_cpu_ns(), wall = clock_boottime_ns();

        dwarf_process_cost(lines, &child_before, &rss);
        for (size_t i = 0; i < count; i++) {
                size_t at = i * 7919 % count; /* a prime: every place once, none near the one before */
                size_t f = at % places->n;
                size_t nth = at / places->n + 1, of = count / places->n + 2;
                uint64_t addr = places->v[f].addr + places->v[f].size * nth / of;
                size_t n = naming_lookup(naming, addr, false, frames, NAMING_FRAMES_MAX);

                result.lines += n > 0 && frames[0].line > 0;
                result.inlined += n > 1;
                dwarf_process_cost(lines, &child_ns, &rss);
                result.child_rss = rss > result.child_rss ? rss : result.child_rss;
        }
        result.own_rss = own_rss() - base_rss;
        result.cpu_ns = own_cpu_ns() - cpu + child_ns - child_before;
        result.wall_ns = clock_boottime_ns() - wall;
        return result;
}

int main(int argc, char **argv)
{
        size_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : 10000;
        struct dwarf_process *lines = dwarf_process_new();
        struct places places = { 0 };
        struct naming *naming;
        struct image *image;
        uint64_t base_rss = own_rss();
        int r;

        if (argc < 2)
                return fprintf(stderr, "usage: bench_naming FILE [COUNT]\n"), 2;
        r = image_open_path(argv[1], &image);
        if (r == 0)
                r = naming_open(image, lines, &naming);
        if (r < 0)
                return fprintf(stderr, "%s: %s\n", argv[1], strerror(-r)), 2;
        image_functions(image, add_function, &places);
        if (places.n == 0)
                return fprintf(stderr, "%s has no functions\n", argv[1]), 2;
        for (int i = 0; i < 2; i++) {
                struct result result = pass(naming, lines, &places, count, base_rss);

                printf("%s %zu %zu %.3f %.3f %.1f %.1f %.3f %.3f\n", i ? "again" : "first", count, places.n, (double)result.cpu_ns / 1e9,
                       (double)result.wall_ns / 1e9, (double)result.own_rss / 1048576, (double)result.child_rss / 1048576, (double)result.lines / (double)count,
                       (double)result.inlined / (double)count);
                fflush(stdout);
        }
        naming_close(naming);
        image_close(image);
        dwarf_process_free(lines);
        free(places.v);
        return 0;
}
