#include "target/image.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "target/build_id.h"
#include "target/image_elf.h"
#include "target/memory.h"
#include "target/proc.h"
#include "target/root.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* libelf reads with pread() into memory of its own, only what is asked for: a file that is truncated while we look is an
 * error then, where a mapped one would be SIGBUS. */

#define FILE_MAX     ((uint64_t)16 << 30)
#define SECTION_MAX  ((uint64_t)1 << 30)
#define VDSO_MAX     ((size_t)1 << 20)
#define CHUNK        ((uint64_t)64 << 10) /* what image_bytes() reads at a time */
#define PHDRS_MAX    4096

struct image {
        int fd;
        Elf *elf;
        char *copy;    /* of an image that has no file (the vDSO), what ELF reads */
        char *path;    /* NULL: not known */
        int root;
        uint64_t size; /* of the file */
        enum image_machine machine;
        GElf_Phdr *phdrs;
        size_t n_phdrs;
        char build_id[BUILD_ID_TEXT_MAX];
};

static pthread_once_t elf_once = PTHREAD_ONCE_INIT;

static void init_elf(void)
{
        elf_version(EV_CURRENT);
}

static Elf_Scn *find_section(const struct image *image, uint32_t type, const char *name, GElf_Shdr *ret)
{
        Elf_Scn *scn = NULL;
        size_t names;

        if (elf_getshdrstrndx(image->elf, &names) < 0)
                return NULL;
        while ((scn = elf_nextscn(image->elf, scn))) {
                const char *found;

                if (!gelf_getshdr(scn, ret))
                        continue;
                if (!name && ret->sh_type == type)
                        return scn;
                if (name && (found = elf_strptr(image->elf, names, ret->sh_name)) && strcmp(found, name) == 0)
                        return scn;
        }
        return NULL;
}

/* Takes over FD and COPY, also when it fails. MAPPED: libelf maps the file instead of reading sections into memory. */
static int open_elf(int fd, char *copy, uint64_t size, bool mapped, struct image **ret)
{
        struct image *image = xcalloc(1, sizeof *image);
        GElf_Ehdr ehdr;
        size_t n;
        int r = -ENOEXEC;

        pthread_once(&elf_once, init_elf);
        image->fd = fd;
        image->root = ROOT_OWN;
        image->copy = copy;
        image->size = size;
        if (size > FILE_MAX)
                goto out;
        image->elf = copy ? elf_memory(copy, size) : elf_begin(fd, mapped ? ELF_C_READ_MMAP : ELF_C_READ, NULL);
        if (!image->elf || elf_kind(image->elf) != ELF_K_ELF || gelf_getclass(image->elf) != ELFCLASS64)
                goto out;
        if (!gelf_getehdr(image->elf, &ehdr) || ehdr.e_ident[EI_DATA] != ELFDATA2LSB ||
            elf_getphdrnum(image->elf, &n) < 0 || n > PHDRS_MAX)
                goto out;
        image->machine = ehdr.e_machine == EM_X86_64 ? IMAGE_X86_64 : IMAGE_OTHER;
        image->phdrs = xcalloc(n + 1, sizeof *image->phdrs);
        for (size_t i = 0; i < n; i++)
                if (!gelf_getphdr(image->elf, (int)i, &image->phdrs[i]))
                        goto out;
        image->n_phdrs = n;
        build_id_read(image->elf, size, image->build_id);
        *ret = image;
        image = NULL;
        r = 0;
out:
        image_close(image);
        return r;
}

static int open_fd(int fd, bool mapped, struct image **ret)
{
        struct stat st;
        int r = 0;

        if (fstat(fd, &st) < 0)
                r = -errno;
        else if (!S_ISREG(st.st_mode))
                r = -ENOEXEC;
        if (r < 0) {
                close(fd);
                return r;
        }
        return open_elf(fd, NULL, (uint64_t)st.st_size, mapped, ret);
}

