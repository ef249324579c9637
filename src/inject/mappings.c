#include "inject/mappings.h"

#include "inject/gadgets.h"
#include "inject/process.h"

#include <string.h>
#include <sys/syscall.h>

enum { SCAN_MAX = 256 };

struct name {
        const char *name;
        enum wire_kind kind;
        uint32_t number; /* of the system call */
};

/* mmap64 and the names with underscores stand at the same addresses, as a rule. */
static const struct name NAMES[] = {
        { "mmap", WIRE_MMAP, SYS_mmap },       { "mmap64", WIRE_MMAP, SYS_mmap },      { "__mmap", WIRE_MMAP, SYS_mmap },
        { "munmap", WIRE_MUNMAP, SYS_munmap }, { "__munmap", WIRE_MUNMAP, SYS_munmap },
        { "mremap", WIRE_MREMAP, SYS_mremap }, { "__mremap", WIRE_MREMAP, SYS_mremap },
        { "brk", WIRE_BRK, SYS_brk },          { "__brk", WIRE_BRK, SYS_brk },
};

struct search {
        const struct process *process;
        struct allocator *ret;
};

static bool makes_call(const struct process *process, uint64_t addr, uint64_t size, uint32_t number)
{
        uint8_t code[SCAN_MAX];

        if (size == 0 || size > sizeof code)
                size = sizeof code;
        return process_read(process, addr, code, size) == 0 && gadgets_makes_call(code, size, number);
}

/* Of several names of one address the shortest is kept. */
static void add(struct search *search, const struct name *name, uint64_t addr, uint64_t size)
{
        struct allocator *ret = search->ret;

        for (size_t i = 0; i < ret->n; i++)
                if (ret->v[i].addr == addr) {
                        if (strlen(name->name) < strlen(ret->v[i].name))
                                ret->v[i].name = name->name;
                        return;
                }
        if (ret->n < ALLOCATOR_FUNCTIONS && makes_call(search->process, addr, size, name->number))
                ret->v[ret->n++] = (struct allocator_function){ .name = name->name, .prefix = "", .addr = addr,
                                                                .kind = name->kind, .size = size };
}

static int collect(void *ctx, const struct image_symbol *symbol)
{
        struct search *search = ctx;

        for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
                if (!strcmp(symbol->name, NAMES[i].name))
                        add(search, &NAMES[i], search->ret->module->bias + symbol->addr, symbol->size);
        return 0;
}

bool mappings_find(const struct process *process, const struct module *module, struct allocator *ret)
{
        struct search search = { process, ret };

        *ret = (struct allocator){ .module = module, .name = "mappings", .sizing = WIRE_SIZE_UNKNOWN };
        if (!module->image || allocators_is_loader(module))
                return false;
        image_functions(module->image, collect, &search);
        return ret->n > 0;
}
