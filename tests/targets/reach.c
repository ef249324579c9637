/* reach: calls every allocation function that it can find, and knows how often.
 *
 * Prints READY, then obeys lines: "work" makes some hundred calls and prints what was done since the start; "quit" ends. The functions
 * are found by name, whoever defines them: the C library, an allocator that is linked or preloaded, this very program. A block is
 * released by a function that fits the one that made it. One thread, no other allocation, so the sums must agree to the call.
 *
 * With an argument, a library, only functions of that one are called; it is loaded when the line "load" arrives.
 *
 *   -DSTATIC   there is no dlsym()
 *   -DCHUNKS   malloc is glibc's, where bytes are those of chunks (without -DSTATIC it is found out)
 *   -DWRAP     this program's malloc, free, ... only call glibc's, found by dlsym()
 *   -DOWN      this program's malloc, free, ... are its own
 *   -DHEADERS  so is its operator new, which writes something in front of each block that operator delete wants to see
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { SLOTS = 600, CALLS = 1500, ALIGNMENT = 64, PAGE = 4096, ZEROED = 1, HEADER = 16 };

enum shape {
        NONE,
        BY_SIZE, BY_NUMBER, BY_ALIGNMENT, BY_POINTER, BY_RESIZE, BY_SIZE_AND, /* make a block; the last has ALIGNMENT second */
        RELEASE, RELEASE_SIZED, RELEASE_AND, RELEASE_SIZED_AND,
        RESIZE, RESIZE_IN_PLACE,
};

struct function {
        const char *name;
        enum shape shape;
        int group;             /* what made a block must be of the group of what releases it */
        uint64_t second;       /* the argument after the size or block */
        void (*weak)(void);
        void *address;
};