int image_open_fd(int fd, struct image **ret)
{
        return open_fd(fd, false, ret);
}

int image_open_fd_mapped(int fd, struct image **ret)
{
        return open_fd(fd, true, ret);
}

void image_forget_pages(struct image *image)
{
        size_t size;
        char *base = image ? elf_rawfile(image->elf, &size) : NULL;

        if (base && image->fd >= 0 && (uintptr_t)base % (size_t)sysconf(_SC_PAGESIZE) == 0)
                madvise(base, size, MADV_DONTNEED);
}

int image_open_copy(char *copy, uint64_t size, struct image **ret)
{
        return open_elf(-1, copy, size, false, ret);
}

static int open_path(int root, const char *path, uint64_t inode, struct image **ret)
{
        int fd = root_open(root, path, inode);

        return fd < 0 ? fd : image_open_fd(fd, ret);
}

int image_open_in(int root, const char *path, struct image **ret)
{
        struct image *image;
        int r = open_path(root, path, 0, &image);

        if (r < 0)
                return r;
        image_place(image, root, path);
        *ret = image;
        return 0;
}

void image_place(struct image *image, int root, const char *path)
{
        if (image->root >= 0)
                close(image->root);
        free(image->path);
        image->path = xstrdup(path);
        image->root = root < 0 ? ROOT_OWN : fcntl(root, F_DUPFD_CLOEXEC, 0);
}

/* A process in a container has another "/" than we; kept open, since the process may end before its files are named. Paths of
 * maps are as we see them where we can (chroot), else as it sees them. */
static void place_in_process(struct image *image, pid_t pid, const char *mapped)
{
        static const char deleted[] = " (deleted)";
        size_t len = strlen(mapped), n;
        char at[PROC_PATH_MAX], root[PATH_MAX], *path;
        struct stat theirs, ours;
        ssize_t r;
        int fd;

        if (mapped[0] != '/')
                return;
        snprintf(at, sizeof at, "/proc/%d/root", (int)pid);
        r = readlink(at, root, sizeof root - 1);
        n = r > 1 ? (size_t)r : 0;
        if (n > 0 && (strncmp(mapped, root, n) != 0 || mapped[n] != '/'))
                n = 0;
        if (len > sizeof deleted - 1 && strcmp(mapped + len - (sizeof deleted - 1), deleted) == 0)
                len -= sizeof deleted - 1;
        path = xstrndup(mapped + n, len > n ? len - n : 0);
        fd = open(at, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0 && fstat(fd, &theirs) == 0 && stat("/", &ours) == 0 && theirs.st_dev == ours.st_dev &&
            theirs.st_ino == ours.st_ino) {
                close(fd);
                fd = ROOT_OWN;
        }
        image_place(image, fd, path);
        if (fd >= 0)
                close(fd);
        free(path);
}

/* The kernel's own code page is an ELF file that exists in memory only. */
static int open_vdso(pid_t pid, const struct mapping *mapping, struct image **ret)
{
        size_t size = (size_t)(mapping->end - mapping->start);
        char *copy;
        int fd, r;

        if (size > VDSO_MAX)
                return -ENOEXEC;
        fd = memory_open(pid, 0);
        if (fd < 0)
                return fd;
        copy = xmalloc(size);
        r = memory_read(fd, mapping->start, copy, size);
        memory_close(fd);
        if (r < 0) {
                free(copy);
                return r;
        }
        return open_elf(-1, copy, size, false, ret);
}

