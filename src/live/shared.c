#include "live/shared.h"

#include <string.h>
#include <sys/mman.h>

#define PRIVATE_MAX (1ull << 20)

void shared_look(struct shared_pages *pages, const struct wire_shared *shared)
{
        pages->shared = shared;
        pages->bytes = 0;
        if (mincore((void *)(uintptr_t)shared, sizeof *shared, pages->touched) < 0)
                memset(pages->touched, 1, sizeof pages->touched);
        for (size_t i = 0; i < SHARED_PAGES; i++)
                pages->bytes += pages->touched[i] & 1 ? (uint64_t)SHARED_PAGE : 0;
}

bool shared_touched(const struct shared_pages *pages, const void *p, size_t len)
{
        size_t from = (size_t)((const char *)p - (const char *)pages->shared);

        for (size_t i = from / SHARED_PAGE; i <= (from + len - 1) / SHARED_PAGE; i++) {
                if (pages->touched[i] & 1)
                        return true;
        }
        return false;
}

uint64_t shared_private_bytes(const struct wire_shared *shared)
{
        uint64_t sum = 0;

        for (size_t i = 0; i < WIRE_AREAS_MAX; i++) {
                uint64_t length = shared->areas[i].length;

                sum += length < PRIVATE_MAX ? length : PRIVATE_MAX;
        }
        return sum < PRIVATE_MAX ? sum : PRIVATE_MAX;
}
