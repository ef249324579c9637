/* image: one ELF file as the process sees it. */
#pragma once

#include "base/err.h"
#include "target/maps.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct image; /* opaque: an open ELF file */

enum image_machine { IMAGE_X86_64, IMAGE_OTHER };

/* Opens the file behind MAPPING of PID: through /proc/PID/map_files, else /proc/PID/root + path, so that deleted
 * files and other mount namespaces work. -ENOEXEC when it is not a well-formed 64-bit ELF file. The caller ends it with
 * image_close(). */
int image_open(pid_t pid, const struct mapping *mapping, struct image **ret);
int image_open_path(const char *path, struct image **ret);

/* Opens PATH as somebody sees it whose "/" is the descriptor ROOT (root_open()). */
int image_open_in(int root, const char *path, struct image **ret);

/* The same from a descriptor of a regular file, which it takes over, also when it fails. */
int image_open_fd(int fd, struct image **ret);

/* The same from SIZE bytes of memory of malloc(), which it takes over, also when it fails. */
int image_open_copy(char *copy, uint64_t size, struct image **ret);

/* The same with the file mapped where image_open_fd() reads each section into memory: for a process that reads much and may die, since
 * a file that is cut short meanwhile raises SIGBUS. image_forget_pages() gives back what was read so far; it is read again from the
 * page cache when it is needed. */
int image_open_fd_mapped(int fd, struct image **ret);
void image_forget_pages(struct image *image); /* accepts NULL */
void image_close(struct image *image); /* accepts NULL */

/* The file's size and when it was last changed, in nanoseconds since 1970; false when there is no file (the vDSO). */
bool image_stamp(const struct image *image, uint64_t *ret_size, uint64_t *ret_mtime_ns);

/* Hexadecimal, "" when there is none. Owned by the image. */
const char *image_build_id(const struct image *image);

/* Where the file was found: its path as it is below image_root(), a descriptor of the directory that is "/" for the process that has
 * it, or ROOT_OWN. A path of NULL: not known. Both are owned by the image. */
const char *image_path(const struct image *image);
int image_root(const struct image *image);
void image_place(struct image *image, int root, const char *path); /* says so; ROOT stays the caller's */

enum image_machine image_machine(const struct image *image);
bool image_has_symtab(const struct image *image); /* not stripped */

/* Load bias of an image one of whose segments is MAPPING: the address of ELF virtual address 0. -EINVAL when the mapping
 * is not of a loadable segment. */
int image_bias(const struct image *image, const struct mapping *mapping, uint64_t *ret);

struct image_symbol {
        const char *name; /* owned by the image */
        uint64_t addr;    /* ELF virtual address */
        uint64_t size;    /* 0 = not known */
        bool global;
};

/* Calls FN for each defined function symbol of .dynsym, then .symtab (IFUNCs are left out). Returns what FN returned if not 0. */
int image_functions(const struct image *image, int (*fn)(void *ctx, const struct image_symbol *symbol), void *ctx);

/* The object (variable) of that name in .dynsym; false when there is none among its first 32,768 symbols. */
bool image_datum(struct image *image, const char *name, struct image_symbol *ret);

/* The bytes of a section of the file, or NULL; *RET_ADDR is its ELF virtual address. Owned by the image. */
const uint8_t *image_section(const struct image *image, const char *name, uint64_t *ret_addr, size_t *ret_len);

/* The same for a section that is small in any honest file: NULL, too, when it is longer than MAX. */
const uint8_t *image_section_up_to(const struct image *image, const char *name, size_t max, uint64_t *ret_addr, size_t *ret_len);

/* The section .eh_frame, found by the program header that points to it when there are no section headers; it may then run on past
 * its end mark. Owned by the image. */
const uint8_t *image_eh_frame(const struct image *image, uint64_t *ret_addr, size_t *ret_len);

/* The address and length in the file of the first program header of TYPE (PT_...); false when there is none. */
bool image_segment(const struct image *image, uint32_t type, uint64_t *ret_addr, uint64_t *ret_len);

/* Opens the same file once more, for use in another thread. The file is the same even if its path is gone by now. */
int image_reopen(const struct image *image, struct image **ret);

/* N bytes at the ELF virtual address ADDR as they are in the file, or NULL. Owned by the image. */
const uint8_t *image_bytes(const struct image *image, uint64_t addr, size_t n);

/* Executable segments: I-th's address and length; false past the last. */
bool image_code(const struct image *image, size_t i, uint64_t *ret_addr, uint64_t *ret_len);
