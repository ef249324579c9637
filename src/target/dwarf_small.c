#include "target/dwarf_small.h"

#include <string.h>

static void pad(struct buf *buf, size_t n)
{
        while (n-- > 0)
                buf_putc(buf, '\0');
}

void dwarf_small_begin(struct dwarf_small *small)
{
        small->n = 1;
        pad(&small->names, 1);
        pad(&small->bytes, sizeof(Elf64_Ehdr));
}

static void put_named(struct dwarf_small *small, size_t name, uint32_t type, const void *bytes, size_t len)
{
        pad(&small->bytes, 16 - small->bytes.len % 16);
        small->headers[small->n++] = (Elf64_Shdr){ .sh_name = (uint32_t)name, .sh_type = type, .sh_offset = small->bytes.len,
                                                   .sh_size = len, .sh_addralign = 1 };
        buf_add(&small->bytes, bytes, len);
}

void dwarf_small_put(struct dwarf_small *small, const char *name, const void *bytes, size_t len)
{
        if (len == 0)
                return;
        put_named(small, small->names.len, SHT_PROGBITS, bytes, len);
        buf_add(&small->names, name, strlen(name) + 1);
}

struct image *dwarf_small_finish(struct dwarf_small *small)
{
        Elf64_Ehdr ehdr = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
                            .e_type = ET_REL, .e_machine = EM_X86_64, .e_version = EV_CURRENT, .e_ehsize = sizeof ehdr,
                            .e_shentsize = sizeof(Elf64_Shdr) };
        struct image *image = NULL;
        size_t len;

        len = small->names.len;
        buf_add(&small->names, ".shstrtab", sizeof ".shstrtab");
        put_named(small, len, SHT_STRTAB, small->names.data, small->names.len);
        pad(&small->bytes, 16 - small->bytes.len % 16);
        ehdr.e_shstrndx = (uint16_t)(small->n - 1);
        ehdr.e_shoff = small->bytes.len;
        ehdr.e_shnum = small->n;
        buf_add(&small->bytes, small->headers, small->n * sizeof small->headers[0]);
        memcpy(small->bytes.data, &ehdr, sizeof ehdr);
        len = small->bytes.len;
        buf_done(&small->names);
        return image_open_copy(buf_take(&small->bytes), len, &image) == 0 ? image : NULL;
}