static int open_mapped(pid_t pid, const struct mapping *mapping, struct image **ret)
{
        char path[PROC_PATH_MAX + PATH_MAX];
        int r;

        snprintf(path, sizeof path, "/proc/%d/map_files/%llx-%llx", (int)pid, (unsigned long long)mapping->start,
                 (unsigned long long)mapping->end);
        r = open_path(ROOT_OWN, path, 0, ret);
        if (r == 0 || r == -ENOEXEC)
                return r;
        if (mapping->path[0] != '/')
                return r;
        /* map_files needs privileges; by path we must make sure that it is still the same file. */
        snprintf(path, sizeof path, "/proc/%d/root%s", (int)pid, mapping->path);
        r = open_path(ROOT_OWN, path, mapping->inode, ret);
        if (r == 0 || r == -ENOEXEC)
                return r;
        snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
        if (open_path(ROOT_OWN, path, mapping->inode, ret) == 0)
                return 0;
        return r;
}

int image_open(pid_t pid, const struct mapping *mapping, struct image **ret)
{
        struct image *image;
        int r;

        if (strcmp(mapping->path, "[vdso]") == 0)
                return open_vdso(pid, mapping, ret);
        r = proc_live_thread(pid, &pid); /* a leader that has ended has no files any more */
        if (r == 0)
                r = open_mapped(pid, mapping, &image);
        if (r < 0)
                return r;
        place_in_process(image, pid, mapping->path);
        *ret = image;
        return 0;
}

int image_open_path(const char *path, struct image **ret)
{
        return image_open_in(ROOT_OWN, path, ret);
}

static int reopen(const struct image *image, struct image **ret)
{
        char path[64];

        if (image->copy) {
                char *copy = xmalloc(image->size);

                memcpy(copy, image->copy, image->size);
                return open_elf(-1, copy, image->size, false, ret);
        }
        snprintf(path, sizeof path, "/proc/self/fd/%d", image->fd);
        return open_path(ROOT_OWN, path, 0, ret);
}

int image_reopen(const struct image *image, struct image **ret)
{
        struct image *again;
        int r = reopen(image, &again);

        if (r < 0)
                return r;
        if (image->path)
                image_place(again, image->root, image->path);
        *ret = again;
        return 0;
}

void image_close(struct image *image)
{
        if (!image)
                return;
        elf_end(image->elf);
        if (image->fd >= 0)
                close(image->fd);
        if (image->root >= 0)
                close(image->root);
        free(image->path);
        free(image->phdrs);
        free(image->copy);
        free(image);
}

const char *image_build_id(const struct image *image)
{
        return image->build_id;
}

const char *image_path(const struct image *image)
{
        return image->path;
}

int image_root(const struct image *image)
{
        return image->root;
}

enum image_machine image_machine(const struct image *image)
{
        return image->machine;
}

Elf *image_elf(struct image *image)
{
        return image->elf;
}

int image_fd(const struct image *image)
{
        return image->fd;
}

bool image_stamp(const struct image *image, uint64_t *ret_size, uint64_t *ret_mtime_ns)
{
        struct stat st;

        if (image->fd < 0 || fstat(image->fd, &st) < 0 || st.st_size < 0 || st.st_mtim.tv_sec < 0)
                return false;
        *ret_size = (uint64_t)st.st_size;
        *ret_mtime_ns = (uint64_t)st.st_mtim.tv_sec * NS_PER_S + (uint64_t)st.st_mtim.tv_nsec;
        return true;
}

bool image_has_section(const struct image *image, const char *name)
{
        GElf_Shdr shdr;

        return find_section(image, SHT_NULL, name, &shdr) != NULL;
}

bool image_has_debug(const struct image *image)
{
        return image_has_section(image, ".debug_info") || image_has_section(image, ".zdebug_info");
}

bool image_has_symtab(const struct image *image)
{
        GElf_Shdr shdr;

        return find_section(image, SHT_SYMTAB, NULL, &shdr) && shdr.sh_size > 0;
}

/* A segment is mapped from the page its bytes begin in, and the loader may have split it (RELRO). */
static bool holds(const GElf_Phdr *phdr, uint64_t offset)
{
        uint64_t from = phdr->p_offset & ~4095ull;

        return phdr->p_type == PT_LOAD && offset >= from && offset - from < phdr->p_filesz + (phdr->p_offset - from);
}

