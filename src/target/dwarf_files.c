#include "target/dwarf_files.h"

#include <dwarf.h>
#include <stdbool.h>
#include <string.h>

enum { FORMATS_MAX = 16 };

/* What is left to read. After a mistake it is at its end and BAD. */
struct cursor {
        const uint8_t *p, *end;
        bool bad, wide; /* wide: offsets of 64 bits */
};

/* How each entry is written. */
struct format {
        uint64_t content, form;
};

static void skip(struct cursor *c, uint64_t n)
{
        if (n > (uint64_t)(c->end - c->p)) {
                c->bad = true;
                n = (uint64_t)(c->end - c->p);
        }
        c->p += n;
}

static uint64_t number(struct cursor *c, size_t size)
{
        uint64_t value = 0;

        if (size > (size_t)(c->end - c->p)) {
                c->bad = true;
                c->p = c->end;
                return 0;
        }
        memcpy(&value, c->p, size);
        c->p += size;
        return value;
}

static uint64_t leb(struct cursor *c)
{
        uint64_t value = 0;

        for (unsigned shift = 0; shift < 64; shift += 7) {
                uint64_t byte = number(c, 1);

                value |= (byte & 0x7f) << shift;
                if (!(byte & 0x80))
                        return value;
        }
        c->bad = true;
        return 0;
}

static void skip_string(struct cursor *c)
{
        const uint8_t *end = memchr(c->p, '\0', (size_t)(c->end - c->p));

        if (end)
                c->p = end + 1;
        else
                skip(c, UINT64_MAX);
}

static void skip_form(struct cursor *c, uint64_t form)
{
        switch (form) {
        case DW_FORM_data1: case DW_FORM_strx1: skip(c, 1); break;
        case DW_FORM_data2: case DW_FORM_strx2: skip(c, 2); break;
        case DW_FORM_strx3: skip(c, 3); break;
        case DW_FORM_data4: case DW_FORM_strx4: skip(c, 4); break;
        case DW_FORM_data8: skip(c, 8); break;
        case DW_FORM_data16: skip(c, 16); break;
        case DW_FORM_line_strp: case DW_FORM_strp: case DW_FORM_strp_sup: skip(c, c->wide ? 8 : 4); break;
        case DW_FORM_string: skip_string(c); break;
        case DW_FORM_udata: case DW_FORM_sdata: case DW_FORM_strx: leb(c); break;
        case DW_FORM_block: skip(c, leb(c)); break;
        case DW_FORM_block1: skip(c, number(c, 1)); break;
        case DW_FORM_block2: skip(c, number(c, 2)); break;
        case DW_FORM_block4: skip(c, number(c, 4)); break;
        default: c->bad = true; break;
        }
}

static size_t read_formats(struct cursor *c, struct format formats[FORMATS_MAX])
{
        size_t n = (size_t)number(c, 1);

        if (n > FORMATS_MAX)
                c->bad = true;
        for (size_t i = 0; i < n && !c->bad; i++) {
                formats[i].content = leb(c);
                formats[i].form = leb(c);
        }
        return c->bad ? 0 : n;
}

static bool has_md5(const struct format *formats, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (formats[i].content == DW_LNCT_MD5 && formats[i].form == DW_FORM_data16)
                        return true;
        return false;
}

/* Up to the formats of directories; false when it is no header of DWARF 5. */
static bool read_header(struct cursor *c)
{
        uint64_t length = number(c, 4), version;

        c->wide = length == 0xffffffff;
        if (c->wide)
                length = number(c, 8);
        if (c->bad || length > (uint64_t)(c->end - c->p))
                return false;
        c->end = c->p + length;
        version = number(c, 2);
        skip(c, 2); /* sizes of an address and of a segment's selector */
        length = number(c, c->wide ? 8 : 4);
        if (c->bad || version != 5 || length > (uint64_t)(c->end - c->p))
                return false;
        c->end = c->p + length;
        skip(c, 5); /* instruction length, operations, is_stmt, line base and range */
        length = number(c, 1);
        skip(c, length ? length - 1 : 0); /* lengths of the standard opcodes */
        return !c->bad;
}

static void skip_directories(struct cursor *c)
{
        struct format formats[FORMATS_MAX];
        size_t n_formats = read_formats(c, formats);
        uint64_t n = leb(c);

        if (n > 0 && n_formats == 0)
                c->bad = true;
        for (uint64_t i = 0; i < n && !c->bad; i++)
                for (size_t k = 0; k < n_formats; k++)
                        skip_form(c, formats[k].form);
}

size_t dwarf_files_md5(const uint8_t *section, size_t len, uint64_t offset, uint8_t (*ret)[DWARF_MD5_SIZE], size_t max)
{
        struct cursor c = { .p = section + (offset < len ? offset : len), .end = section + len };
        struct format formats[FORMATS_MAX];
        size_t n_formats;
        uint64_t n;

        if (!read_header(&c))
                return 0;
        skip_directories(&c);
        n_formats = read_formats(&c, formats);
        n = leb(&c);
        if (c.bad || !has_md5(formats, n_formats) || n > DWARF_FILES_OF_UNIT_MAX)
                return 0;
        for (uint64_t i = 0; i < n && !c.bad; i++)
                for (size_t k = 0; k < n_formats; k++) {
                        const uint8_t *at = c.p;

                        skip_form(&c, formats[k].form);
                        if (!c.bad && formats[k].content == DW_LNCT_MD5 && formats[k].form == DW_FORM_data16 && i < max)
                                memcpy(ret[i], at, DWARF_MD5_SIZE);
                }
        return c.bad ? 0 : (size_t)n;
}
