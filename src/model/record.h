/* record: what a session consists of; the plain rows that live makes, store keeps and the viewer reads.
 *
 * Ids start at 1 and grow in the order of first sight; 0 means "none". All times are CLOCK_BOOTTIME nanoseconds.
 * "Estimate" means a sum over sampled blocks, each weighted by 1/(1-exp(-size/mean)) at its birth. Strings belong to
 * whoever made the struct and live as long as it says. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a target ended, as far as it could be seen. */
enum rec_how {
        REC_HOW_UNKNOWN, /* it is gone, nothing else is known */
        REC_HOW_EXITED,  /* code is its exit status */
        REC_HOW_KILLED,  /* code is the signal */
        REC_HOW_EXEC,    /* it goes on as another program */
        REC_HOWS
};

struct rec_ending {
        uint64_t time_ns;        /* when that was seen; 0 = it had not ended when the recording did */
        uint32_t how;            /* enum rec_how */
        int32_t code;
        uint64_t oom_before, oom_after; /* kills for lack of memory that OOM_SOURCE had counted when the recording began and
                                         * when the target had ended */
        const char *oom_source;  /* the file that counts them, of the target's cgroup or of the machine; "" = none is known */
        uint64_t sample_ns;      /* when its memory was read last */
        uint64_t heap_bytes, rss_bytes; /* what it had then */
};

/* Who recorded what, written once. */
struct rec_session {
        const char *version;   /* of heaptop */
        const char *host;
        uint64_t started_ns;
        int64_t wall_offset_ns; /* wall clock minus boot clock when it began */
        uint64_t ended_ns;      /* 0 while it is being written, or when the recorder died */
        const char *end_reason; /* "detached", "target exited", "target exec", ...; NULL as long as ended_ns is 0 */
        /* the target */
        int32_t pid;
        uint64_t start_time;    /* field 22 of /proc/PID/stat, clock ticks since boot */
        uint64_t uptime_ns;     /* how long it had been running at the attach */
        const char *comm, *exe, *cmdline, *user;
        const char *allocator;  /* "glibc 2.36", "jemalloc", ... */
        bool exact_frees;       /* freed bytes are counted exactly, not only estimated */
        uint64_t limit_bytes;   /* what it is allowed to use, 0 = no limit known */
        const char *limit_source; /* "cgroup /web.slice", "RLIMIT_AS", "RAM" */
        uint64_t stop_ns;       /* how long the attach stopped it */
        uint32_t n_hooks;
        /* a service that is followed over restarts */
        const char *followed;   /* what was followed, in words: "redis-server", "unit nginx.service"; NULL or "" = nothing */
        uint32_t series_number; /* this is the so-manieth of its sessions */
        const char *previous;   /* path of the session before this one; "" = there is none */
        struct rec_ending ending; /* written when it has ended */
};

struct rec_module {
        uint32_t id;
        const char *path;     /* "[jit]" and "[python]" hold the frames that stand in no file */
        const char *build_id; /* hexadecimal, "" when there is none */
};

enum rec_frame_flags {
        REC_FRAME_NAMED = 1,    /* naming has been tried; func may still be NULL: there is no symbol */
        REC_FRAME_RUNTIME = 2,  /* allocator or language runtime: folded, never a site */
        REC_FRAME_GUESSED = 4,  /* found by the frame-pointer chain, not by unwind tables */
        REC_FRAME_TRUNCATED = 8, /* the stack goes on beyond here, but more was not copied */
        REC_FRAME_NEAREST = 16, /* func is the nearest exported symbol below, not certainly the function */
        REC_FRAME_JIT = 32,     /* compiled while the program ran; named by what its runtime wrote about it */
        REC_FRAME_INTERPRETED = 64, /* a function of an interpreted language: no code address of its own */
};

/* One code address. An inlined call is a frame of its own whose `inlined_in` is the frame it was inlined into. */
struct rec_frame {
        uint32_t id;
        uint32_t module;      /* 0 = unknown code */
        uint64_t offset;      /* return address minus the module's load bias (an ELF virtual address) */
        const char *func;     /* demangled, NULL = no symbol: show "module+0xoffset" */
        const char *file;     /* NULL = not known */
        uint32_t line;        /* 0 = not known */
        uint32_t inlined_in;  /* 0 = a real frame */
        uint32_t flags;       /* enum rec_frame_flags */
};

