#include "target/dwarf_package.h"

#include "base/alloc.h"
#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

uint64_t dwarf_read(const uint8_t *bytes, size_t size)
{
        uint64_t value = 0;

        memcpy(&value, bytes, size);
        return value;
}

bool dwarf_package_find(const uint8_t *index, size_t len, uint64_t id, unsigned section, uint64_t *ret_offset,
                      uint64_t *ret_size)
{
        uint64_t columns, units, slots, row = 0, at = 16, cells;

        if (len < at)
                return false;
        columns = dwarf_read(index + 4, 4);
        units = dwarf_read(index + 8, 4);
        slots = dwarf_read(index + 12, 4);
        cells = columns * units;
        if (columns > 16 || units > UINT32_MAX / 16 || slots > len / 12 ||
            at + slots * 12 + columns * 4 + cells * 8 > len)
                return false;
        for (uint64_t slot = 0; slot < slots && row == 0; slot++)
                if (dwarf_read(index + at + slot * 8, 8) == id)
                        row = dwarf_read(index + at + slots * 8 + slot * 4, 4);
        if (row == 0 || row > units)
                return false;
        at += slots * 12;
        for (uint64_t column = 0; column < columns; column++) {
                uint64_t cell = at + columns * 4 + ((row - 1) * columns + column) * 4;

                if (dwarf_read(index + at + column * 4, 4) != section)
                        continue;
                *ret_offset = dwarf_read(index + cell, 4);
                *ret_size = dwarf_read(index + cell + cells * 4, 4);
                return true;
        }
        return false;
}

bool dwarf_package_strings(const uint8_t *offsets, size_t len, unsigned version, const uint8_t *strings, size_t strings_len,
                         struct dwarf_strings *ret)
{
        struct buf copied = { 0 };
        size_t at = 0, width = 4;

        if (len > DWARF_PART_MAX)
                return false;
        *ret = (struct dwarf_strings){ .offsets = xmalloc(len + 1), .offsets_len = len };
        memcpy(ret->offsets, offsets, len);
        if (version >= 5) { /* a header: length, version, padding */
                width = len >= 4 && dwarf_read(offsets, 4) == UINT32_MAX ? 8 : 4;
                at = width == 8 ? 16 : 8;
        }
        buf_putc(&copied, '\0');
        for (; at < len && len - at >= width && copied.len < DWARF_PART_MAX; at += width) {
                uint64_t from = dwarf_read(offsets + at, width), to = 0;
                const uint8_t *end = from < strings_len ? memchr(strings + from, '\0', strings_len - from) : NULL;

                if (end && copied.len + (size_t)(end + 1 - (strings + from)) <= DWARF_PART_MAX) {
                        to = copied.len;
                        buf_add(&copied, strings + from, (size_t)(end + 1 - (strings + from)));
                }
                memcpy(ret->offsets + at, &to, width);
        }
        ret->strings_len = copied.len;
        ret->strings = buf_take(&copied);
        return true;
}
