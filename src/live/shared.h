/* shared: which pages of the shared area were ever touched.
 *
 * The area is touched lazily; reading an untouched page of it would make the kernel allocate it. So we ask first, by
 * mincore(2): a page of a memfd is resident once somebody wrote to it (or it is in swap, which costs us a late count). */
#pragma once

#include "probe/wire.h"

#include <stdbool.h>
#include <stddef.h>

enum { SHARED_PAGE = 4096, SHARED_PAGES = (sizeof(struct wire_shared) + SHARED_PAGE - 1) / SHARED_PAGE };

struct shared_pages {
        const struct wire_shared *shared;
        unsigned char touched[SHARED_PAGES];
        uint64_t bytes; /* of all touched pages: what the area adds to the target */
};

/* Looks at all pages anew. When the kernel does not tell, all count as touched. SHARED is page-aligned. */
void shared_look(struct shared_pages *pages, const struct wire_shared *shared);

/* Whether any of [P, P + LEN) within the area is touched. */
bool shared_touched(const struct shared_pages *pages, const void *p, size_t len);

/* Private memory that the probe adds (its code), from the areas that the injector noted; believed only as far as plausible. */
uint64_t shared_private_bytes(const struct wire_shared *shared);
