#include "app/summary.h"

#include "base/fmt.h"
#include "base/text.h"
#include "model/heap.h"
#include "store/store.h"
#include "base/width.h"

#include <math.h>
#include <stdlib.h>

enum { MOST = 20 };

/* Returns whether there was something to print. */
static bool print_site(struct heap *heap, uint32_t id, FILE *out)
{
        enum { CELLS = 100 };
        char live[FMT_MAX], rate[FMT_MAX], shown[4 * CELLS + 1], *name, *place;
        struct heap_site site;

        if (!heap_site(heap, id, &site) || site.live_bytes <= 0)
                return false;
        name = text_clean(name_fit(site.name ? site.name : "?", CELLS, true, shown, sizeof shown));
        place = text_clean(site.place ? site.place : "");
        fprintf(out, "  %5s  %7s/min  %-9s %s  %s\n", fmt_bytes(live, (uint64_t)site.live_bytes),
                fmt_rate(rate, site.rate_per_min), heap_class_name(site.class), name, place);
        free(name);
        free(place);
        return true;
}

void summary_print(const char *path, size_t n, FILE *out)
{
        const struct heap_query query = { .sort = HEAP_BY_LIVE };
        struct store *store = NULL;
        struct heap *heap;
        uint32_t ids[MOST + 1];
        size_t printed = 0;
        int found;

        if (store_open(path, &store, &(struct err){ 0 }) < 0)
                return;
        heap = heap_new(store_history(store));
        if (n > MOST)
                n = MOST;
        if (heap_seek(heap, UINT32_MAX) == 0 && (found = heap_list(heap, &query, ids, n + 1)) >= 0) {
                fprintf(out, "  live at the end:\n");
                for (int i = 0; i < found && i < (int)n + 1 && printed < n; i++)
                        printed += ids[i] != 0 && print_site(heap, ids[i], out); /* 0 = "before attach" */
                if (printed == 0)
                        fprintf(out, "  nothing that was sampled\n");
        }
        heap_free(heap);
        store_close(store);
}
