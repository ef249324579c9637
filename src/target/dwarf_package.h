/* dwarf_package: where one unit of split DWARF stands in a file of many (.dwp), and its strings. All bytes are
 * hostile. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DWARF_PART_MAX ((size_t)256 << 20) /* bytes of one section of one unit */

/* A number of SIZE bytes (at most 8), little-endian, aligned or not. */
uint64_t dwarf_read(const uint8_t *bytes, size_t size);

/* Which part of SECTION (a DW_SECT_ number of VERSION 2 or 5, whose meanings differ) of a package belongs to the
 * unit ID. INDEX is the section .debug_cu_index: DWARF 5, 7.3.5; version 2 is what GNU has for DWARF 4. False when
 * there is none. */
bool dwarf_package_find(const uint8_t *index, size_t len, uint64_t id, unsigned section, uint64_t *ret_offset,
                      uint64_t *ret_size);

/* Copies a table of string offsets (of DWARF VERSION) and the strings of STRINGS that it refers to. The caller frees
 * both, NULL when there is nothing; false when they are too large. */
struct dwarf_strings {
        char *offsets, *strings;
        size_t offsets_len, strings_len;
};
bool dwarf_package_strings(const uint8_t *offsets, size_t len, unsigned version, const uint8_t *strings, size_t strings_len,
                         struct dwarf_strings *ret);
