/* How far naming has come. */
#include "model/inside.h"

#include "base/alloc.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

static int keep_naming(void *ctx, const struct rec_naming *row)
{
        struct heap *heap = ctx;

        free((char *)(uintptr_t)heap->naming.fetching);
        heap->naming = *row;
        heap->naming.fetching = text_clean(row->fetching ? row->fetching : "");
        heap->has_naming = true;
        return 0;
}

bool heap_naming(struct heap *heap, struct rec_naming *ret)
{
        const struct history *history = heap->history;

        if (heap->naming_move != heap->moves) {
                heap->has_naming = false;
                if (history->naming_at && heap->tick &&
                    history->naming_at(history->arg, heap->tick, keep_naming, heap) < 0)
                        heap->has_naming = false;
                heap->naming_move = heap->moves;
        }
        if (heap->has_naming)
                *ret = heap->naming;
        return heap->has_naming;
}

/* "10,400" */
static const char *grouped(char ret[16], uint32_t n)
{
        if (n >= 1000000)
                snprintf(ret, 16, "%u,%03u,%03u", n / 1000000, n / 1000 % 1000, n % 1000);
        else if (n >= 1000)
                snprintf(ret, 16, "%u,%03u", n / 1000, n % 1000);
        else
                snprintf(ret, 16, "%u", n);
        return ret;
}

void heap_naming_words(const struct rec_naming *naming, bool brief, char *ret, size_t size)
{
        const char *fetching = naming->fetching ? naming->fetching : "";
        bool busy = naming->named < naming->asked;
        char named[16], asked[16];

        grouped(named, naming->named);
        grouped(asked, naming->asked);
        if (busy && brief)
                snprintf(ret, size, "naming %s of %s", named, asked);
        else if (fetching[0] && brief)
                snprintf(ret, size, "fetching %s", fetching);
        else if (busy || fetching[0])
                snprintf(ret, size, "naming: %s of %s frames%s%s", named, asked, fetching[0] ? "; fetching " : "",
                         fetching);
        else if (size > 0)
                ret[0] = '\0';
}
