/* undo: how to take the probe out again, found in the process itself.
 *
 * Both sides of the probe are mappings of one memfd: the shared area ('s' in maps), and the code areas (private; the main one
 * has the root page, anonymous, in its middle). So whatever instant heaptop died at, maps tells all that it mapped. What was
 * patched is written in the main code area, read-only for the process and inherited by fork, and so is what was hooked later, in areas
 * of its own that were mapped then: */
#pragma once

#include "inject/process.h"
#include "probe/wire.h"
#include "target/maps.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Stands behind the probe's binary (struct wire_blob_header.end) in the main code area. */
struct undo_head {
        uint64_t magic;    /* WIRE_MAGIC */
        uint32_t version;  /* WIRE_VERSION */
        uint32_t n_hooks;  /* that many struct wire_hook_record follow */
};

/* Stands at the start of a code area that was added later (inject_extend()): more hooks, with stubs that lead to the main area. */
struct undo_extension {
        uint64_t magic;    /* UNDO_EXTENSION */
        uint32_t version;  /* WIRE_VERSION */
        uint32_t n_hooks;  /* that many struct wire_hook_record follow */
        uint64_t serial;   /* 1, 2, ...: which was first */
        uint64_t pad;
};

#define UNDO_EXTENSION 0x2b706f7470616568ull /* "heaptop+" */

enum {
        REMAINS_AREAS = 16,
        UNDO_OLDEST = 1, /* version of the lists that can still be read: a record is what it was then */
};

/* What heaptop has mapped in a process, according to its map. */
struct remains {
        struct wire_area areas[REMAINS_AREAS]; /* of code; undo_read() puts the main one first */
        size_t n_areas;
        struct wire_area shared[REMAINS_AREAS];
        size_t n_shared;
        uint64_t root;      /* 0 = not there (yet) */
        uint64_t root_area; /* start of the area that holds it */
};

/* True when MAPS shows anything of heaptop. */
bool remains_find(const struct maps *maps, struct remains *ret);

/* True when ADDR lies in one of the code areas. */
bool remains_in_code(const struct remains *remains, uint64_t addr);

struct undo {
        struct remains remains;
        struct wire_hook_record hooks[WIRE_HOOKS_MAX];
        uint32_t n_hooks;    /* the oldest first */
        uint32_t version;    /* of the heaptop that put them in */
        bool broken; /* the list of hooks makes no sense, or is not there: no code may be unmapped */
};

/* Checks one record as read from the process: hostile. MAPS and REMAINS say what can be true. */
bool undo_check(const struct wire_hook_record *hook, const struct maps *maps, const struct remains *remains);

/* The serial number that the next extension in REMAINS gets. */
uint64_t undo_next_serial(const struct process *process, const struct remains *remains);

/* Reads what there is to undo in PROCESS. Returns false when there is nothing of heaptop. */
bool undo_read(const struct process *process, struct undo *ret);
