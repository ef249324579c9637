#include "toy_elf.h"

#include "base/alloc.h"
#include "base/buf.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void align(struct buf *buf)
{
        while (buf->len % 8 != 0)
                buf_putc(buf, '\0');
}

static void add_note(struct buf *buf, const struct toy_elf *elf)
{
        Elf64_Nhdr note = { 4, (uint32_t)elf->id_len, NT_GNU_BUILD_ID };

        buf_add(buf, &note, sizeof note);
        buf_add(buf, "GNU", 4);
        buf_add(buf, elf->id, elf->id_len);
        align(buf);
}

char *toy_elf_make(const struct toy_elf *elf, size_t *ret_len)
{
        Elf64_Ehdr ehdr = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT }, .e_type = ET_DYN,
                            .e_machine = EM_X86_64, .e_version = EV_CURRENT, .e_phoff = sizeof ehdr,
                            .e_ehsize = sizeof ehdr, .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 1,
                            .e_shentsize = sizeof(Elf64_Shdr) };
        Elf64_Phdr phdr = { .p_type = PT_NOTE, .p_offset = sizeof ehdr + sizeof phdr, .p_align = 4 };
        Elf64_Shdr headers[array_len(elf->sections) + 2] = { { 0 } };
        struct buf buf = { 0 }, names = { 0 };
        uint16_t n = 1;

        buf_add(&buf, &ehdr, sizeof ehdr);
        buf_add(&buf, &phdr, sizeof phdr);
        if (elf->id_len > 0)
                add_note(&buf, elf);
        phdr.p_filesz = phdr.p_memsz = buf.len - phdr.p_offset;
        buf_putc(&names, '\0');
        for (size_t i = 0; i < array_len(elf->sections) && elf->sections[i].name; i++) {
                const struct toy_section *section = &elf->sections[i];

                headers[n++] = (Elf64_Shdr){ .sh_name = (uint32_t)names.len, .sh_type = section->type, .sh_addr = section->addr,
                        .sh_offset = buf.len, .sh_size = section->len, .sh_entsize = section->entsize,
                        .sh_flags = section->flags, .sh_link = section->link, .sh_addralign = 1 };
                buf_add(&names, section->name, strlen(section->name) + 1);
                buf_add(&buf, section->bytes, section->len);
                align(&buf);
        }
        headers[n] = (Elf64_Shdr){ .sh_name = (uint32_t)names.len, .sh_type = SHT_STRTAB, .sh_offset = buf.len, .sh_addralign = 1 };
        buf_add(&names, ".shstrtab", sizeof ".shstrtab");
        headers[n].sh_size = names.len;
        ehdr.e_shstrndx = n++;
        buf_add(&buf, names.data, names.len);
        align(&buf);
        ehdr.e_shoff = buf.len;
        ehdr.e_shnum = n;
        buf_add(&buf, headers, n * sizeof *headers);
        memcpy(buf.data, &ehdr, sizeof ehdr);
        memcpy(buf.data + sizeof ehdr, &phdr, sizeof phdr);
        *ret_len = buf.len;
        buf_done(&names);
        return buf_take(&buf);
}

void toy_write(const char *dir, const char *name, const void *bytes, size_t len)
{
        char path[PATH_MAX];
        int fd;

        snprintf(path, sizeof path, "%s/%s", dir, name);
        for (char *slash = path + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
                *slash = '\0';
                mkdir(path, 0700);
        }
        unlink(path);
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 || write(fd, bytes, len) != (ssize_t)len)
                abort();
        close(fd);
}

void toy_elf_write(const struct toy_elf *elf, const char *dir, const char *name)
{
        size_t len;
        char *bytes = toy_elf_make(elf, &len);

        toy_write(dir, name, bytes, len);
        free(bytes);
}
