/* A module is an allocator when it defines malloc() and free(). operator new and delete are hooked only there, and only when
 * they do not themselves call a hooked function: libstdc++'s reach malloc (also in a static program), those of jemalloc,
 * tcmalloc and mimalloc do not. That is decided by their code, not by a list of names (forwarders.c). */
#include "inject/allocators.h"

#include "inject/forwarders.h"
#include "inject/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct name {
        const char *name;
        enum wire_kind kind;
};

/* The order is the order of hooking, and of preference where two names share an address. */
static const struct name PLAIN[] = {
        { "malloc", WIRE_MALLOC },
        { "free", WIRE_FREE },
        { "calloc", WIRE_CALLOC },
        { "realloc", WIRE_REALLOC },
        { "memalign", WIRE_MEMALIGN },
        { "aligned_alloc", WIRE_MEMALIGN },
        { "posix_memalign", WIRE_POSIX_MEMALIGN },
        { "valloc", WIRE_MALLOC },
        { "pvalloc", WIRE_MALLOC },
        { "cfree", WIRE_FREE },
        { "_Znwm", WIRE_NEW },
        { "_Znam", WIRE_NEW },
        { "_ZnwmRKSt9nothrow_t", WIRE_NEW_NOTHROW },
        { "_ZnamRKSt9nothrow_t", WIRE_NEW_NOTHROW },
        { "_ZnwmSt11align_val_t", WIRE_NEW_ALIGNED },
        { "_ZnamSt11align_val_t", WIRE_NEW_ALIGNED },
        { "_ZnwmSt11align_val_tRKSt9nothrow_t", WIRE_NEW_NOTHROW },
        { "_ZnamSt11align_val_tRKSt9nothrow_t", WIRE_NEW_NOTHROW },
        { "_ZdlPv", WIRE_DELETE },
        { "_ZdaPv", WIRE_DELETE },
        { "_ZdlPvRKSt9nothrow_t", WIRE_DELETE },
        { "_ZdaPvRKSt9nothrow_t", WIRE_DELETE },
        { "_ZdlPvSt11align_val_t", WIRE_DELETE },
        { "_ZdaPvSt11align_val_t", WIRE_DELETE },
        { "_ZdlPvSt11align_val_tRKSt9nothrow_t", WIRE_DELETE },
        { "_ZdaPvSt11align_val_tRKSt9nothrow_t", WIRE_DELETE },
        { "_ZdlPvm", WIRE_DELETE_SIZED },
        { "_ZdaPvm", WIRE_DELETE_SIZED },
        { "_ZdlPvmSt11align_val_t", WIRE_DELETE_SIZED },
        { "_ZdaPvmSt11align_val_t", WIRE_DELETE_SIZED },
        { "mallocx", WIRE_MALLOCX },
        { "rallocx", WIRE_RALLOCX },
        { "xallocx", WIRE_XALLOCX },
        { "dallocx", WIRE_DALLOCX },
        { "sdallocx", WIRE_SDALLOCX },
};