int image_bias(const struct image *image, const struct mapping *mapping, uint64_t *ret)
{
        const GElf_Phdr *best = NULL;
        int best_score = -1;

        if (image->copy) {
                for (size_t i = 0; i < image->n_phdrs; i++)
                        if (image->phdrs[i].p_type == PT_LOAD) {
                                *ret = mapping->start + image->phdrs[i].p_offset - image->phdrs[i].p_vaddr;
                                return 0;
                        }
                return -EINVAL;
        }
        /* Two segments may share a page of the file; then the one with the same permissions is meant. */
        for (size_t i = 0; i < image->n_phdrs; i++) {
                const GElf_Phdr *phdr = &image->phdrs[i];
                int score;

                if (!holds(phdr, mapping->offset))
                        continue;
                score = 2 * (((phdr->p_flags & PF_X) != 0) == mapping->exec) +
                        ((phdr->p_offset & ~4095ull) == mapping->offset);
                if (score > best_score) {
                        best_score = score;
                        best = phdr;
                }
        }
        if (!best)
                return -EINVAL;
        *ret = mapping->start - mapping->offset + best->p_offset - best->p_vaddr;
        return 0;
}

static int walk_symbols(const struct image *image, Elf_Scn *scn, const GElf_Shdr *shdr,
                        int (*fn)(void *ctx, const struct image_symbol *symbol), void *ctx)
{
        Elf_Data *data;
        size_t n;

        if (shdr->sh_size > SECTION_MAX || shdr->sh_entsize != sizeof(Elf64_Sym))
                return 0;
        data = elf_getdata(scn, NULL);
        n = data ? data->d_size / sizeof(Elf64_Sym) : 0;
        for (size_t i = 0; i < n && i < INT_MAX; i++) {
                struct image_symbol symbol;
                GElf_Sym sym;
                int r;

                if (!gelf_getsym(data, (int)i, &sym) || GELF_ST_TYPE(sym.st_info) != STT_FUNC ||
                    sym.st_shndx == SHN_UNDEF || sym.st_value == 0)
                        continue;
                symbol.name = elf_strptr(image->elf, shdr->sh_link, sym.st_name);
                if (!symbol.name || symbol.name[0] == '\0')
                        continue;
                symbol.addr = sym.st_value;
                symbol.size = sym.st_size;
                symbol.global = GELF_ST_BIND(sym.st_info) != STB_LOCAL;
                r = fn(ctx, &symbol);
                if (r != 0)
                        return r;
        }
        return 0;
}

int image_functions(const struct image *image, int (*fn)(void *ctx, const struct image_symbol *symbol), void *ctx)
{
        static const uint32_t types[] = { SHT_DYNSYM, SHT_SYMTAB };

        for (size_t i = 0; i < array_len(types); i++) {
                GElf_Shdr shdr;
                Elf_Scn *scn = find_section(image, types[i], NULL, &shdr);
                int r = scn ? walk_symbols(image, scn, &shdr, fn, ctx) : 0;

                if (r != 0)
                        return r;
        }
        return 0;
}

const uint8_t *image_section_up_to(const struct image *image, const char *name, size_t max, uint64_t *ret_addr, size_t *ret_len)
{
        GElf_Shdr shdr;
        Elf_Data *data;
        Elf_Scn *scn;

        scn = find_section(image, SHT_NULL, name, &shdr);
        if (!scn || shdr.sh_type == SHT_NOBITS || shdr.sh_size == 0 || shdr.sh_size > max ||
            (shdr.sh_flags & SHF_COMPRESSED))
                return NULL;
        data = elf_rawdata(scn, NULL);
        if (!data || !data->d_buf || data->d_size == 0)
                return NULL;
        *ret_addr = shdr.sh_addr;
        *ret_len = data->d_size;
        return data->d_buf;
}

const uint8_t *image_section(const struct image *image, const char *name, uint64_t *ret_addr, size_t *ret_len)
{
        return image_section_up_to(image, name, SECTION_MAX, ret_addr, ret_len);
}

