#include "target/plt.h"

#include "base/alloc.h"
#include "target/image_elf.h"
#include "target/naming.h"

#include <gelf.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MAX ((size_t)1 << 20)
#define TABLE_MAX ((size_t)16 << 20) /* bytes of one table */
#define NAME_LONG 4096 /* bytes; longer ones are not told */

struct slot {
        uint64_t addr;    /* in the GOT */
        const char *name; /* owned by the image */
};

struct slots {
        struct slot *v; /* in the order of the file, then by address */
        size_t n, cap;
};

static void add_slots(Elf *elf, Elf_Scn *scn, const GElf_Shdr *shdr, struct slots *slots)
{
        GElf_Shdr symbols_header;
        Elf_Scn *symbols_scn = elf_getscn(elf, shdr->sh_link);
        Elf_Data *data, *symbols;
        size_t n;

        if (shdr->sh_entsize != sizeof(Elf64_Rela) || !symbols_scn || !gelf_getshdr(symbols_scn, &symbols_header) ||
            symbols_header.sh_type != SHT_DYNSYM || symbols_header.sh_entsize != sizeof(Elf64_Sym))
                return;
        data = elf_getdata(scn, NULL);
        symbols = elf_getdata(symbols_scn, NULL);
        n = data && data->d_buf && symbols && symbols->d_buf ? data->d_size / sizeof(Elf64_Rela) : 0;
        for (size_t i = 0; i < n && i < INT_MAX && slots->n < SLOTS_MAX; i++) {
                const char *name;
                GElf_Rela rela;
                GElf_Sym sym;

                if (!gelf_getrela(data, (int)i, &rela) || (GELF_R_TYPE(rela.r_info) != R_X86_64_JUMP_SLOT &&
                                                           GELF_R_TYPE(rela.r_info) != R_X86_64_GLOB_DAT))
                        continue;
                if (GELF_R_SYM(rela.r_info) > INT_MAX || !gelf_getsym(symbols, (int)GELF_R_SYM(rela.r_info), &sym))
                        continue;
                name = elf_strptr(elf, symbols_header.sh_link, sym.st_name);
                if (!name || name[0] == '\0' || strnlen(name, NAME_LONG) == NAME_LONG)
                        continue;
                array_grow(slots->v, slots->n, slots->cap);
                slots->v[slots->n++] = (struct slot){ rela.r_offset, name };
        }
}

static int by_addr(const void *a, const void *b)
{
        const struct slot *x = a, *y = b;

        return (x->addr > y->addr) - (x->addr < y->addr);
}

static void read_slots(Elf *elf, struct slots *slots)
{
        Elf_Scn *scn = NULL;
        GElf_Shdr shdr;

        while ((scn = elf_nextscn(elf, scn)))
                if (gelf_getshdr(scn, &shdr) && shdr.sh_type == SHT_RELA)
                        add_slots(elf, scn, &shdr, slots);
        if (slots->n > 0)
                qsort(slots->v, slots->n, sizeof *slots->v, by_addr);
}

/* The slot that the entry of LEN bytes at ADDR jumps through: jmp *DISTANCE(%rip) is ff 25 and four bytes, with or
 * without endbr64 and bnd before it. 0 when it does not. */
static uint64_t slot_of(const uint8_t *bytes, size_t len, uint64_t addr)
{
        for (size_t i = 0; i + 6 <= len && i <= 5; i++) {
                int32_t distance;

                if (bytes[i] != 0xff || bytes[i + 1] != 0x25)
                        continue;
                memcpy(&distance, bytes + i + 2, sizeof distance);
                return addr + i + 6 + (uint64_t)(int64_t)distance;
        }
        return 0;
}

static int tell(const struct slots *slots, uint64_t slot, uint64_t addr, uint64_t size,
                int (*fn)(void *ctx, const struct image_symbol *symbol), void *ctx)
{
        const struct slot key = { .addr = slot };
        const struct slot *found = bsearch(&key, slots->v, slots->n, sizeof *slots->v, by_addr);
        struct image_symbol symbol = { .addr = addr, .size = size };
        char *demangled, *name;
        int r;

        if (!found)
                return 0;
        demangled = naming_demangle(found->name);
        name = xasprintf("%s@plt", demangled);
        symbol.name = name;
        r = fn(ctx, &symbol);
        free(name);
        free(demangled);
        return r;
}

int plt_each(struct image *image, int (*fn)(void *ctx, const struct image_symbol *symbol), void *ctx)
{
        /* .plt.got of code without endbr64 has entries of 8 bytes, all others are of 16. Where .plt.sec is, .plt jumps through no slot:
         * its entries only call the dynamic linker, and nothing else jumps there. */
        static const struct { const char *name; size_t entry; } tables[] = { { ".plt", 16 }, { ".plt.sec", 16 }, { ".plt.got", 8 } };
        struct slots slots = { 0 };
        int r = 0;

        for (size_t t = 0; t < array_len(tables) && r == 0; t++) {
                size_t len, entry = tables[t].entry;
                uint64_t addr;
                const uint8_t *bytes = image_section_up_to(image, tables[t].name, TABLE_MAX, &addr, &len);

                if (!bytes)
                        continue;
                if (slots.n == 0)
                        read_slots(image_elf(image), &slots);
                if (slots.n == 0)
                        break;
                if (entry == 8 && bytes[0] != 0xff) /* with endbr64 */
                        entry = 16;
                for (size_t at = 0; at + entry <= len && r == 0; at += entry)
                        r = tell(&slots, slot_of(bytes + at, entry, addr + at), addr + at, entry, fn, ctx);
        }
        free(slots.v);
        return r;
}