/* Names that only appear with a prefix; the prefixed forms of PLAIN are derived. */
static const struct name PREFIXED[] = {
        { "tc_new", WIRE_NEW },
        { "tc_newarray", WIRE_NEW },
        { "tc_new_nothrow", WIRE_NEW_NOTHROW },
        { "tc_newarray_nothrow", WIRE_NEW_NOTHROW },
        { "tc_new_aligned", WIRE_NEW_ALIGNED },
        { "tc_newarray_aligned", WIRE_NEW_ALIGNED },
        { "tc_new_aligned_nothrow", WIRE_NEW_NOTHROW },
        { "tc_newarray_aligned_nothrow", WIRE_NEW_NOTHROW },
        { "tc_free_sized", WIRE_DELETE_SIZED },
        { "tc_delete", WIRE_DELETE },
        { "tc_deletearray", WIRE_DELETE },
        { "tc_delete_nothrow", WIRE_DELETE },
        { "tc_deletearray_nothrow", WIRE_DELETE },
        { "tc_delete_aligned", WIRE_DELETE },
        { "tc_deletearray_aligned", WIRE_DELETE },
        { "tc_delete_aligned_nothrow", WIRE_DELETE },
        { "tc_deletearray_aligned_nothrow", WIRE_DELETE },
        { "tc_delete_sized", WIRE_DELETE_SIZED },
        { "tc_deletearray_sized", WIRE_DELETE_SIZED },
        { "tc_delete_sized_aligned", WIRE_DELETE_SIZED },
        { "tc_deletearray_sized_aligned", WIRE_DELETE_SIZED },
        { "mi_new", WIRE_NEW },
        { "mi_new_nothrow", WIRE_NEW_NOTHROW },
        { "mi_new_aligned", WIRE_NEW_ALIGNED },
        { "mi_new_aligned_nothrow", WIRE_NEW_NOTHROW },
        { "mi_new_n", WIRE_CALLOC },
        { "mi_new_realloc", WIRE_REALLOC },
        { "mi_malloc_small", WIRE_MALLOC },
        { "mi_zalloc", WIRE_MALLOC },
        { "mi_zalloc_small", WIRE_MALLOC },
        { "mi_mallocn", WIRE_CALLOC },
        { "mi_malloc_aligned", WIRE_MALLOCX }, /* (size, alignment): what follows the size is handed on */
        { "mi_malloc_aligned_at", WIRE_MALLOCX },
        { "mi_zalloc_aligned", WIRE_MALLOCX },
        { "mi_zalloc_aligned_at", WIRE_MALLOCX },
        { "mi_calloc_aligned", WIRE_CALLOC },
        { "mi_heap_malloc", WIRE_MEMALIGN }, /* (heap, size) */
        { "mi_heap_zalloc", WIRE_MEMALIGN },
        { "mi_reallocf", WIRE_REALLOC },
        { "mi_rezalloc", WIRE_REALLOC },
        { "mi_realloc_aligned", WIRE_REALLOC },
        { "mi_rezalloc_aligned", WIRE_REALLOC },
        { "mi_free_size", WIRE_DELETE_SIZED },
        { "mi_free_size_aligned", WIRE_DELETE_SIZED },
        { "mi_free_aligned", WIRE_DELETE },
};

static const char *const PREFIXES[] = { "je_", "_rjem_je_", "_rjem_", "tc_", "mi_" };

static const struct name *find_name(const struct name *names, size_t n, const char *name)
{
        for (size_t i = 0; i < n; i++)
                if (!strcmp(names[i].name, name))
                        return &names[i];
        return NULL;
}

static bool is_cxx(const struct name *name)
{
        return !strncmp(name->name, "_Z", 2);
}

bool allocators_kind(const char *name, enum wire_kind *ret, bool *ret_prefixed, const char **ret_name)
{
        const struct name *found = find_name(PLAIN, sizeof PLAIN / sizeof *PLAIN, name);

        *ret_prefixed = !found;
        if (!found)
                found = find_name(PREFIXED, sizeof PREFIXED / sizeof *PREFIXED, name);
        for (size_t i = 0; !found && i < sizeof PREFIXES / sizeof *PREFIXES; i++) {
                size_t n = strlen(PREFIXES[i]);

                if (!strncmp(name, PREFIXES[i], n)) {
                        found = find_name(PLAIN, sizeof PLAIN / sizeof *PLAIN, name + n);
                        if (found && is_cxx(found))
                                found = NULL;
                }
        }
        if (!found)
                return false;
        *ret = found->kind;
        *ret_name = found->name;
        return true;
}

static const char *prefix_of(const char *name)
{
        for (size_t i = 0; i < sizeof PREFIXES / sizeof *PREFIXES; i++)
                if (!strncmp(name, PREFIXES[i], strlen(PREFIXES[i])))
                        return PREFIXES[i];
        return "";
}