/* A node of the trie of call stacks: PARENT is the caller (0 for the outermost frame). A node that allocated has a
 * site. */
struct rec_stack {
        uint32_t id;
        uint32_t parent;
        uint32_t frame;
        uint32_t site; /* 0 = only an inner node so far */
};

/* What a site allocates. */
enum rec_site_kind {
        REC_SITE_HEAP,
        REC_SITE_MAPPED, /* memory from mmap() and its kin: live_bytes are bytes mapped, resident or not */
        REC_SITE_KINDS
};

/* An allocation site: the first frame outside allocator and language runtime. Every allocating stack has one. */
struct rec_site {
        uint32_t id;
        uint32_t frame;
        uint64_t first_ns;
        uint32_t kind; /* enum rec_site_kind */
};

/* What an allocating stack stands at, after a tick in which it changed. Absolute, not differences. */
struct rec_stack_tick {
        uint32_t tick, stack;
        int64_t live_bytes, live_blocks; /* estimates */
        int64_t born_bytes, born_blocks; /* estimates, since the attach; died = born - live */
        int64_t live_samples;            /* sampled blocks behind live_bytes */
        int64_t born_samples;
        double live_variance;            /* of live_bytes: sum of (w*s)^2 (1-p), in bytes^2 */
};

/* Exact counters of one size class (probe/wire.h: wire_class()), since the attach. */
struct rec_class_tick {
        uint32_t tick, index;
        uint64_t allocated_bytes, allocated_calls, freed_bytes, freed_calls;
};

/* What a site looks like so far (doc/classes.md). The verdict issue adds to these. */
enum rec_class { REC_YOUNG, REC_GROWING, REC_FLAT, REC_SHRINKING, REC_CLASSES };

/* Written when it changes. */
struct rec_site_state {
        uint32_t tick, site;
        uint32_t class; /* enum rec_class */
};

/* A sampled block that outlived the tick it was born in. A block that realloc turned into another stays one block: the old
 * id ends with death_ns = its birth_ns, the new one takes the birth over. */
struct rec_block {
        uint64_t id;
        uint32_t stack;
        uint32_t tid;
        uint64_t size;     /* as asked for */
        double weight;     /* how many blocks it stands for */
        uint64_t birth_ns;
        uint64_t death_ns; /* 0 = lives */
};

struct rec_death {
        uint64_t id;
        uint64_t death_ns;
};

/* The process as a whole, once a tick. When several are recorded: sums over those that live; what counts "since the attach"
 * goes on counting what ended ones did, so that it never falls. */
struct rec_process {
        uint32_t tick;
        uint64_t time_ns;
        int64_t wall_offset_ns;
        uint64_t rss_anon, rss_file, rss_shmem;  /* heaptop's own share is taken off */
        uint64_t vm_size;
        uint32_t threads;
        uint64_t heap_used;      /* where nothing is hooked (--rss-only, n_hooks 0) the resident memory; else bytes in blocks; exact since the attach on top of what was there before */
        uint64_t heap_free;      /* held by the allocator, in no block; 0 when not known */
        bool heap_exact;         /* false: heap_used is an estimate or an upper bound */
        uint64_t allocated_bytes, allocated_calls; /* exact, since the attach */
        uint64_t freed_bytes, freed_calls;
        int64_t before_bytes;    /* "before attach": blocks older than the attach that still live */
        int64_t before_error;    /* +- (95 %) */
        bool before_upper_bound; /* true: at most this much */
        int64_t live_bytes;      /* sum of the sites' estimates */
        double live_variance;
        uint64_t mean;           /* sampling mean in force; some size classes may have their own: struct rec_class_mean */
        uint64_t samples;        /* since the attach */
        uint64_t lost_samples;   /* since the attach */
        uint64_t recorder_cpu_ns; /* since the start */
        uint64_t recorder_rss;
        uint64_t probe_cost_ns;  /* estimated time spent in the probe by the target, since the attach */
};