#define LIST(X)                                                                                              \
        X(malloc, BY_SIZE, 0, 0)                                                                             \
        X(calloc, BY_NUMBER, 0, 0)                                                                           \
        X(memalign, BY_ALIGNMENT, 0, 0)                                                                      \
        X(aligned_alloc, BY_ALIGNMENT, 0, 0)                                                                 \
        X(posix_memalign, BY_POINTER, 0, 0)                                                                  \
        X(valloc, BY_SIZE, 0, 0)                                                                             \
        X(pvalloc, BY_SIZE, 0, PAGE)                                                                           \
        X(realloc, RESIZE, 0, 0)                                                                             \
        X(realloc, BY_RESIZE, 0, 0)                                                                          \
        X(free, RELEASE, 0, 0)                                                                               \
        X(cfree, RELEASE, 0, 0)                                                                              \
        X(_Znwm, BY_SIZE, 1, 0)                                                                              \
        X(_ZnwmRKSt9nothrow_t, BY_SIZE_AND, 1, 0)                                                            \
        X(_ZdlPv, RELEASE, 1, 0)                                                                             \
        X(_ZdlPvm, RELEASE_SIZED, 1, 0)                                                                      \
        X(_ZdlPvRKSt9nothrow_t, RELEASE_AND, 1, 0)                                                           \
        X(_Znam, BY_SIZE, 2, 0)                                                                              \
        X(_ZnamRKSt9nothrow_t, BY_SIZE_AND, 2, 0)                                                            \
        X(_ZdaPv, RELEASE, 2, 0)                                                                             \
        X(_ZdaPvm, RELEASE_SIZED, 2, 0)                                                                      \
        X(_ZdaPvRKSt9nothrow_t, RELEASE_AND, 2, 0)                                                           \
        X(_ZnwmSt11align_val_t, BY_SIZE_AND, 3, ALIGNMENT)                                                   \
        X(_ZnwmSt11align_val_tRKSt9nothrow_t, BY_SIZE_AND, 3, ALIGNMENT)                                     \
        X(_ZdlPvSt11align_val_t, RELEASE_AND, 3, ALIGNMENT)                                                  \
        X(_ZdlPvmSt11align_val_t, RELEASE_SIZED_AND, 3, ALIGNMENT)                                           \
        X(mallocx, BY_SIZE_AND, 4, 0)                                                                        \
        X(rallocx, RESIZE, 4, 0)                                                                             \
        X(xallocx, RESIZE_IN_PLACE, 4, 0)                                                                    \
        X(dallocx, RELEASE_AND, 4, 0)                                                                        \
        X(sdallocx, RELEASE_SIZED_AND, 4, 0)                                                                 \
        X(tc_malloc, BY_SIZE, 5, 0)                                                                          \
        X(tc_calloc, BY_NUMBER, 5, 0)                                                                        \
        X(tc_memalign, BY_ALIGNMENT, 5, 0)                                                                   \
        X(tc_posix_memalign, BY_POINTER, 5, 0)                                                               \
        X(tc_valloc, BY_SIZE, 5, 0)                                                                          \
        X(tc_realloc, RESIZE, 5, 0)                                                                          \
        X(tc_free, RELEASE, 5, 0)                                                                            \
        X(tc_free_sized, RELEASE_SIZED, 5, 0)                                                                \
        X(tc_new, BY_SIZE, 6, 0)                                                                             \
        X(tc_delete, RELEASE, 6, 0)                                                                          \
        X(tc_delete_sized, RELEASE_SIZED, 6, 0)                                                              \
        X(mi_malloc, BY_SIZE, 7, 0)                                                                          \
        X(mi_zalloc, BY_SIZE, 7, 0)                                                                          \
        X(mi_calloc, BY_NUMBER, 7, 0)                                                                        \
        X(mi_mallocn, BY_NUMBER, 7, 0)                                                                       \
        X(mi_malloc_aligned, BY_SIZE_AND, 7, ALIGNMENT)                                                      \
        X(mi_zalloc_aligned, BY_SIZE_AND, 7, ALIGNMENT)                                                      \
        X(mi_memalign, BY_ALIGNMENT, 7, 0)                                                                   \
        X(mi_posix_memalign, BY_POINTER, 7, 0)                                                               \
        X(mi_valloc, BY_SIZE, 7, 0)                                                                          \
        X(mi_realloc, RESIZE, 7, 0)                                                                          \
        X(mi_reallocf, RESIZE, 7, 0)                                                                         \
        X(mi_rezalloc, RESIZE, 7, 0)                                                                         \
        X(mi_rezalloc, BY_RESIZE, 7, ZEROED)                                                                 \
        X(mi_free, RELEASE, 7, 0)                                                                            \
        X(mi_free_size, RELEASE_SIZED, 7, 0)                                                                 \
        X(mi_cfree, RELEASE, 7, 0)                                                                           \
        X(mi_new, BY_SIZE, 8, 0)                                                                             \
        X(mi_new_nothrow, BY_SIZE, 8, 0)                                                                     \
        X(mi_new_n, BY_NUMBER, 8, 0)                                                                         \
        X(mi_new_realloc, RESIZE, 8, 0)                                                                      \
        X(mi_free_aligned, RELEASE_AND, 8, 16)                                                               \
        X(je_malloc, BY_SIZE, 9, 0)                                                                          \
        X(je_calloc, BY_NUMBER, 9, 0)                                                                        \
        X(je_realloc, RESIZE, 9, 0)                                                                          \
        X(je_free, RELEASE, 9, 0)                                                                            \
        X(je_mallocx, BY_SIZE_AND, 9, 0)                                                                     \
        X(je_dallocx, RELEASE_AND, 9, 0)                                                                     \
        X(_rjem_malloc, BY_SIZE, 10, 0)                                                                      \
        X(_rjem_calloc, BY_NUMBER, 10, 0)                                                                    \
        X(_rjem_realloc, RESIZE, 10, 0)                                                                      \
        X(_rjem_mallocx, BY_SIZE_AND, 10, 0)                                                                 \
        X(_rjem_rallocx, RESIZE, 10, 0)                                                                      \
        X(_rjem_xallocx, RESIZE_IN_PLACE, 10, 0)                                                             \
        X(_rjem_sdallocx, RELEASE_SIZED_AND, 10, 0)