/* What is collected in one walk over a module's symbols. */
struct collector {
        struct allocator *allocator;
        uint64_t bias;
        bool glibc, glibc_mallopt, musl, jemalloc, tcmalloc, mimalloc;
        bool debug; /* tcmalloc's that remembers by which function a block was made, and ends the program when another kind frees it */
};

static size_t rank(const char *name)
{
        for (size_t i = 0; i < sizeof PLAIN / sizeof *PLAIN; i++)
                if (!strcmp(PLAIN[i].name, name))
                        return i;
        return sizeof PLAIN / sizeof *PLAIN;
}

static bool is_aligned_nothrow(const char *name)
{
        static const char *const names[] = { "_ZnwmSt11align_val_tRKSt9nothrow_t", "_ZnamSt11align_val_tRKSt9nothrow_t",
                                             "tc_new_aligned_nothrow", "mi_new_aligned_nothrow" };

        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                if (!strcmp(names[i], name))
                        return true;
        return false;
}

/* Where two names share an address, the better known one is kept. */
static void add_function(struct allocator *allocator, const struct allocator_function *function)
{
        for (size_t i = 0; i < allocator->n; i++) {
                struct allocator_function *known = &allocator->v[i];
                bool local = known->local && function->local;

                if (known->addr != function->addr)
                        continue;
                if (rank(function->name) < rank(known->name) ||
                    (rank(function->name) == rank(known->name) && function->prefix[0] == '\0'))
                        *known = *function;
                known->local = local;
                return;
        }
        if (allocator->n < ALLOCATOR_FUNCTIONS)
                allocator->v[allocator->n++] = *function;
}

static int collect(void *ctx, const struct image_symbol *symbol)
{
        struct collector *c = ctx;
        enum wire_kind kind;
        const char *name;
        bool prefixed;

        /* glibc's malloc.c. The probe will read chunk headers, so there must be no doubt: musl has a __libc_malloc, too, and
         * allocators that replace glibc's (Chromium's, tcmalloc) a __libc_memalign, but nobody else a __libc_mallopt. Then musl's,
         * or its loader, which is its C library. */
        c->glibc |= !strcmp(symbol->name, "__libc_memalign");
        c->glibc_mallopt |= !strcmp(symbol->name, "__libc_mallopt");
        c->musl |= !strcmp(symbol->name, "__malloc_alloc_meta") || !strcmp(symbol->name, "_dl_debug_state");
        c->jemalloc |= !strcmp(symbol->name, "mallctl") || !strcmp(symbol->name, "je_mallctl") ||
                       !strcmp(symbol->name, "_rjem_mallctl");
        c->tcmalloc |= !strcmp(symbol->name, "tc_malloc") || !strcmp(symbol->name, "TCMallocInternalMalloc");
        c->mimalloc |= !strcmp(symbol->name, "mi_malloc");
        c->debug |= !strncmp(symbol->name, "_ZN11MallocBlock", 16);
        if (!allocators_kind(symbol->name, &kind, &prefixed, &name))
                return 0;
        add_function(c->allocator, &(struct allocator_function){ .name = name, .prefix = prefix_of(symbol->name),
                                                                 .kind = kind, .addr = c->bias + symbol->addr,
                                                                 .size = symbol->size,
                                                                 .local = !symbol->global && !prefixed,
                                                                 .aligned_nothrow = is_aligned_nothrow(symbol->name) });
        return 0;
}

/* A local function called `free` may be anybody's; one called `_rjem_free` is not. Nor is the only `malloc` of a program whose
 * `free` is global: the linker makes some functions of a static program local. */
static bool is_anybodys(const struct allocator *allocator, const struct allocator_function *function)
{
        bool has_global = false;

        for (size_t i = 0; i < allocator->n; i++) {
                const struct allocator_function *other = &allocator->v[i];

                if (other != function && !strcmp(other->name, function->name) && !strcmp(other->prefix, function->prefix))
                        return true;
                has_global |= !other->local && other->prefix[0] == '\0' &&
                              (!strcmp(other->name, "malloc") || !strcmp(other->name, "free"));
        }
        return !has_global;
}

