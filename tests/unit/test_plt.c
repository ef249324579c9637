#include "unit.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "target/plt.h"
#include "toy_elf.h"

#include <stdlib.h>
#include <string.h>

enum { SLOT = 0x4000, PLT = 0x1000, SEC = 0x2000, GOT = 0x3000 };

static const char strings[] = "\0malloc\0_Znwm\0free";
static const Elf64_Sym symbols[] = { { 0 }, { .st_name = 1 }, { .st_name = 8 }, { .st_name = 14 }, { .st_name = 4096 } };
static const Elf64_Rela relocations[] = {
        { SLOT, ELF64_R_INFO(1, R_X86_64_JUMP_SLOT), 0 },      { SLOT + 8, ELF64_R_INFO(2, R_X86_64_JUMP_SLOT), 0 },
        { SLOT + 16, ELF64_R_INFO(3, R_X86_64_GLOB_DAT), 0 },  { SLOT + 24, ELF64_R_INFO(4, R_X86_64_JUMP_SLOT), 0 },
        { SLOT + 32, ELF64_R_INFO(99, R_X86_64_JUMP_SLOT), 0 }, { SLOT + 40, ELF64_R_INFO(0, R_X86_64_IRELATIVE), 64 },
};

/* Code of an entry at ADDR, SIZE bytes, that jumps through SLOT at ADDR + BEFORE. */
static void entry(struct buf *buf, const char *before, size_t n, uint64_t addr, size_t size, uint64_t slot)
{
        int32_t distance = (int32_t)(slot - (addr + n + 6));

        buf_add(buf, before, n);
        buf_add(buf, "\xff\x25", 2);
        buf_add(buf, &distance, sizeof distance);
        for (size_t i = n + 6; i < size; i++)
                buf_putc(buf, '\x90');
}

static int list(void *ctx, const struct image_symbol *symbol)
{
        buf_printf(ctx, "%llx %llu %s\n", (unsigned long long)symbol->addr, (unsigned long long)symbol->size, symbol->name);
        return 0;
}

static char *names_of(const struct toy_elf *elf)
{
        struct image *image = NULL;
        struct buf found = { 0 };
        size_t len;
        char *bytes = toy_elf_make(elf, &len);

        assert_int_equal(image_open_copy(bytes, len, &image), 0);
        assert_int_equal(plt_each(image, list, &found), 0);
        image_close(image);
        return buf_take(&found);
}

static void entries_are_named_by_the_slot_that_they_jump_through(void **state)
{
        static const char endbr[] = "\xf3\x0f\x1e\xfa", bnd[] = "\xf3\x0f\x1e\xfa\xf2";
        struct buf plt = { 0 }, sec = { 0 }, got = { 0 };
        struct toy_elf elf = { { 1, 2 }, 2, { { ".dynsym", SHT_DYNSYM, symbols, sizeof symbols, 0, sizeof *symbols, 0, 2 },
                                              { ".dynstr", SHT_STRTAB, strings, sizeof strings, 0, 0, 0, 0 },
                                              { ".rela.plt", SHT_RELA, relocations, sizeof relocations, 0, sizeof *relocations, 0, 1 } } };
        char *found;

        entry(&plt, "\xff\x35\0\0\0\0", 6, PLT, 16, SLOT + 800); /* the first asks the dynamic linker */
        entry(&plt, "", 0, PLT + 16, 16, SLOT);
        entry(&plt, "", 0, PLT + 32, 16, SLOT + 32); /* a symbol that is not there */
        entry(&plt, "", 0, PLT + 48, 16, SLOT + 24); /* a name that is not there */
        entry(&plt, "", 0, PLT + 64, 16, SLOT + 40); /* an ifunc: no symbol */
        entry(&sec, endbr, 4, SEC, 16, SLOT + 8);
        entry(&sec, bnd, 5, SEC + 16, 16, SLOT);
        buf_add(&sec, "\xff\x25", 2); /* cut short */
        entry(&got, "", 0, GOT, 8, SLOT + 16);
        entry(&got, "", 0, GOT + 8, 8, SLOT);
        elf.sections[3] = (struct toy_section){ ".plt", SHT_PROGBITS, plt.data, plt.len, PLT, 0, 0, 0 };
        elf.sections[4] = (struct toy_section){ ".plt.sec", SHT_PROGBITS, sec.data, sec.len, SEC, 0, 0, 0 };
        elf.sections[5] = (struct toy_section){ ".plt.got", SHT_PROGBITS, got.data, got.len, GOT, 0, 0, 0 };
        found = names_of(&elf);
        assert_string_equal(found, "1010 16 malloc@plt\n2000 16 operator new@plt\n2010 16 malloc@plt\n"
                                   "3000 8 free@plt\n3008 8 malloc@plt\n");
        free(found);
        elf.sections[2].link = 77; /* no such section */
        found = names_of(&elf);
        assert_string_equal(found, "");
        free(found);
        buf_done(&plt);
        buf_done(&sec);
        buf_done(&got);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(entries_are_named_by_the_slot_that_they_jump_through),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
