#include "target/python_code.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/text.h"
#include "target/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
        NAME_MAX_CHARS = 1024, FILE_MAX_CHARS = 4096, LINES_MAX = 1 << 20,
        OB_TYPE = 8, OB_SIZE = 16, /* of any object; strings have their length in the same place */
        STRING_STATE = 32,         /* bits: 2 interned, 3 kind, 1 compact, 1 ascii (Include/cpython/unicodeobject.h) */
        BYTES_DATA = 32,
        LAST_LINE = 1 << 30,
};

static uint64_t word_at(const uint8_t *head, uint32_t offset)
{
        uint64_t word;

        memcpy(&word, head + offset, sizeof word);
        return word;
}

static uint32_t half_at(const uint8_t *head, uint32_t offset)
{
        uint32_t half;

        memcpy(&half, head + offset, sizeof half);
        return half;
}

/* ---- strings and bytes ---- */

static void add_char(struct buf *buf, uint32_t c)
{
        char text[4];

        if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) /* half a pair stands for a byte that was no UTF-8 */
                c = 0xfffd;
        buf_add(buf, text, text_encode(c, text));
}

/* The string at ADDR, cut after MAX characters; NULL when there is none. The caller frees it. */
static char *read_string(const struct python *python, int memory, uint64_t addr, size_t max)
{
        uint8_t head[PYTHON_STRING_HEAD], chars[4 * FILE_MAX_CHARS];
        struct buf buf = { 0 };
        uint64_t length, data;
        uint32_t state, kind;

        if (memory_read(memory, addr, head, python->layout.compact_size) < 0 ||
            word_at(head, OB_TYPE) != python->string_type)
                return NULL;
        length = word_at(head, OB_SIZE);
        state = half_at(head, STRING_STATE);
        kind = state >> 2 & 7;
        if (!(state >> 5 & 1) || (kind != 1 && kind != 2 && kind != 4) || length > INT32_MAX)
                return NULL;
        if (length > max)
                length = max;
        data = addr + (state >> 6 & 1 ? python->layout.ascii_size : python->layout.compact_size);
        if (memory_read(memory, data, chars, length * kind) < 0)
                return NULL;
        for (size_t i = 0; i < length; i++) {
                uint32_t c = chars[i];

                if (kind == 2)
                        c = (uint32_t)chars[2 * i + 1] << 8 | chars[2 * i];
                else if (kind == 4)
                        c = half_at(chars, (uint32_t)(4 * i));
                add_char(&buf, c);
        }
        return buf_take(&buf);
}

/* The bytes object at ADDR; NULL when there is none, also when it is too long. The caller frees it. */
static uint8_t *read_bytes(const struct python *python, int memory, uint64_t addr, size_t *ret_n)
{
        uint8_t head[BYTES_DATA], *data;
        uint64_t n;

        if (memory_read(memory, addr, head, sizeof head) < 0 || word_at(head, OB_TYPE) != python->bytes_type)
                return NULL;
        n = word_at(head, OB_SIZE);
        if (n > LINES_MAX)
                return NULL;
        data = xmalloc(n + 1);
        if (memory_read(memory, addr + BYTES_DATA, data, n) < 0) {
                free(data);
                return NULL;
        }
        *ret_n = n;
        return data;
}

/* ---- code objects ---- */

/* The first bytes of the object at ADDR, if it is a code object. */
static int read_head(const struct python *python, int memory, uint64_t addr, uint8_t ret[PYTHON_CODE_HEAD])
{
        const struct python_layout *layout = &python->layout;
        uint32_t n = (layout->bytes > layout->lines ? layout->bytes : layout->lines) + 8;

        if (addr % 8 != 0 || n > PYTHON_CODE_HEAD || memory_read(memory, addr, ret, n) < 0)
                return -EFAULT;
        return word_at(ret, OB_TYPE) == python->code_type ? 0 : -ENOENT;
}

static void marks_of(const struct python_layout *layout, const uint8_t head[PYTHON_CODE_HEAD],
                     uint64_t ret[PYTHON_CODE_MARKS])
{
        ret[0] = word_at(head, layout->name);
        ret[1] = word_at(head, layout->file);
        ret[2] = word_at(head, layout->lines);
        ret[3] = half_at(head, layout->first_line);
        ret[4] = layout->qualname == PYTHON_NONE ? word_at(head, layout->bytes) : word_at(head, layout->qualname);
}

bool python_code_is_same(const struct python *python, int memory, uint64_t addr, const struct python_code *code)
{
        uint64_t marks[PYTHON_CODE_MARKS];
        uint8_t head[PYTHON_CODE_HEAD];

        if (read_head(python, memory, addr, head) < 0)
                return false;
        marks_of(&python->layout, head, marks);
        return memcmp(marks, code->marks, sizeof marks) == 0;
}