/* How a process came into the recording. */
enum rec_came {
        REC_CAME_ATTACHED, /* it ran already when the recording, or its following, began */
        REC_CAME_FORKED,
        REC_CAME_EXEC,     /* it began to run this program by exec() */
        REC_CAMES
};

/* One recorded process. After exec() it is another one with the same pid. Written when its recording begins, and again when
 * the process has ended. A recording without --follow-fork and --follow-exec has one. */
struct rec_member {
        uint32_t id;         /* the target has 1 */
        int32_t pid;
        uint32_t parent;     /* id of who forked it, or of what it was before exec(); 0 = not known */
        uint32_t came;       /* enum rec_came */
        const char *comm, *exe, *allocator;
        uint64_t started_ns; /* recorded from here on */
        uint64_t ended_ns;   /* it exited or called exec(); 0 = it runs, or ran when the recording ended */
};

/* What one process stands at, after a tick in which that changed; absolute. Written while there are, or were, several:
 * of a single one rec_process tells the same. Fields as there. */
struct rec_member_tick {
        uint32_t tick, member;
        uint64_t rss_anon, rss_file, rss_shmem;
        uint32_t threads;
        uint64_t heap_used, heap_free;
        uint64_t allocated_bytes, allocated_calls, freed_bytes, freed_calls;
        int64_t before_bytes;
        int64_t live_bytes;
        uint64_t samples;
};

/* What the resident memory consists of, as of one look at all mappings (doc/memory.md). A row holds until the next one. The
 * parts from heap_live to rest add up to rss exactly. heaptop's own share is left out. */
struct rec_memory {
        uint32_t tick;
        uint64_t time_ns;       /* of the look */
        uint64_t look_ns;       /* how long the kernel counted; for no longer may the target's own mmap() have had to wait */
        uint32_t n_mappings;
        uint64_t rss;
        uint64_t heap_live;     /* blocks in use, as asked for */
        uint64_t heap_free;     /* held by the allocator, in no block */
        uint64_t heap_overhead; /* the allocator's own: headers, rounding up */
        bool heap_split;        /* false: heap_free holds all but the sampled blocks, those from before the attach among it */
        uint64_t mapped;        /* by sites with a call stack: an estimate */
        uint64_t stacks;
        uint64_t files;         /* code and data of mapped files */
        uint64_t shared;        /* shared memory: memfd, /dev/shm, System V */
        uint64_t rest;          /* anonymous memory of which nothing else is known */
        uint64_t untouched;     /* in blocks, but never written to: not part of rss */
        uint64_t swapped;       /* not part of rss either */
};

/* What is left in blocks from before the attach, by size class (probe/wire.h: wire_class()) of what the allocator set aside.
 * Written when it changes; absolute. */
struct rec_before_class {
        uint32_t tick, index;
        int64_t bytes;
        int64_t error;  /* +- (95 %) */
        int64_t began;  /* bytes at the attach */
};

/* A size class (probe/wire.h: wire_class()) is sampled with a mean of its own: class zoom (live/pacing.h). Written when it changes. */
struct rec_class_mean {
        uint32_t tick, index;
        uint64_t mean; /* 0 = like the rest again */
};

/* What debug information says of a source file that frames of MODULE name. Written once, with the first of them. */
struct rec_source_file {
        uint32_t module;
        const char *path;  /* as in rec_frame.file */
        uint64_t size;     /* 0 = not said */
        uint64_t mtime_ns; /* since 1970; 0 = not said */
        const char *md5;   /* 32 hexadecimal digits, lower case; "" = not said */
};

/* What the file of a module was when it was read for the recording. */
struct rec_module_file {
        uint32_t module;
        uint64_t size;
        uint64_t mtime_ns; /* since 1970 */
};

/* How far naming has come. Written when it changes; absolute. */
struct rec_naming {
        uint32_t tick;
        uint32_t asked;         /* frames that were to be named so far */
        uint32_t named;         /* of them those that naming is done with, whatever it found */
        uint32_t waiting;       /* modules that wait for debug information from a server */
        uint64_t fetched_bytes; /* from servers so far */
        const char *fetching;   /* what is being fetched, in words; "" = nothing */
};