const uint8_t *image_bytes(const struct image *image, uint64_t addr, size_t n)
{
        for (size_t i = 0; i < image->n_phdrs; i++) {
                const GElf_Phdr *phdr = &image->phdrs[i];
                uint64_t offset, from, to;
                Elf_Data *data;

                if (phdr->p_type != PT_LOAD || addr < phdr->p_vaddr || addr - phdr->p_vaddr >= phdr->p_filesz ||
                    n > phdr->p_filesz - (addr - phdr->p_vaddr))
                        continue;
                offset = phdr->p_offset + (addr - phdr->p_vaddr);
                if (n == 0 || offset < phdr->p_offset || offset >= image->size || n > image->size - offset)
                        continue;
                /* libelf keeps every piece until the end, so pieces are aligned: in all they are as large as the file. */
                from = offset & ~(CHUNK - 1);
                to = (offset + n + CHUNK - 1) & ~(CHUNK - 1);
                if (to > image->size)
                        to = image->size;
                data = elf_getdata_rawchunk(image->elf, (int64_t)from, to - from, ELF_T_BYTE);
                return data ? (const uint8_t *)data->d_buf + (offset - from) : NULL;
        }
        return NULL;
}

bool image_segment(const struct image *image, uint32_t type, uint64_t *ret_addr, uint64_t *ret_len)
{
        for (size_t i = 0; i < image->n_phdrs; i++) {
                if (image->phdrs[i].p_type != type)
                        continue;
                *ret_addr = image->phdrs[i].p_vaddr;
                *ret_len = image->phdrs[i].p_filesz;
                return true;
        }
        return false;
}

/* How many bytes of the file stand behind ADDR in its segment. */
static uint64_t bytes_after(const struct image *image, uint64_t addr)
{
        for (size_t i = 0; i < image->n_phdrs; i++) {
                const GElf_Phdr *phdr = &image->phdrs[i];

                if (phdr->p_type == PT_LOAD && addr >= phdr->p_vaddr && addr - phdr->p_vaddr < phdr->p_filesz)
                        return phdr->p_filesz - (addr - phdr->p_vaddr);
        }
        return 0;
}

const uint8_t *image_eh_frame(const struct image *image, uint64_t *ret_addr, size_t *ret_len)
{
        const uint8_t *bytes = image_section(image, ".eh_frame", ret_addr, ret_len);
        uint64_t header, header_len, len;
        int32_t distance;

        if (bytes)
                return bytes;
        /* .eh_frame_hdr: version 1, then the encoding of the pointer to .eh_frame: everybody uses pcrel sdata4 (LSB 5.0, 10.6.2) */
        if (!image_segment(image, PT_GNU_EH_FRAME, &header, &header_len) || header_len < 8)
                return NULL;
        bytes = image_bytes(image, header, 8);
        if (!bytes || bytes[0] != 1 || bytes[1] != 0x1b)
                return NULL;
        memcpy(&distance, bytes + 4, sizeof distance);
        *ret_addr = header + 4 + (uint64_t)(int64_t)distance;
        len = bytes_after(image, *ret_addr);
        if (len == 0 || len > SECTION_MAX)
                return NULL;
        *ret_len = (size_t)len;
        return image_bytes(image, *ret_addr, (size_t)len);
}

bool image_code(const struct image *image, size_t i, uint64_t *ret_addr, uint64_t *ret_len)
{
        for (size_t p = 0; p < image->n_phdrs; p++) {
                const GElf_Phdr *phdr = &image->phdrs[p];

                if (phdr->p_type != PT_LOAD || !(phdr->p_flags & PF_X) || phdr->p_memsz == 0)
                        continue;
                if (i-- > 0)
                        continue;
                *ret_addr = phdr->p_vaddr;
                *ret_len = phdr->p_memsz;
                return true;
        }
        return false;
}
