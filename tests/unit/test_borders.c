#include "unit.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "target/borders.h"
#include "target/naming.h"
#include "toy_elf.h"

#include <stdlib.h>
#include <string.h>

enum { FRAMES = 0x9000 };

static const uint8_t cie[] = { 20, 0, 0, 0, 0, 0, 0, 0, 1, 'z', 'R', 0, 1, 0x78, 16, 1, 0x1b, 0x0c, 7, 8, 0x90, 1, 0, 0 };

static void add_fde(struct buf *buf, uint64_t start, uint32_t size)
{
        uint32_t head[2] = { 16, (uint32_t)buf->len + 4 }; /* length, distance to the CIE */
        int32_t at = (int32_t)(start - (FRAMES + buf->len + 8));

        buf_add(buf, head, sizeof head);
        buf_add(buf, &at, sizeof at);
        buf_add(buf, &size, sizeof size);
        buf_add(buf, "\0\0\0\0", 4);
}

static void make_frames(struct buf *buf)
{
        buf_add(buf, cie, sizeof cie);
        add_fde(buf, 0x2000, 0x40);
        add_fde(buf, 0x1000, 0x80);
        add_fde(buf, 0x1100, 0x80);
        add_fde(buf, 0x3000, 0); /* of no length: none */
        buf_add(buf, "\0\0\0\0", 4);
}

static void functions_are_known_without_symbols(void **state)
{
        struct borders borders = { 0 };
        struct image *image = NULL;
        struct buf frames = { 0 };
        struct toy_elf elf = { { 1, 2 }, 2, { { 0 } } };
        size_t len;
        char *bytes;

        make_frames(&frames);
        elf.sections[0] = (struct toy_section){ ".eh_frame", SHT_PROGBITS, frames.data, frames.len, FRAMES, 0, 0, 0 };
        bytes = toy_elf_make(&elf, &len);
        assert_int_equal(image_open_copy(bytes, len, &image), 0);
        borders_read(&borders, image);
        assert_int_equal(borders.n, 3);
        assert_int_equal(borders_find(&borders, 0x1000)->start, 0x1000);
        assert_int_equal(borders_find(&borders, 0x107f)->start, 0x1000);
        assert_null(borders_find(&borders, 0x1080));
        assert_null(borders_find(&borders, 0xfff));
        assert_int_equal(borders_find(&borders, 0x203f)->end, 0x2040);
        assert_false(borders_between(&borders, 0x1000, 0x10ff));
        assert_true(borders_between(&borders, 0x1000, 0x1100));
        assert_false(borders_between(&borders, 0x2000, UINT64_MAX));
        borders_done(&borders);
        image_close(image);
        buf_done(&frames);
}

static void a_guess_is_marked_and_never_crosses_a_border(void **state)
{
        static const char strings[] = "\0sized\0open\0after";
        static const Elf64_Sym symbols[] = { { 0 },
                { .st_name = 1, .st_info = STT_FUNC, .st_shndx = 1, .st_value = 0x1000, .st_size = 0x10 },
                { .st_name = 7, .st_info = STT_FUNC, .st_shndx = 1, .st_value = 0x1100, .st_size = 0 },
                { .st_name = 12, .st_info = STT_FUNC, .st_shndx = 1, .st_value = 0x2010, .st_size = 0 } };
        static const struct { uint64_t addr; const char *name; bool nearest; } cases[] = {
                { 0x800, NULL, false },
                { 0x1008, "sized", false },
                { 0x1070, "sized+0x70", true },  /* past its end, but nothing begins there */
                { 0x1090, "sized+0x90", true },  /* between two functions */
                { 0x1100, "open", false },
                { 0x117f, "open", false },       /* without a size, as long as .eh_frame says */
                { 0x1190, "open+0x90", true },
                { 0x2008, NULL, false },         /* a function without a symbol */
                { 0x2010, "after+0x0", true },   /* a label in the middle of one */
                { 0x2030, "after+0x20", true },
        };
        struct naming_frame frame;
        struct naming *naming = NULL;
        struct image *image = NULL;
        struct buf frames = { 0 };
        struct toy_elf elf = { { 1, 2 }, 2, { { ".symtab", SHT_SYMTAB, symbols, sizeof symbols, 0, sizeof *symbols, 0, 2 },
                                              { ".strtab", SHT_STRTAB, strings, sizeof strings, 0, 0, 0, 0 } } };
        size_t len;
        char *bytes;

        make_frames(&frames);
        elf.sections[2] = (struct toy_section){ ".eh_frame", SHT_PROGBITS, frames.data, frames.len, FRAMES, 0, 0, 0 };
        bytes = toy_elf_make(&elf, &len);
        assert_int_equal(image_open_copy(bytes, len, &image), 0);
        assert_int_equal(naming_open(image, NULL, &naming), 0);
        for (size_t i = 0; i < array_len(cases); i++) {
                assert_int_equal(naming_lookup(naming, cases[i].addr, true, &frame, 1), 1);
                if (cases[i].name)
                        assert_string_equal(frame.func, cases[i].name);
                else
                        assert_null(frame.func);
                assert_int_equal(frame.nearest, cases[i].nearest);
        }
        naming_close(naming);
        image_close(image);
        buf_done(&frames);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(functions_are_known_without_symbols),
                cmocka_unit_test(a_guess_is_marked_and_never_crosses_a_border),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
