/* Three ways in which one function leads to another:
 *
 *   - it jumps there without a condition (mimalloc's `memalign: jmp mi_memalign`): it is an alias, and is left out;
 *   - it calls it, and hands on what it got: operators, calloc(), valloc(): left out;
 *   - it calls it, and makes something of it: realloc() (only at times), memalign() (the block begins elsewhere), and sized
 *     operators of tcmalloc, which leave large blocks to free() and keep small ones: hooked, and while they run nothing else
 *     of this thread is counted ("nested"). */
#include "inject/forwarders.h"

#include "inject/process.h"
#include "inject/relocate.h"

#include <string.h>

enum {
        SCAN_MAX = 512, /* bytes of a function that are looked at for calls */
        PLT_ENTRY = 32,
        ALIAS_BYTES = 64,
        ALIASES_MAX = 4, /* jumps in a row */
        DEPTH_MAX = 3,   /* of calls */
        LOOKS_MAX = 400, /* at functions, in one search */
};

struct search {
        const struct process *process;
        const struct allocator *allocator;
        const struct allocator_function *self;
        bool in_plt;
        int depth;      /* of the calls to functions that are not hooked which are followed */
        int *looks;     /* what is left */
};

static bool is_other_entry(const struct search *search, uint64_t addr)
{
        for (size_t i = 0; i < search->allocator->n; i++)
                if (search->allocator->v[i].addr == addr && addr != search->self->addr)
                        return true;
        return false;
}

/* The name that the dynamic loader would put into the pointer at SLOT, or NULL: for lazily bound calls. */
static const char *slot_name(const struct module *module, uint64_t slot)
{
        static const char *const tables[] = { ".rela.plt", ".rela.dyn" };
        uint64_t addr;
        size_t n_symbols, n_strings, len;
        const uint8_t *symbols = image_section(module->image, ".dynsym", &addr, &n_symbols);
        const uint8_t *strings = image_section(module->image, ".dynstr", &addr, &n_strings);

        for (size_t t = 0; symbols && strings && t < 2; t++) {
                const uint8_t *table = image_section(module->image, tables[t], &addr, &len);

                for (size_t at = 0; table && at + 24 <= len; at += 24) { /* Elf64_Rela */
                        uint64_t offset, info;
                        uint32_t name;

                        memcpy(&offset, table + at, sizeof offset);
                        memcpy(&info, table + at + 8, sizeof info);
                        if (offset + module->bias != slot || (info >> 32) >= n_symbols / 24) /* Elf64_Sym */
                                continue;
                        memcpy(&name, symbols + (info >> 32) * 24, sizeof name);
                        if (name < n_strings && memchr(strings + name, '\0', n_strings - name))
                                return (const char *)strings + name;
                }
        }
        return NULL;
}

static bool is_allocation_name(const char *name)
{
        enum wire_kind kind;
        bool prefixed;

        return name && allocators_kind(name, &kind, &prefixed, &name);
}

/* True for code that begins as the entries of a PLT do: only its first jump counts then. */
static bool is_plt(const uint8_t code[PLT_ENTRY])
{
        return !memcmp(code, "\xf3\x0f\x1e\xfa", 4) || !memcmp(code, "\xff\x25", 2);
}

struct named {
        const char *name;
        uint64_t addr;
};

static int has_name(void *ctx, const struct image_symbol *symbol)
{
        struct named *named = ctx;

        if (strcmp(symbol->name, named->name) != 0)
                return 0;
        named->addr = symbol->addr;
        return 1;
}

static bool reaches_other(void *ctx, uint64_t target, bool indirect);

/* The same for the code at ADDR, called by what was looked at so far. Where it ends is not known: a bit too much is looked at. */
static bool leads_on(const struct search *search, uint64_t addr)
{
        const struct module *module = search->allocator->module;
        struct search inner = *search;
        uint8_t code[SCAN_MAX];

        if (search->depth == 0 || addr < module->start || addr >= module->end || (*search->looks)-- <= 0 ||
            process_read(search->process, addr, code, sizeof code) < 0)
                return false;
        inner.depth--;
        inner.in_plt = false;
        return relocate_branches(code, sizeof code, addr, reaches_other, &inner);
}

static bool slot_leads(const struct search *search, uint64_t slot)
{
        const struct module *module = search->allocator->module;
        struct named named = { .name = slot_name(module, slot) };

        if (is_allocation_name(named.name))
                return true;
        return search->depth > 0 && named.name && image_functions(module->image, has_name, &named) == 1 &&
               leads_on(search, module->bias + named.addr);
}

static bool reaches_other(void *ctx, uint64_t target, bool indirect)
{
        const struct search *search = ctx;
        uint8_t code[PLT_ENTRY];
        struct search inner = *search;

        if (indirect)
                return slot_leads(search, target);
        if (is_other_entry(search, target))
                return true;
        if (search->in_plt || process_read(search->process, target, code, sizeof code) < 0)
                return false;
        if (!is_plt(code))
                return leads_on(search, target);
        inner.in_plt = true;
        return relocate_branches(code, code[0] == 0xff ? 6 : 12, target, reaches_other, &inner) || leads_on(search, target);
}

static size_t read_function(const struct process *process, const struct allocator_function *function, uint8_t code[SCAN_MAX])
{
        size_t size = function->size > 0 && function->size < SCAN_MAX ? function->size : SCAN_MAX;

        return process_read(process, function->addr, code, size) < 0 ? 0 : size;
}

