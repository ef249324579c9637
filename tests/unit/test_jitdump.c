#include "unit.h"

#include "base/buf.h"
#include "target/jitdump.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct world {
        struct jitcode *code;
        struct jitdump dump;
        struct buf bytes;
};

static void put32(struct buf *buf, uint32_t value)
{
        buf_add(buf, &value, sizeof value);
}

static void put64(struct buf *buf, uint64_t value)
{
        buf_add(buf, &value, sizeof value);
}

static void put_header(struct buf *buf, uint32_t magic, uint32_t machine, uint64_t flags)
{
        put32(buf, magic);
        put32(buf, 1);
        put32(buf, 40);
        put32(buf, machine);
        put32(buf, 0);
        put32(buf, 4711);
        put64(buf, 5);
        put64(buf, flags);
}

static void put_load(struct buf *buf, uint64_t at_ns, uint64_t addr, uint64_t size, const char *name)
{
        put32(buf, 0);
        put32(buf, (uint32_t)(56 + strlen(name) + 1 + size));
        put64(buf, at_ns);
        put64(buf, 0);
        put64(buf, addr);
        put64(buf, addr);
        put64(buf, size);
        put64(buf, 1);
        buf_add(buf, name, strlen(name) + 1);
        for (uint64_t i = 0; i < size; i++)
                buf_putc(buf, '\xcc');
}

static void put_move(struct buf *buf, uint64_t at_ns, uint64_t old, uint64_t new)
{
        put32(buf, 1);
        put32(buf, 64);
        put64(buf, at_ns);
        put64(buf, 0);
        put64(buf, new);
        put64(buf, old);
        put64(buf, new);
        put64(buf, 16);
        put64(buf, 1);
}

static void put_lines(struct buf *buf, uint64_t addr)
{
        put32(buf, 2);
        put32(buf, 32 + 2 * 16 + 4 + 2);
        put64(buf, 0);
        put64(buf, addr);
        put64(buf, 2);
        put64(buf, addr);
        put32(buf, 12);
        put32(buf, 0);
        buf_add(buf, "a.c", 4);
        put64(buf, addr + 8);
        put32(buf, 13);
        put32(buf, 0);
        buf_add(buf, "\xff", 2);
}

static int setup(void **state)
{
        static struct world world;

        world = (struct world){ .code = jitcode_new() };
        *state = &world;
        return 0;
}

static int teardown(void **state)
{
        struct world *w = *state;

        jitcode_free(w->code);
        buf_done(&w->bytes);
        return 0;
}

/* Gives it all, STEP bytes more at a time. */
static int64_t take(struct world *w, size_t step)
{
        size_t at = 0, there = 0;

        while (there < w->bytes.len) {
                int64_t n;

                there = there + step < w->bytes.len ? there + step : w->bytes.len;
                do {
                        if (at >= there)
                                break;
                        n = jitdump_take(&w->dump, (const uint8_t *)w->bytes.data + at, there - at, w->code, 0, NULL);
                        if (n < 0)
                                return n;
                        at += (size_t)n;
                } while (n > 0);
        }
        return (int64_t)at;
}

static const char *name_at(const struct world *w, uint64_t addr, uint64_t at_ns)
{
        struct jitcode_found found;

        return jitcode_find(w->code, addr, at_ns, &found) ? found.name : "none";
}

static void fill(struct world *w)
{
        put_header(&w->bytes, 0x4a695444, EM_X86_64, 0);
        put_lines(&w->bytes, 0x1000);
        put_load(&w->bytes, 100, 0x1000, 16, "first");
        put_load(&w->bytes, 150, 0x9000, 16, "mover");
        put_load(&w->bytes, 200, 0x1000, 64, "second");
        put_move(&w->bytes, 250, 0x9000, 0xa000);
        put32(&w->bytes, 3);
        put32(&w->bytes, 16);
        put64(&w->bytes, 300);
}