int python_code_read(const struct python *python, int memory, uint64_t addr, struct python_code *ret)
{
        const struct python_layout *layout = &python->layout;
        struct python_code code = { 0 };
        uint8_t head[PYTHON_CODE_HEAD];
        uint32_t name = layout->qualname == PYTHON_NONE ? layout->name : layout->qualname;
        int r = read_head(python, memory, addr, head);

        if (r < 0)
                return r;
        marks_of(layout, head, code.marks);
        code.first_line = half_at(head, layout->first_line);
        code.bytes = addr + layout->bytes;
        if (layout->line_format != PYTHON_LINES_LOCATIONS)
                code.bytes = word_at(head, layout->bytes) + BYTES_DATA;
        code.name = read_string(python, memory, word_at(head, name), NAME_MAX_CHARS);
        code.file = read_string(python, memory, word_at(head, layout->file), FILE_MAX_CHARS);
        code.lines = read_bytes(python, memory, word_at(head, layout->lines), &code.n_lines);
        /* Still there? Else the strings may be anybody's. */
        if (!code.name || !code.file || !code.lines || !python_code_is_same(python, memory, addr, &code)) {
                python_code_done(&code);
                return -ENOENT;
        }
        *ret = code;
        return 0;
}

void python_code_done(struct python_code *code)
{
        free(code->name);
        free(code->file);
        free(code->lines);
        *code = (struct python_code){ 0 };
}

/* ---- lines ---- */

static uint32_t line_of(int64_t line)
{
        return line > 0 && line < LAST_LINE ? (uint32_t)line : 0;
}

/* Pairs of bytes: so much further in code, so many lines (signed) further on. */
static uint32_t lnotab_line(const uint8_t *p, size_t n, int64_t line, uint64_t offset)
{
        uint64_t at = 0;

        for (size_t i = 0; i + 1 < n; i += 2) {
                at += p[i];
                if (at > offset)
                        break;
                line += (int8_t)p[i + 1];
        }
        return line_of(line);
}

/* Pairs of bytes: a range is so long, and its line is so many (signed) further on; -128: it has none. */
static uint32_t table_line(const uint8_t *p, size_t n, int64_t line, uint64_t offset)
{
        uint64_t at = 0;

        for (size_t i = 0; i + 1 < n; i += 2) {
                int8_t delta = (int8_t)p[i + 1];

                if (delta != -128)
                        line += delta;
                at += p[i];
                if (offset < at)
                        return delta == -128 ? 0 : line_of(line);
        }
        return 0;
}

/* Six bits a byte, the lowest first; the seventh says that more follow. */
static uint64_t varint(const uint8_t *p, size_t n, size_t *at)
{
        uint64_t value = 0;

        for (unsigned shift = 0; *at < n; shift += 6) {
                uint8_t byte = p[(*at)++];

                if (shift < 60)
                        value |= (uint64_t)(byte & 63) << shift;
                if (!(byte & 64))
                        break;
        }
        return value;
}

/* The lowest bit is the sign. */
static int64_t signed_varint(const uint8_t *p, size_t n, size_t *at)
{
        uint64_t value = varint(p, n, at);

        return value & 1 ? -(int64_t)(value >> 1) : (int64_t)(value >> 1);
}

/* Entries: a first byte with the highest bit set, four bits of kind, three of length in code units less one. What
 * follows has that bit clear. */
static uint32_t location_line(const uint8_t *p, size_t n, int64_t line, uint64_t offset)
{
        enum { ONE_LINE = 10, NO_COLUMNS = 13, LONG = 14, NONE = 15, UNIT = 2 };
        uint64_t at = 0;

        for (size_t i = 0; i < n;) {
                unsigned kind = p[i] >> 3 & 15;

                at += UNIT * ((p[i] & 7u) + 1);
                i++;
                if (kind >= ONE_LINE && kind < NO_COLUMNS)
                        line += kind - ONE_LINE;
                else if (kind == NO_COLUMNS || kind == LONG)
                        line += signed_varint(p, n, &i);
                if (line < -LAST_LINE || line > LAST_LINE)
                        return 0;
                if (offset < at)
                        return kind == NONE ? 0 : line_of(line);
                while (i < n && !(p[i] & 128))
                        i++;
        }
        return 0;
}

uint32_t python_line(enum python_lines format, const uint8_t *lines, size_t n, uint32_t first_line, uint64_t offset)
{
        switch (format) {
        case PYTHON_LINES_LNOTAB:
                return lnotab_line(lines, n, first_line, offset);
        case PYTHON_LINES_TABLE:
                return table_line(lines, n, first_line, offset);
        default:
                return location_line(lines, n, first_line, offset);
        }
}

uint32_t python_code_line(const struct python *python, const struct python_code *code, uint64_t at)
{
        uint64_t offset = at - code->bytes;
        uint32_t line;

        if (python->layout.at_scale)
                offset = (uint64_t)(uint32_t)at * python->layout.at_scale;
        if (offset > INT32_MAX) /* not at its first instruction yet: -1, or just before it */
                return code->first_line;
        line = python_line(python->layout.line_format, code->lines, code->n_lines, code->first_line, offset);
        return line ? line : code->first_line;
}
