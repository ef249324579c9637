/* modules: the ELF files mapped into one process, each by mapping (a file mapped twice with different bias is two
 * modules). */
#pragma once

#include "target/image.h"
#include "target/maps.h"

struct module {
        uint64_t start, end;  /* of all its mappings */
        uint64_t bias;
        const char *path;     /* owned by modules */
        struct image *image;  /* owned by modules; NULL when it could not be opened */
        uint64_t device, inode;           /* of the file, as in struct mapping */
        uint64_t code_start, code_offset; /* its first executable mapping */
};

struct modules {
        struct module *v; /* sorted by start */
        size_t n;
};

/* Lists the modules of PID that have executable mappings. Images of PREVIOUS (may be NULL) are moved over where the mapping
 * is the same, so that a refresh is cheap; PREVIOUS is ended. Returns 0 or a negative errno. */
int modules_read(pid_t pid, const struct maps *maps, struct modules *previous, struct modules *ret);
void modules_done(struct modules *modules);

/* Opens all images once more and closes those that were read from: libelf keeps every section that it has read. */
void modules_reopen(struct modules *modules);

const struct module *modules_find(const struct modules *modules, uint64_t addr);
