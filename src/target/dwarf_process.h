/* dwarf_process: debug information, read in a process of its own.
 *
 * Debug information comes from files that the target chose, and libdw, which reads it, can be made to read past the end of a
 * section, to loop or to abort by bytes that are malformed. So it runs in a child that may die: then the file that was asked about has
 * no lines any more, all others go on in the next child. The child has nothing of ours but its end of a socket and the files that are
 * handed to it, and no privileges: it is nobody where it was root. What it answers is checked as foreign bytes are.
 *
 * The child is started when first needed and ends with its parent. One thread at a time. */
#pragma once

#include "target/dwarf.h"
#include "target/image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct dwarf_process; /* opaque */

/* Nothing is started yet. The caller ends it with dwarf_process_free(). */
struct dwarf_process *dwarf_process_new(void);
void dwarf_process_free(struct dwarf_process *process); /* accepts NULL */

/* Makes IMAGE a file that can be asked about, with the ALTERNATE (or NULL) that its debug information refers to; both must live until
 * dwarf_process_close(). -ENODATA when it has no debug information. */
int dwarf_process_open(struct dwarf_process *process, const struct image *image, const struct image *alternate,
                       uint32_t *ret_file);
void dwarf_process_close(struct dwarf_process *process, uint32_t file);

/* As dwarf_lookup(), 0 also when there is no child to be had or FILE brought one down. Takes at most about DWARF_PATIENCE_MS. Strings
 * are valid until the next lookup. */
enum { DWARF_PATIENCE_MS = 10000, DWARF_FRAMES_MAX = 64 };
size_t dwarf_process_lookup(struct dwarf_process *process, uint32_t file, uint64_t addr, struct dwarf_frame *ret,
                            size_t max);

/* Ends the child when nobody has asked for IDLE_NS and that is long: libdw has no other way to give back the memory it holds. The
 * next question starts another child, which reads again what it needs; so it rests only after DWARF_REST_NS, and after
 * DWARF_REST_TIMES as long as the child has worked. True when it was ended. */
#define DWARF_REST_NS (30ull * 1000000000)
enum { DWARF_REST_TIMES = 200 };
bool dwarf_process_rest(struct dwarf_process *process, uint64_t idle_ns);

/* What the children have cost so far: processor time of all, memory of the one that lives (as of its last answer). */
void dwarf_process_cost(const struct dwarf_process *process, uint64_t *ret_cpu_ns, uint64_t *ret_rss_bytes);

/* The child, 0 = none (for tests). */
pid_t dwarf_process_pid(const struct dwarf_process *process);

/* Reads a reply's BYTES (hostile): N frames into RET, their strings pointing into BYTES. Returns N, or -EBADMSG. */
int dwarf_process_parse(const uint8_t *bytes, size_t len, uint32_t n, struct dwarf_frame *ret);