static void records_say_what_stood_where_since_when(void **state)
{
        struct world *w = *state;
        struct jitcode_found found;

        fill(w);
        assert_int_equal(take(w, w->bytes.len), w->bytes.len);
        assert_true(w->dump.closed);
        assert_int_equal(w->dump.broken, 0);
        assert_string_equal(name_at(w, 0x1008, 99), "none");
        assert_string_equal(name_at(w, 0x1008, 199), "first");
        assert_string_equal(name_at(w, 0x1008, 200), "second");
        assert_string_equal(name_at(w, 0x9000, 200), "mover");
        assert_string_equal(name_at(w, 0xa000, 300), "mover");
        assert_true(jitcode_find(w->code, 0x1008, 150, &found));
        assert_string_equal(found.file, "a.c");
        assert_int_equal(found.line, 13);
        assert_true(jitcode_find(w->code, 0x1000, 250, &found));
        assert_null(found.file);
}

static void it_does_not_matter_how_much_of_it_is_there(void **state)
{
        struct world *w = *state;

        for (size_t step = 1; step < 100; step += 3) {
                teardown(state);
                setup(state);
                fill(w);
                assert_int_equal(take(w, step), w->bytes.len);
                assert_string_equal(name_at(w, 0x1008, 199), "first");
                assert_string_equal(name_at(w, 0xa000, 300), "mover");
                assert_int_equal(w->dump.records, 6);
        }
}

static void files_for_other_machines_are_refused_in_words(void **state)
{
        static const struct { uint32_t magic, machine; const char *why; } files[] = {
                { 0x4454694a, EM_X86_64, "byte order" },
                { 0x4a695444, EM_AARCH64, "another processor" },
                { 0x464c457f, EM_X86_64, "does not begin" },
        };
        struct world *w = *state;

        for (size_t i = 0; i < 3; i++) {
                struct err err = { 0 };

                w->bytes.len = 0;
                put_header(&w->bytes, files[i].magic, files[i].machine, 0);
                assert_true(jitdump_take(&w->dump, (uint8_t *)w->bytes.data, w->bytes.len, w->code, 0, &err) < 0);
                assert_non_null(strstr(err.text, files[i].why));
        }
}

static void times_of_the_processor_are_not_taken_for_ours(void **state)
{
        struct world *w = *state;

        put_header(&w->bytes, 0x4a695444, EM_X86_64, 1);
        put_load(&w->bytes, 1000000, 0x1000, 16, "f");
        take(w, w->bytes.len);
        assert_string_equal(name_at(w, 0x1000, 5), "f");
}

static void a_record_that_says_nonsense_ends_the_reading(void **state)
{
        struct world *w = *state;

        put_header(&w->bytes, 0x4a695444, EM_X86_64, 0);
        put32(&w->bytes, 0);
        put32(&w->bytes, 3);
        put64(&w->bytes, 0);
        assert_int_equal(take(w, w->bytes.len), -EINVAL);
}

static void short_records_are_counted_and_large_ones_never_block(void **state)
{
        struct world *w = *state;
        uint8_t *window = calloc(1, JITDUMP_WINDOW);

        put_header(&w->bytes, 0x4a695444, EM_X86_64, 0);
        for (uint32_t id = 0; id < 3; id++) {
                put32(&w->bytes, id);
                put32(&w->bytes, 16);
                put64(&w->bytes, 0);
        }
        take(w, w->bytes.len);
        assert_int_equal(w->dump.broken, 3);
        window[0] = 2; /* lines: 4 GiB of them */
        memset(window + 4, 0xff, 4);
        memset(window + 24, 0xff, 8);
        assert_int_equal(jitdump_take(&w->dump, window, JITDUMP_WINDOW, w->code, 0, NULL), UINT32_MAX);
        free(window);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(records_say_what_stood_where_since_when),
                TEST(it_does_not_matter_how_much_of_it_is_there),
                TEST(files_for_other_machines_are_refused_in_words),
                TEST(times_of_the_processor_are_not_taken_for_ours),
                TEST(a_record_that_says_nonsense_ends_the_reading),
                TEST(short_records_are_counted_and_large_ones_never_block),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
