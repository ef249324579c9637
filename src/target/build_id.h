/* build_id: the number that the linker gave an ELF file (NT_GNU_BUILD_ID), the same in the program and in all that
 * belongs to it. */
#pragma once

#include <libelf.h>
#include <stdint.h>

enum { BUILD_ID_MAX = 64, BUILD_ID_TEXT_MAX = 2 * BUILD_ID_MAX + 1 }; /* bytes; 20 are usual */

/* Writes it to RET as hexadecimal digits, "" when there is none. SIZE: bytes of the file. */
void build_id_read(Elf *elf, uint64_t size, char ret[BUILD_ID_TEXT_MAX]);