/* True for a function that calls or jumps to another one somewhere, or calls a function that does (DEPTH times). */
static bool reaches(const struct search *search, int depth)
{
        struct search copy = *search;
        uint8_t code[SCAN_MAX];
        size_t size = read_function(search->process, search->self, code);
        int looks = LOOKS_MAX;

        copy.depth = depth;
        copy.looks = &looks;

        return size > 0 && relocate_branches(code, size, search->self->addr, reaches_other, &copy);
}

/* True for a function that is but another name of another one: jumps, one after the other, lead there. */
static bool is_alias(const struct search *search)
{
        uint64_t at = search->self->addr, target;
        uint8_t code[ALIAS_BYTES];
        bool indirect;

        for (int i = 0; i < ALIASES_MAX; i++) {
                if (process_read(search->process, at, code, sizeof code) < 0 ||
                    !relocate_forwards(code, sizeof code, at, &target, &indirect))
                        return false;
                if (indirect)
                        return is_allocation_name(slot_name(search->allocator->module, target));
                if (is_other_entry(search, target))
                        return true;
                at = target;
        }
        return false;
}

/* A sized free that ends without another one: it keeps some of the blocks for itself. Then its code goes on for longer than a
 * test and a jump. */
static bool releases_itself(const struct search *search)
{
        enum { FORWARDING_MAX = 48 };

        return search->self->kind == WIRE_DELETE_SIZED && search->self->size > FORWARDING_MAX &&
               search->allocator->own_operators;
}

static bool makes_something_of_it(enum wire_kind kind)
{
        return kind == WIRE_REALLOC || kind == WIRE_RALLOCX || kind == WIRE_XALLOCX || kind == WIRE_MEMALIGN ||
               kind == WIRE_POSIX_MEMALIGN;
}

/* malloc and free themselves may lead to each other at times, and stay. */
static bool is_base(const struct allocator_function *function)
{
        return !strcmp(function->name, "malloc") || !strcmp(function->name, "free");
}

static bool is_operator(enum wire_kind kind)
{
        return kind == WIRE_NEW || kind == WIRE_NEW_ALIGNED || kind == WIRE_NEW_NOTHROW || kind == WIRE_DELETE ||
               kind == WIRE_DELETE_SIZED;
}

static bool must_go(const struct process *process, const struct allocator *allocator, struct allocator_function *function)
{
        struct search search = { .process = process, .allocator = allocator, .self = function };

        /* What glibc's functions do to each other the probe knows by itself (probe/handlers.c). It has no operators: those of a
         * static program reach malloc, sooner or later, and their blocks need not begin where a chunk does. */
        if (allocator->sizing == WIRE_SIZE_GLIBC)
                return is_operator(function->kind);
        if (is_alias(&search))
                return true;
        if (makes_something_of_it(function->kind)) /* to be marked for nothing costs some nanoseconds a call, no more */
                function->nested = reaches(&search, DEPTH_MAX);
        else if (!is_base(function) && reaches(&search, 0))
                function->nested = releases_itself(&search);
        else
                return false;
        return !function->nested && !makes_something_of_it(function->kind);
}

/* tcmalloc and its like: operator new does not call malloc. */
static bool has_own_operators(const struct process *process, const struct allocator *allocator)
{
        for (size_t i = 0; i < allocator->n; i++) {
                struct search search = { .process = process, .allocator = allocator, .self = &allocator->v[i] };

                if (allocator->v[i].kind == WIRE_NEW && !reaches(&search, 0))
                        return true;
        }
        return false;
}

void forwarders_drop(const struct process *process, struct allocator *allocator)
{
        bool drop[ALLOCATOR_FUNCTIONS] = { false };
        size_t n = 0;

        allocator->own_operators = has_own_operators(process, allocator);
        for (size_t i = 0; i < allocator->n; i++)
                drop[i] = must_go(process, allocator, &allocator->v[i]);
        for (size_t i = 0; i < allocator->n; i++)
                if (!drop[i])
                        allocator->v[n++] = allocator->v[i];
        allocator->n = n;
}

/* ---- from one allocator to another ---- */

struct outside {
        const struct process *process;
        const struct allocator *self;
        const struct allocator *allocators;
        size_t n;
};

/* POINTER, which the code uses, holds the address of another allocator's function. */
static bool points_outside(void *ctx, uint64_t pointer)
{
        const struct outside *outside = ctx;
        uint64_t addr;

        if (process_read(outside->process, pointer, &addr, sizeof addr) < 0)
                return false;
        for (size_t i = 0; i < outside->n; i++) {
                const struct allocator *other = &outside->allocators[i];

                for (size_t k = 0; other != outside->self && k < other->n; k++)
                        if (other->v[k].addr == addr)
                                return true;
        }
        return false;
}

static bool leads_outside(void *ctx, uint64_t target, bool indirect)
{
        uint8_t code[PLT_ENTRY];
        const struct outside *outside = ctx;

        if (indirect || process_read(outside->process, target, code, sizeof code) < 0 || !is_plt(code))
                return false;
        return relocate_pointers(code, code[0] == 0xff ? 6 : 12, target, points_outside, ctx);
}

bool forwarders_wraps(const struct process *process, const struct allocator *allocator, const struct allocator *allocators,
                      size_t n)
{
        struct outside outside = { process, allocator, allocators, n };
        uint8_t code[SCAN_MAX];
        size_t size;

        for (size_t i = 0; i < allocator->n; i++) {
                if (strcmp(allocator->v[i].name, "malloc") != 0)
                        continue;
                size = read_function(process, &allocator->v[i], code);
                if (size > 0 && (relocate_pointers(code, size, allocator->v[i].addr, points_outside, &outside) ||
                                 relocate_branches(code, size, allocator->v[i].addr, leads_outside, &outside)))
                        return true;
        }
        return false;
}