/* What a thread that allocated a sampled block is called. Written when it is first seen, and when it is called otherwise. */
struct rec_thread {
        uint32_t tick;
        uint32_t tid;      /* as in struct rec_block */
        const char *comm;  /* as the thread set it: hostile */
};

enum rec_event_kind {
        REC_EVENT_ATTACHED, REC_EVENT_DETACHED, REC_EVENT_EXITED, REC_EVENT_EXEC, REC_EVENT_DLOPEN,
        REC_EVENT_MEAN, REC_EVENT_DISK, REC_EVENT_NOTE, REC_EVENT_FORK,
};

struct rec_event {
        uint32_t tick;
        uint64_t time_ns;
        uint32_t kind; /* enum rec_event_kind */
        const char *text;
};

/* A span for which something is missing. Never bridged on screen. */
struct rec_gap {
        uint32_t tick;
        uint64_t from_ns, to_ns;
        uint64_t lost_samples; /* 0 = everything in the span */
        const char *why;
};

struct rec_mark {
        uint32_t id;
        uint32_t tick;
        uint64_t time_ns;
        const char *name; /* "A", "B", ... or what the user called it */
};

/* A mark that a user has renamed or deleted. */
struct rec_mark_edit {
        uint32_t id;
        const char *name; /* NULL = it is deleted */
};

enum rec_request_kind { REC_REQUEST_MARK, REC_REQUEST_MEAN, REC_REQUEST_STOP, REC_REQUEST_KEEP, REC_REQUEST_RENAME_MARK,
                        REC_REQUEST_DELETE_MARK };

/* What a viewer asks of the recorder. */
struct rec_request {
        uint32_t id;
        uint32_t kind;     /* enum rec_request_kind */
        const char *text;  /* a mark's name; NULL otherwise */
        uint64_t number;   /* the new mean in bytes, 0 = adaptive; the id of the mark to rename or delete */
};

/* Everything that became known in one tick: one transaction. Arrays belong to the maker. */
struct rec_tick {
        struct rec_process process;
        const struct rec_module *modules;     size_t n_modules;
        const struct rec_frame *frames;       size_t n_frames; /* new, or named since (same id again) */
        const struct rec_stack *stacks;       size_t n_stacks; /* new, or with a site since (same id again) */
        const struct rec_site *sites;         size_t n_sites;
        const struct rec_stack_tick *changes; size_t n_changes;
        const struct rec_class_tick *classes; size_t n_classes;
        const struct rec_site_state *states;  size_t n_states;
        const struct rec_block *births;       size_t n_births;
        const struct rec_death *deaths;       size_t n_deaths;
        const struct rec_member *members;     size_t n_members; /* new, or ended (same id again) */
        const struct rec_member_tick *member_ticks; size_t n_member_ticks;
        const struct rec_event *events;       size_t n_events;
        const struct rec_gap *gaps;           size_t n_gaps;
        const struct rec_mark *marks;         size_t n_marks;
        const struct rec_mark_edit *mark_edits; size_t n_mark_edits;
        const uint32_t *answered;             size_t n_answered; /* ids of requests done in this tick */
        const struct rec_memory *memory;      size_t n_memory;   /* 0 or 1 */
        const struct rec_before_class *before_classes; size_t n_before_classes;
        const struct rec_class_mean *class_means; size_t n_class_means;
        const struct rec_source_file *source_files; size_t n_source_files;
        const struct rec_module_file *module_files; size_t n_module_files;
        const struct rec_naming *naming;      size_t n_naming;   /* 0 or 1 */
        const struct rec_thread *threads;     size_t n_threads;
};

/* A deep copy for the queue between the drain and the writer. The caller ends it with rec_tick_free(), which must get nothing
 * but such copies; NULL is fine. */
struct rec_tick *rec_tick_copy(const struct rec_tick *tick);
void rec_tick_free(struct rec_tick *tick);
