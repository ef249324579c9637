/* heirs: processes that were forked from a hooked one. They inherit its jumps and the code, not the shared area, so the hooks
 * are passive in them. Which process they come from tells the file that the code is mapped from: one for each attach. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum heirs_kind {
        HEIRS_NOTHING, /* carries nothing of heaptop, or cannot be looked at */
        HEIRS_PASSIVE, /* forked from a hooked process */
        HEIRS_HOOKED,  /* has a shared area: hooked itself, or still in the memory of its parent (vfork) */
};

/* What PID carries, by its map; *RET_FILE (may be NULL): the number of the file it comes from. Reads only. */
enum heirs_kind heirs_look(pid_t pid, uint64_t *ret_file);

/* Calls FN for each process that started at SINCE_NS (boot time) or later and has passive hooks of one of FILES. Ends when FN
 * returns something else than 0, and returns that; or a negative errno when /proc cannot be read. */
int heirs_find(const uint64_t *files, size_t n, uint64_t since_ns, int (*fn)(void *ctx, pid_t pid, uint64_t file), void *ctx);

struct heirs_cleaned {
        uint32_t n;      /* processes whose hooks were removed */
        uint32_t n_left; /* that could not be cleaned, or not within the time */
};

/* Removes the passive hooks from all that heirs_find() finds, until there are none. Takes at most a few seconds. */
void heirs_clean(const uint64_t *files, size_t n, uint64_t since_ns, struct heirs_cleaned *ret);
