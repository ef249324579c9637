#include "target/image.h"

#include "target/image_elf.h"

#include <gelf.h>
#include <limits.h>
#include <string.h>

/* Programs that export more (node: 75,000, whose names take 10 MiB) are not searched to the end. */
enum { SYMBOLS_MAX = 1 << 15 };

static bool find_in(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, const char *name, struct image_symbol *ret)
{
        Elf_Data *data = header->sh_entsize == sizeof(Elf64_Sym) ? elf_getdata(section, NULL) : NULL;
        size_t n = data ? data->d_size / sizeof(Elf64_Sym) : 0;

        for (size_t i = 0; i < n && i < SYMBOLS_MAX; i++) {
                const char *found;
                GElf_Sym sym;

                if (!gelf_getsym(data, (int)i, &sym) || GELF_ST_TYPE(sym.st_info) != STT_OBJECT ||
                    sym.st_shndx == SHN_UNDEF || sym.st_value == 0)
                        continue;
                found = elf_strptr(elf, header->sh_link, sym.st_name);
                if (!found || strcmp(found, name) != 0)
                        continue;
                *ret = (struct image_symbol){ found, sym.st_value, sym.st_size,
                                               GELF_ST_BIND(sym.st_info) != STB_LOCAL };
                return true;
        }
        return false;
}

bool image_datum(struct image *image, const char *name, struct image_symbol *ret)
{
        Elf *elf = image_elf(image);
        GElf_Shdr header;

        for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section)) != NULL;)
                if (gelf_getshdr(section, &header) && header.sh_type == SHT_DYNSYM)
                        return find_in(elf, section, &header, name, ret);
        return false;
}