#define DECLARE(name, shape, group, second) extern void weak_##name(void) __asm__(#name) __attribute__((weak));
#define ENTRY(name, shape, group, second) { #name, shape, group, second, weak_##name, NULL },

LIST(DECLARE)

static struct function functions[] = { LIST(ENTRY) };

enum { FUNCTIONS = sizeof functions / sizeof *functions };

struct block {
        void *p;
        size_t size;
        int group;
};

static struct block blocks[SLOTS];
static struct {
        unsigned long long allocs, frees, bytes, live, live_bytes, resized;
} truth;
static bool is_chunks[16]; /* by group: malloc is glibc's, and the probe counts its chunks */
static unsigned long long state = 88172645463325252ull;

static unsigned next_random(void)
{
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return (unsigned)(state >> 33);
}

/* ---- this program's own malloc ---- */

#ifdef WRAP
static void *(*real_malloc)(size_t);
static void *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);
static void (*real_free)(void *);
static unsigned long long wrapped;

static void find_real(void)
{
        real_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
        real_calloc = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
        real_realloc = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
        real_free = (void (*)(void *))dlsym(RTLD_NEXT, "free");
}

void *malloc(size_t size)
{
        if (!real_malloc)
                find_real();
        wrapped++;
        return real_malloc(size);
}

void *calloc(size_t n, size_t size)
{
        if (!real_calloc)
                find_real();
        wrapped++;
        return real_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
        if (!real_realloc)
                find_real();
        wrapped++;
        return real_realloc(p, size);
}

void free(void *p)
{
        if (real_free)
                real_free(p);
        wrapped++;
}
#endif

#ifdef OWN
enum { POOL = 1 << 28 };
static char *pool;
static size_t used;

