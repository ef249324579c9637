/* servers: from where, as whom and into which cache debug information is fetched (target/debuginfod.h). */
#pragma once

#include "app/user.h"
#include "target/debuginfod.h"

#include <stdbool.h>

/* Root that nobody has called by sudo fetches as nobody, into a cache of its own; who may write there could only make
 * names wrong. */
#define SERVERS_ROOT_CACHE "/var/cache/heaptop/debuginfod"

struct servers {
        struct debuginfod_options options; /* its strings are USER's and the environment's */
        bool on;
};

/* As DEBUGINFOD_URLS and the other variables of debuginfod_find_debuginfo(3) say; OFF: nothing is fetched. USER must
 * outlive it. */
struct servers servers_find(bool off, const struct user *user);

/* NULL when nothing is to be fetched. Makes the cache that root has of its own. */
const struct debuginfod_options *servers_options(const struct servers *servers);
