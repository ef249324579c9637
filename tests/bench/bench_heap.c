/* bench_heap: what a viewer pays for sixty thousand sites: opening, a tick, a list, a filter, trends, trees. */
#include "fake_history.h"

#include "base/alloc.h"
#include "model/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SITES = 60000, CHANGED = 600, TICKS = 700, ROWS = 50, REPEAT = 50 };

static double now_ms(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void print(const char *what, double ms)
{
        printf("%-44s %9.3f ms\n", what, ms);
}

/* Ten levels of callers, some shared, and TICKS ticks in each of which CHANGED sites change. */
static struct fake *big_history(void)
{
        struct fake *fake = fake_new();
        uint32_t module = fake_add_module(fake, "/usr/bin/big");
        char name[48];

        srand(1);
        for (uint32_t i = 0; i < SITES; i++) {
                uint32_t frame, parent = i ? (uint32_t)rand() % i + 1 : 0;

                snprintf(name, sizeof name, "Namespace::Class%u::method%u(int)", i / 20, i);
                frame = fake_add_frame(fake, module, name, "/src/some/file.cc", i % 900 + 1);
                fake_set_site(fake, fake_add_stack(fake, parent, frame), 0);
                fake_set_live(fake, i + 1, rand() % (4 << 20), rand() % 1000);
        }
        fake_tick(fake);
        for (int tick = 1; tick < TICKS; tick++) {
                for (int i = 0; i < CHANGED; i++)
                        fake_set_live(fake, (uint32_t)rand() % SITES + 1, rand() % (4 << 20), rand() % 1000);
                fake_tick(fake);
        }
        return fake;
}

static void time_list(struct heap *heap, const char *what, const struct heap_query *query, size_t max)
{
        uint32_t *ids = xcalloc(max, sizeof *ids);
        double start = now_ms();

        for (int i = 0; i < REPEAT; i++)
                heap_list(heap, query, ids, max);
        print(what, (now_ms() - start) / REPEAT);
        free(ids);
}

static void time_filter(struct heap *heap, const char *what, const char *filter)
{
        struct heap_query query = { HEAP_BY_RATE, false, NULL };
        uint32_t ids[ROWS];
        double total = 0, start;

        for (int i = 0; i < 5; i++) {
                query.filter = NULL;
                heap_list(heap, &query, ids, ROWS);
                query.filter = filter;
                start = now_ms();
                heap_list(heap, &query, ids, ROWS);
                total += now_ms() - start;
        }
        print(what, total / 5);
}

static void time_tree(struct heap *heap, const char *what, bool inverted)
{
        double start = now_ms();
        struct tree tree;

        heap_tree(heap, 0, inverted, &tree);
        print(what, now_ms() - start);
        tree_done(&tree);
}

int main(void)
{
        struct fake *fake = big_history();
        double start = now_ms(), trend[60], noise;
        struct heap *heap = heap_new(fake_history(fake));

        heap_seek(heap, TICKS - REPEAT);
        print("open: 60,000 sites, 650 ticks", now_ms() - start);
        start = now_ms();
        for (uint32_t tick = TICKS - REPEAT + 1; tick <= TICKS; tick++)
                heap_seek(heap, tick);
        print("a tick in which 600 sites change", (now_ms() - start) / REPEAT);

        time_list(heap, "first 50 by rate", &(struct heap_query){ HEAP_BY_RATE, false, NULL }, ROWS);
        time_list(heap, "first 50 by live bytes", &(struct heap_query){ HEAP_BY_LIVE, false, NULL }, ROWS);
        time_list(heap, "first 50 by name", &(struct heap_query){ HEAP_BY_NAME, false, NULL }, ROWS);
        time_list(heap, "all by rate", &(struct heap_query){ HEAP_BY_RATE, false, NULL }, SITES + 1);
        time_filter(heap, "a new filter: text", "class17");
        time_filter(heap, "a new filter: re:", "re:Class1[0-9]+::");
        time_list(heap, "the same filter again", &(struct heap_query){ HEAP_BY_RATE, false, "class17" }, ROWS);

        start = now_ms();
        for (uint32_t site = 1; site <= ROWS; site++)
                heap_trend(heap, site, 600000000000ull, trend, 60, &noise);
        print("50 trends of 60 steps, first look", now_ms() - start);
        start = now_ms();
        for (uint32_t site = 1; site <= ROWS; site++)
                heap_trend(heap, site, 600000000000ull, trend, 60, &noise);
        print("50 trends of 60 steps, from then on", now_ms() - start);
        time_tree(heap, "tree of everything, top down", false);
        time_tree(heap, "tree of everything, inverted", true);
        heap_free(heap);
        fake_free(fake);
        return 0;
}