static void *take(size_t size)
{
        size_t need = (size + 31) / 16 * 16;
        char *p;

        if (!pool)
                pool = mmap(NULL, POOL, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (need > POOL - used)
                return NULL;
        p = pool + used;
        used += need;
        *(size_t *)p = size;
        return p + 16;
}

/* Each block has its size in front of it and is never used again: enough to be an allocator. */
void *malloc(size_t size)
{
        return take(size);
}

void free(void *p)
{
        if (p)
                *((size_t *)p - 1) = 1;
}

void *calloc(size_t n, size_t size)
{
        return malloc(n * size);
}

void *realloc(void *p, size_t size)
{
        char *to = malloc(size);
        size_t old = p ? *((size_t *)p - 2) : 0;

        if (to && p) {
                for (size_t i = 0; i < (old < size ? old : size); i++)
                        to[i] = ((char *)p)[i];
                free(p);
        }
        return to;
}
#endif

#ifdef HEADERS
enum { MARK = 0x6d61726b };

static __attribute__((noinline)) uint64_t *make_marked(size_t size)
{
#ifdef OWN
        uint64_t *p = take(size + HEADER);
#else
        uint64_t *p = malloc(size + HEADER);
#endif

        if (p)
                *p = MARK;
        return p;
}

void *_Znwm(size_t size)
{
        uint64_t *p = make_marked(size);

        if (!p)
                abort();
        return p + HEADER / sizeof *p;
}

void *_ZnwmRKSt9nothrow_t(size_t size, const void *nothrow)
{
        uint64_t *p = make_marked(size);

        return p ? p + HEADER / sizeof *p : NULL;
}

void _ZdlPv(void *block)
{
        uint64_t *p = (uint64_t *)block - HEADER / sizeof *p;

        if (*p != MARK)
                abort();
        *p = 0;
#ifndef OWN
        free(p);
#endif
}
#endif

/* ---- the calls ---- */

#ifndef STATIC
/* The file that has the function at P. */
static const char *file_of(void *p)
{
        Dl_info info;

        return p && dladdr(p, &info) ? info.dli_fname : "";
}
#endif

static void *late; /* the library that was loaded, else NULL */

#ifndef STATIC
/* Of jemalloc only what it calls by no other name: the rest would mix with the C library's, which comes first. */
static void *late_address(const struct function *f)
{
        void *address = dlsym(late, f->name);

        if (dlsym(late, "mallocx") && f->group != 4)
                return NULL;
        return strcmp(file_of(address), file_of(dlsym(late, "free"))) == 0 ? address : NULL;
}
#endif

/* An allocator need not define all of them: what is left of another one must not be mixed with it. */
static void *address_of(const struct function *f)
{
        void *address = (void *)f->weak;

#ifndef STATIC
        if (late)
                return late_address(f);
        if (!address)
                address = dlsym(RTLD_DEFAULT, f->name);
#ifndef WRAP
        if (f->group == 0 && strcmp(file_of(address), file_of(dlsym(RTLD_DEFAULT, "malloc"))) != 0)
                address = NULL;
#endif
#endif
        return address;
}

static bool counts_chunks(void)
{
#if defined CHUNKS
        return true;
#elif defined STATIC
        return false;
#elif defined WRAP
        return strstr(file_of((void *)real_malloc), "/libc.so.6") != NULL;
#else
        return strstr(file_of(dlsym(RTLD_DEFAULT, "malloc")), "/libc.so.6") != NULL;
#endif
}

static void find_functions(void)
{
        for (int i = 0; i < FUNCTIONS; i++)
                functions[i].address = address_of(&functions[i]);
        for (int group = 0; group < 4; group++)
                is_chunks[group] = !late && counts_chunks();
}

static bool has_release(int group)
{
        for (int i = 0; i < FUNCTIONS; i++)
                if (functions[i].address && functions[i].group == group && functions[i].shape >= RELEASE &&
                    functions[i].shape <= RELEASE_SIZED_AND)
                        return true;
        return false;
}

/* A function with a shape from LOW to HIGH, of GROUP unless that is -1. */
static struct function *choose(enum shape low, enum shape high, int group)
{
        for (;;) {
                struct function *f = &functions[next_random() % FUNCTIONS];

                if (f->address && f->shape >= low && f->shape <= high && (group < 0 || f->group == group) &&
                    has_release(f->group))
                        return f;
        }
}

static void count_made(int group, size_t size)
{
#if defined HEADERS && !defined OWN
        size += group == 1 ? HEADER : 0;
#endif
        truth.allocs++;
        truth.bytes += is_chunks[group] ? ((size < 9 ? 9 : size) + 8 + 15) & ~15ull : size;
}

static void make(struct block *block)
{
        static const char zeros[32];
        struct function *f = choose(BY_SIZE, BY_SIZE_AND, -1);
        size_t size = 64 + next_random() % (next_random() % 40 ? 4000 : 300000);
        void *p = NULL;

        if (f->second == PAGE)
                size = (size + PAGE - 1) / PAGE * PAGE; /* it may or may not say so to another function */
        size &= f->second == ALIGNMENT || f->shape == BY_ALIGNMENT ? ~63ul : ~15ul;
        if (f->shape == BY_SIZE)
                p = ((void *(*)(size_t))f->address)(size);
        else if (f->shape == BY_NUMBER)
                p = ((void *(*)(size_t, size_t))f->address)(size / 16, 16);
        else if (f->shape == BY_ALIGNMENT)
                p = ((void *(*)(size_t, size_t))f->address)(ALIGNMENT, size);
        else if (f->shape == BY_RESIZE)
                p = ((void *(*)(void *, size_t))f->address)(NULL, size);
        else if (f->shape == BY_POINTER)
                p = ((int (*)(void **, size_t, size_t))f->address)(&p, ALIGNMENT, size) == 0 ? p : NULL;
        else
                p = ((void *(*)(size_t, uint64_t))f->address)(size, f->second);
        if (!p || (f->second == ZEROED && memcmp(p, zeros, sizeof zeros) != 0))
                abort();
        memset(p, 1, sizeof zeros);
        *block = (struct block){ p, size, f->group };
        count_made(f->group, size);
}

static void resize(struct block *block)
{
        struct function *f = choose(RESIZE, RESIZE_IN_PLACE, block->group);
        size_t size = 48 + next_random() % 6000;

        if (f->shape == RESIZE_IN_PLACE) {
                /* The size it has now; one that is too small says that nothing was done. */
                block->size = ((size_t (*)(void *, size_t, size_t, int))f->address)(block->p, size, next_random() % 100, 0);
                if (block->size < size)
                        return;
                truth.resized++;
                truth.frees++;
                count_made(block->group, block->size);
                return;
        }
        block->p = ((void *(*)(void *, size_t, uint64_t))f->address)(block->p, size, 0);
        if (!block->p)
                abort();
        block->size = size;
        truth.frees++;
        count_made(block->group, size);
}

static void release(struct block *block)
{
        struct function *f = choose(RELEASE, RELEASE_SIZED_AND, block->group);

        if (f->shape == RELEASE)
                ((void (*)(void *))f->address)(block->p);
        else if (f->shape == RELEASE_SIZED)
                ((void (*)(void *, size_t))f->address)(block->p, block->size);
        else if (f->shape == RELEASE_AND)
                ((void (*)(void *, uint64_t))f->address)(block->p, f->second);
        else
                ((void (*)(void *, size_t, uint64_t))f->address)(block->p, block->size, f->second);
        block->p = NULL;
        truth.frees++;
}

static bool can_resize(int group)
{
        for (int i = 0; i < FUNCTIONS; i++)
                if (functions[i].address && functions[i].group == group && functions[i].shape >= RESIZE)
                        return true;
        return false;
}

static void work(void)
{
        for (int i = 0; i < CALLS; i++) {
                struct block *block = &blocks[next_random() % SLOTS];

                if (!block->p)
                        make(block);
                else if (next_random() % 3 == 0 && can_resize(block->group))
                        resize(block);
                else
                        release(block);
        }
}

static void print_truth(void)
{
        truth.live = truth.live_bytes = 0;
        for (int i = 0; i < SLOTS; i++) {
                truth.live += blocks[i].p != NULL;
                truth.live_bytes += blocks[i].p ? blocks[i].size : 0;
        }
        printf("allocs=%llu frees=%llu bytes=%llu live=%llu live_bytes=%llu resized=%llu\n", truth.allocs, truth.frees,
               truth.bytes, truth.live, truth.live_bytes, truth.resized);
}

static void load(const char *path)
{
#ifndef STATIC
        late = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (!late) {
                printf("%s\n", dlerror());
                exit(1);
        }
#endif
        find_functions();
}

int main(int argc, char **argv)
{
        static char in[256], out[4096], line[64];
        int n = 0;

        signal(SIGPIPE, SIG_DFL); /* so that a static program has a C library's signal return */
        setvbuf(stdin, in, _IOFBF, sizeof in);
        setvbuf(stdout, out, _IOLBF, sizeof out);
#ifdef WRAP
        find_real();
#endif
        if (argc == 1)
                find_functions();
        for (int i = 0; i < FUNCTIONS; i++)
                n += functions[i].address && has_release(functions[i].group);
        printf("READY %d functions\n", n);
        while (fgets(line, sizeof line, stdin)) {
                if (strcmp(line, "quit\n") == 0)
                        break;
                if (strcmp(line, "load\n") == 0 && argc > 1)
                        load(argv[1]);
                else
                        work();
                print_truth();
        }
        return 0;
}
