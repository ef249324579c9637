#include "target/build_id.h"

#include <gelf.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { NOTES_MAX = 64 << 10, PARTS_MAX = 65536 }; /* bytes of one part of the file; segments or sections looked at */

static bool take(Elf_Data *notes, char *ret)
{
        size_t at = 0, name, desc;
        GElf_Nhdr nhdr;

        while (notes && notes->d_buf && (at = gelf_getnote(notes, at, &nhdr, &name, &desc)) > 0) {
                const uint8_t *bytes = notes->d_buf;

                if (nhdr.n_type != NT_GNU_BUILD_ID || nhdr.n_namesz != 4 || name > notes->d_size - 4 ||
                    memcmp(bytes + name, "GNU", 4) != 0 || nhdr.n_descsz > BUILD_ID_MAX ||
                    nhdr.n_descsz > notes->d_size - desc)
                        continue;
                for (size_t b = 0; b < nhdr.n_descsz; b++)
                        snprintf(ret + 2 * b, 3, "%02x", bytes[desc + b]);
                return true;
        }
        return false;
}

void build_id_read(Elf *elf, uint64_t size, char ret[BUILD_ID_TEXT_MAX])
{
        Elf_Scn *scn = NULL;
        size_t n = 0;

        ret[0] = '\0';
        if (elf_getphdrnum(elf, &n) < 0)
                return;
        for (size_t i = 0; i < n && i < PARTS_MAX; i++) {
                GElf_Phdr phdr;

                if (gelf_getphdr(elf, (int)i, &phdr) && phdr.p_type == PT_NOTE && phdr.p_filesz <= NOTES_MAX &&
                    phdr.p_offset <= size && phdr.p_filesz <= size - phdr.p_offset &&
                    take(elf_getdata_rawchunk(elf, (int64_t)phdr.p_offset, phdr.p_filesz,
                                              phdr.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR), ret))
                        return;
        }
        /* What only holds debug information (dwz -m) need not have program headers. */
        for (size_t i = 0; i < PARTS_MAX && (scn = elf_nextscn(elf, scn)); i++) {
                GElf_Shdr shdr;

                if (gelf_getshdr(scn, &shdr) && shdr.sh_type == SHT_NOTE && shdr.sh_size <= NOTES_MAX &&
                    take(elf_getdata(scn, NULL), ret))
                        return;
        }
}