static void drop_locals(struct allocator *allocator)
{
        bool drop[ALLOCATOR_FUNCTIONS] = { false };
        size_t n = 0;

        for (size_t i = 0; i < allocator->n; i++)
                drop[i] = allocator->v[i].local && is_anybodys(allocator, &allocator->v[i]);
        for (size_t i = 0; i < allocator->n; i++)
                if (!drop[i])
                        allocator->v[n++] = allocator->v[i];
        allocator->n = n;
}

static int by_rank(const void *a, const void *b)
{
        const struct allocator_function *x = a, *y = b;
        size_t rx = rank(x->name), ry = rank(y->name);

        if (rx != ry)
                return rx < ry ? -1 : 1;
        return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static const struct allocator_function *find_kind(const struct allocator *allocator, enum wire_kind kind)
{
        for (size_t i = 0; i < allocator->n; i++)
                if (allocator->v[i].kind == kind)
                        return &allocator->v[i];
        return NULL;
}

/* ---- whose it is ---- */

static void glibc_version(const struct module *module, char *ret, size_t size)
{
        static const char banner[] = "GNU C Library", release[] = "release version ";
        uint64_t addr;
        size_t len;
        const char *text = (const char *)image_section(module->image, ".rodata", &addr, &len);
        const char *at = text ? memmem(text, len, banner, sizeof banner - 1) : NULL;
        size_t n = 0;

        snprintf(ret, size, "glibc");
        if (at)
                at = memmem(at, len - (size_t)(at - text), release, sizeof release - 1);
        if (!at)
                return;
        at += sizeof release - 1;
        while (at + n < text + len && ((at[n] >= '0' && at[n] <= '9') || at[n] == '.') && n < 8)
                n++;
        while (n > 0 && at[n - 1] == '.')
                n--;
        snprintf(ret, size, "glibc %.*s", (int)n, at);
}

static void name_allocator(const struct collector *c, struct allocator *allocator)
{
        const char *file = strrchr(allocator->module->path, '/');

        file = file ? file + 1 : allocator->module->path;
        if (c->jemalloc)
                snprintf(allocator->name, sizeof allocator->name, "jemalloc");
        else if (c->tcmalloc)
                snprintf(allocator->name, sizeof allocator->name, "tcmalloc");
        else if (c->mimalloc)
                snprintf(allocator->name, sizeof allocator->name, "mimalloc");
        else if (c->glibc)
                glibc_version(allocator->module, allocator->name, sizeof allocator->name);
        else if (c->musl || !strncmp(file, "ld-musl", 7) || !strncmp(file, "libc.musl", 9))
                snprintf(allocator->name, sizeof allocator->name, "musl");
        else
                snprintf(allocator->name, sizeof allocator->name, "%.*s", (int)sizeof allocator->name - 1, file);
}

bool allocators_is_loader(const struct module *module)
{
        const char *file = strrchr(module->path, '/');

        return file && (!strncmp(file, "/ld-linux", 9) || !strncmp(file, "/ld-2.", 6));
}

bool allocators_find(const struct process *process, const struct module *module, struct allocator *ret)
{
        struct collector c = { .allocator = ret, .bias = module->bias };

        *ret = (struct allocator){ .module = module };
        if (!module->image || allocators_is_loader(module))
                return false;
        image_functions(module->image, collect, &c);
        drop_locals(ret);
        c.glibc &= c.glibc_mallopt;
        qsort(ret->v, ret->n, sizeof *ret->v, by_rank);
        ret->sizing = c.glibc && !c.jemalloc && !c.tcmalloc && !c.mimalloc ? WIRE_SIZE_GLIBC : WIRE_SIZE_UNKNOWN;
        ret->new_is_malloc = (c.jemalloc || c.tcmalloc || c.mimalloc) && !c.debug;
        forwarders_drop(process, ret);
        if (!find_kind(ret, WIRE_MALLOC) || !find_kind(ret, WIRE_FREE))
                return false;
        name_allocator(&c, ret);
        return true;
}
