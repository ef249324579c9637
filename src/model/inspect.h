/* inspect: one site looked at closely: who allocates there, in which sizes, how long it lives. Counted from sampled blocks, each
 * for the bytes it stands for. */
#pragma once

#include "model/heap.h"

enum { INSPECT_SHARES = 8, INSPECT_NAME = 64, INSPECT_SIZES = 64, INSPECT_LIFETIMES = 4 };

/* Parts of the live bytes by a name, the largest first. */
struct inspect_parts {
        struct inspect_part {
                char name[INSPECT_NAME]; /* clean */
                int64_t bytes;
        } v[INSPECT_SHARES];
        size_t n;          /* of V */
        int64_t all_bytes; /* with those that V has no room for */
};

/* Live blocks of [FROM, TO] bytes: powers of two. */
struct inspect_size {
        uint64_t from, to;
        int64_t bytes, blocks;
};

struct inspection {
        int64_t ages[HEAP_AGES];         /* as heap_ages() */
        struct inspect_size sizes[INSPECT_SIZES];
        size_t n_sizes;
        struct inspect_parts threads;    /* by name; "thread 4711" for one without, and several without are one part */
        size_t n_threads;                /* that hold live bytes */
        struct inspect_parts libraries;  /* of the first function that is none of allocator or runtime */
        struct inspect_parts allocators; /* what that function called: "operator new", "malloc" */
        size_t n_stacks;                 /* that hold live bytes */
        /* Of all bytes ever allocated here those that were freed again, by the age they came to: < 1 s, < 1 min, < 10 min, older. */
        int64_t lifetimes[INSPECT_LIFETIMES];
        int64_t born_bytes, freed_bytes;
        bool lifetimes_known;            /* false: the session has been thinned, only the sum is known */
        uint64_t last_birth_ns;          /* of the newest sampled block that outlived its tick; 0 = none */
        int64_t samples;                 /* live */
};

/* SITE at NOW; 0 (before attach) and a site that is not there give all zeroes. Reads the site's sampled blocks, dead ones, too.
 * Returns 0 or a negative errno of the history. */
int inspect_site(struct heap *heap, uint32_t site, struct inspection *ret);

/* The shape of AGES (heap_ages()) in a few words, "" when it says nothing. RUNNING_NS: how long the recording has gone on. */
const char *inspect_ages_words(const int64_t ages[HEAP_AGES], uint64_t running_ns);

/* What a thread was called at NOW, clean, valid until the next heap_seek(); NULL = not known. */
const char *inspect_thread_name(struct heap *heap, uint32_t tid);
