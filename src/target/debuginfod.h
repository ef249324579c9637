/* debuginfod: debug information fetched from servers, by a process of its own.
 *
 * The servers are those of DEBUGINFOD_URLS, the client is elfutils' libdebuginfod, so that its cache is the one that
 * gdb and perf use, too. It brings an HTTP client, TLS and their parsers into the process, and talks to a network:
 * neither belongs into a recorder, which may be root and must not be late. So it is loaded (dlopen(): heaptop works
 * without it) by a process that was started by fork and exec of ourselves, has nothing of ours but one end of a
 * socket, and belongs to the user who called. What it tells and the file that it hands over are checked as foreign
 * bytes are; a file counts only when it has the build id asked for.
 *
 * Nothing here waits but debuginfod_wait(). One thread at a time. */
#pragma once

#include "target/image.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct debuginfod; /* opaque */

struct debuginfod_options {
        const char *urls;    /* as in DEBUGINFOD_URLS */
        const char *cache;   /* as in DEBUGINFOD_CACHE_PATH; NULL = where the library has it below HOME */
        const char *home;    /* of USER */
        const char *xdg_cache; /* as in XDG_CACHE_HOME; NULL = below HOME */
        const char *program; /* what to start; NULL = /proc/self/exe. Its main() must heed debuginfod_is_child() */
        uid_t uid;           /* whom the process belongs to when we are root; 0 is refused */
        gid_t gid;
};

/* Nothing is started yet; OPTIONS and the environment (DEBUGINFOD_*, proxies) are copied. The caller ends it with
 * debuginfod_free(), which ends the process at once, whatever it does. */
struct debuginfod *debuginfod_new(const struct debuginfod_options *options);
void debuginfod_free(struct debuginfod *debuginfod); /* accepts NULL */

/* Begins to fetch the debug file of BUILD_ID (hexadecimal). -EBUSY: one is being fetched; -EINVAL: no build id;
 * -EPERM: no user but root to do it as; else what kept the process from being started. */
int debuginfod_fetch(struct debuginfod *debuginfod, const char *build_id);

/* Takes in what the process has told. True when the fetch has ended: *RET_RESULT is 0 and *RET_IMAGE the file, the
 * caller's, and *RET_ALTERNATE what it shares with others (DWZ), when it has such a thing that is not on this machine
 * and a server has it, else NULL; or *RET_RESULT is a negative errno and both are NULL: -ENOENT = no server has it,
 * -EBADMSG = what came has another build id, -EFBIG, -ENOSPC, -ETIME = a limit was reached, -ENOPKG = there is no
 * libdebuginfod, -ECHILD = the process died, others = servers cannot be reached. */
bool debuginfod_poll(struct debuginfod *debuginfod, int *ret_result, struct image **ret_image,
                     struct image **ret_alternate);

/* Waits for something to take in, at most TIMEOUT_MS. */
void debuginfod_wait(struct debuginfod *debuginfod, int timeout_ms);

/* How far the fetch is, in bytes; 0 = not known. */
void debuginfod_progress(const struct debuginfod *debuginfod, uint64_t *ret_done, uint64_t *ret_total);

/* Bytes of all files that came from servers, not from the cache. */
uint64_t debuginfod_fetched(const struct debuginfod *debuginfod);

/* True when RESULT says something about the servers, not about the one file: asking for another one is no use now. */
bool debuginfod_is_trouble(int result);

/* RESULT in words: "no server has it". */
const char *debuginfod_words(int result);

/* Ends the process when it has nothing to do. */
void debuginfod_rest(struct debuginfod *debuginfod);

/* The process, 0 = none (for tests). */
pid_t debuginfod_pid(const struct debuginfod *debuginfod);

/* For main(): true when ARGV says that this process was started by debuginfod_fetch(); then debuginfod_child() is all
 * it does. Returns the exit status. */
bool debuginfod_is_child(int argc, char **argv);
int debuginfod_child(void);

/* The library is there to be loaded. */
bool debuginfod_is_installed(void);
