/* toy_elf: small ELF files made for a test. */
#pragma once

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

struct toy_section {
        const char *name;
        uint32_t type;
        const void *bytes;
        size_t len;
        uint64_t addr, entsize, flags;
        uint32_t link;
};

struct toy_elf {
        uint8_t id[20];
        size_t id_len;                   /* of the build id; 0 = none */
        struct toy_section sections[12]; /* numbered from 1 as in the file, up to the first without a name */
};

/* The bytes of such a file. The caller frees them. */
char *toy_elf_make(const struct toy_elf *elf, size_t *ret_len);

/* Writes it to DIR/NAME, with the folders that this needs. */
void toy_elf_write(const struct toy_elf *elf, const char *dir, const char *name);
void toy_write(const char *dir, const char *name, const void *bytes, size_t len);
