#include "unit.h"

#include "base/alloc.h"
#include "target/image.h"
#include "target/minidebug.h"
#include "toy_elf.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <lzma.h>

static char *pack(const void *bytes, size_t len, size_t *ret_len)
{
        size_t room = lzma_stream_buffer_bound(len), used = 0;
        char *packed = xmalloc(room);

        assert_int_equal(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, NULL, bytes, len, (uint8_t *)packed, &used, room), LZMA_OK);
        *ret_len = used;
        return packed;
}

static int unpack(const char *bytes, size_t len, size_t max, char **ret, size_t *ret_len)
{
        return minidebug_unpack((const uint8_t *)bytes, len, max, ret, ret_len);
}

static void what_was_packed_comes_out(void **state)
{
        enum { SIZE = 1 << 20 };
        char *plain = xmalloc(SIZE), *packed, *out;
        size_t packed_len, len;

        for (size_t i = 0; i < SIZE; i++)
                plain[i] = (char)(i * i >> 5);
        packed = pack(plain, SIZE, &packed_len);
        assert_int_equal(unpack(packed, packed_len, SIZE, &out, &len), 0);
        assert_int_equal(len, SIZE);
        assert_memory_equal(out, plain, SIZE);
        free(out);
        free(packed);
        free(plain);
}

static void what_unpacks_to_more_than_allowed_is_refused(void **state)
{
        enum { SIZE = 8 << 20 };
        char *plain = xcalloc(1, SIZE), *packed, *out;
        size_t packed_len, len;

        packed = pack(plain, SIZE, &packed_len);
        assert_true(packed_len < 8192); /* a bomb of a kind */
        assert_int_equal(unpack(packed, packed_len, SIZE - 1, &out, &len), -EFBIG);
        assert_int_equal(unpack(packed, packed_len, 4096, &out, &len), -EFBIG);
        free(packed);
        free(plain);
}

static void what_is_cut_short_or_broken_is_refused(void **state)
{
        static const char plain[] = "some symbols, some symbols, some more symbols, and that is all of them";
        char *packed, *out;
        size_t packed_len, len;

        packed = pack(plain, sizeof plain, &packed_len);
        for (size_t n = 0; n < packed_len; n++)
                assert_int_equal(unpack(packed, n, 4096, &out, &len), -EBADMSG);
        packed[packed_len / 2] ^= 0x40;
        assert_int_equal(unpack(packed, packed_len, 4096, &out, &len), -EBADMSG);
        assert_int_equal(unpack("no xz file", 10, 4096, &out, &len), -EBADMSG);
        free(packed);
}

static void the_file_inside_is_opened_and_only_an_elf_file(void **state)
{
        struct toy_elf inside = { { 7, 7 }, 2, { { 0 } } };
        struct image *image = NULL, *found = NULL;
        size_t len, packed_len;
        char *bytes, *packed;

        for (int i = 0; i < 3; i++) { /* right, something else, nothing at all */
                struct toy_elf outside = { { 1, 2 }, 2, { { 0 } } };

                bytes = i == 1 ? xstrdup("words") : toy_elf_make(&inside, &len);
                packed = pack(bytes, i == 1 ? 5 : len, &packed_len);
                if (i < 2)
                        outside.sections[0] = (struct toy_section){ ".gnu_debugdata", SHT_PROGBITS, packed, packed_len, 0, 0, 0, 0 };
                free(bytes);
                bytes = toy_elf_make(&outside, &len);
                assert_int_equal(image_open_copy(bytes, len, &image), 0);
                assert_int_equal(minidebug_open(image, &found), i == 0 ? 0 : i == 1 ? -EBADMSG : -ENODATA);
                if (i == 0) {
                        assert_string_equal(image_build_id(found), "0707");
                        image_close(found);
                }
                image_close(image);
                free(packed);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_was_packed_comes_out),
                cmocka_unit_test(what_unpacks_to_more_than_allowed_is_refused),
                cmocka_unit_test(what_is_cut_short_or_broken_is_refused),
                cmocka_unit_test(the_file_inside_is_opened_and_only_an_elf_file),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
