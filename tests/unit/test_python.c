#include "unit.h"

#include "python_lines.h"
#include "toy_python.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static struct python python;
static int memory;

static int setup(void **state)
{
        memory = memory_open(getpid(), 0);
        return memory < 0 || toy_find(memory, &python) != 1;
}

static int teardown(void **state)
{
        memory_close(memory);
        return 0;
}

/* ---- lines ---- */

static void lines_are_those_that_python_prints(void **state)
{
        for (size_t i = 0; i < sizeof python_lines_cases / sizeof *python_lines_cases; i++) {
                const struct python_lines_case *c = &python_lines_cases[i];
                uint64_t offset = 0;

                for (size_t run = 0; run < c->n_runs; run++)
                        for (uint16_t k = 0; k < c->runs[2 * run]; k++, offset += 2)
                                assert_int_equal(python_line(c->format, c->table, c->n, c->first_line, offset), c->runs[2 * run + 1]);
                if (c->format != PYTHON_LINES_LNOTAB)
                        assert_int_equal(python_line(c->format, c->table, c->n, c->first_line, offset + 1000000), 0);
        }
}

static void any_bytes_make_some_line_or_none(void **state)
{
        uint8_t bytes[64];
        uint64_t seed = 88;

        for (int i = 0; i < 200000; i++) {
                size_t n = (size_t)i % (sizeof bytes + 1);

                for (size_t k = 0; k < n; k++) {
                        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
                        bytes[k] = (uint8_t)(seed >> 56) | (i % 5 == 0 ? 0xc0 : 0);
                }
                for (int format = PYTHON_LINES_LNOTAB; format <= PYTHON_LINES_LOCATIONS; format++)
                        assert_true(python_line((enum python_lines)format, bytes, n, (uint32_t)seed, seed >> 40 & 1023) < 1u << 30);
        }
}

/* ---- code objects ---- */

struct objects {
        struct toy_string name, file;
        struct toy_bytes lines;
        struct toy_code code;
};

static void make_objects(struct objects *o)
{
        static const uint8_t lines[] = { 0x80 | 13 << 3 | 3, 2, 0x80 | 13 << 3 | 7, 4 }; /* 4 units at +1, then 8 at +2 */

        toy_text(&o->name, "Shop.sell");
        toy_text(&o->file, "/srv/shop.py");
        toy_bytes(&o->lines, sizeof lines, lines);
        o->code = (struct toy_code){ .type = PyCode_Type, .first_line = 30, .file = &o->file, .name = &o->name,
                                     .qualname = &o->name, .lines = &o->lines };
}

static void a_code_object_tells_function_file_and_line(void **state)
{
        struct python_code code;
        struct objects o;

        make_objects(&o);
        assert_int_equal(python_code_read(&python, memory, (uint64_t)&o.code, &code), 0);
        assert_string_equal(code.name, "Shop.sell");
        assert_string_equal(code.file, "/srv/shop.py");
        assert_int_equal(code.first_line, 30);
        assert_int_equal(python_code_line(&python, &code, (uint64_t)&o.code.bytes[0]), 31);
        assert_int_equal(python_code_line(&python, &code, (uint64_t)&o.code.bytes[3]), 31);
        assert_int_equal(python_code_line(&python, &code, (uint64_t)&o.code.bytes[4]), 33);
        assert_int_equal(python_code_line(&python, &code, (uint64_t)&o.code.bytes[0] - 2), 30); /* just being called */
        assert_int_equal(python_code_line(&python, &code, (uint64_t)&o.code.bytes[40]), 30);    /* beyond the table */
        assert_true(python_code_is_same(&python, memory, (uint64_t)&o.code, &code));
        o.code.first_line = 31;
        assert_false(python_code_is_same(&python, memory, (uint64_t)&o.code, &code));
        python_code_done(&code);
}

static void strings_of_all_widths_become_utf8(void **state)
{
        static const uint8_t latin[] = { 'g', 'r', 0xf6, 0xdf, 'e' };
        static const uint16_t two[] = { 0x3b1, 'x', 0xdc80, 0x20ac };      /* the third is a byte that was no UTF-8 */
        static const uint32_t four[] = { 'a', 0x1f40d, 0x110000, 0 };       /* no character, NUL */
        struct python_code code;
        struct objects o;

        make_objects(&o);
        toy_string(&o.name, 5, 1, false, latin);
        toy_string(&o.file, 4, 2, false, two);
        assert_int_equal(python_code_read(&python, memory, (uint64_t)&o.code, &code), 0);
        assert_string_equal(code.name, "größe");
        assert_string_equal(code.file, "\316\261x\357\277\275\342\202\254");
        python_code_done(&code);
        toy_string(&o.name, 4, 4, false, four);
        assert_int_equal(python_code_read(&python, memory, (uint64_t)&o.code, &code), 0);
        assert_string_equal(code.name, "a\360\237\220\215\357\277\275\357\277\275");
        python_code_done(&code);
}

static void what_is_no_code_object_is_refused(void **state)
{
        struct python_code code;
        struct objects o;

        make_objects(&o);
        assert_true(python_code_read(&python, memory, (uint64_t)&o.code + 4, &code) < 0);
        assert_true(python_code_read(&python, memory, 0, &code) < 0);
        assert_true(python_code_read(&python, memory, UINT64_MAX - 7, &code) < 0);
        o.code.type = PyBytes_Type;
        assert_true(python_code_read(&python, memory, (uint64_t)&o.code, &code) < 0);
        make_objects(&o);
        o.name.type = PyBytes_Type;
        assert_true(python_code_read(&python, memory, (uint64_t)&o.code, &code) < 0);
        make_objects(&o);
        o.name.state &= ~(1u << 5); /* not compact */
        assert_true(python_code_read(&python, memory, (uint64_t)&o.code, &code) < 0);
        make_objects(&o);
        o.name.state = 3 << 2 | 1 << 5;
        assert_true(python_code_read(&python, memory, (uint64_t)&o.code, &code) < 0);
        make_objects(&o);
        o.file.length = UINT64_MAX;
        assert_true(python_code_read(&python, memory, (uint64_t)&o.code, &code) < 0);
        make_objects(&o);
        o.lines.n = 1ull << 40;
        assert_true(python_code_read(&python, memory, (uint64_t)&o.code, &code) < 0);
        make_objects(&o);
        o.code.file = (const void *)8;
        assert_true(python_code_read(&python, memory, (uint64_t)&o.code, &code) < 0);
}

static void long_names_are_cut(void **state)
{
        struct { struct toy_string head; uint8_t more[3000]; } big;
        struct python_code code;
        struct objects o;

        make_objects(&o);
        memset(&big, 'n', sizeof big);
        big.head = o.name;
        memset(big.head.chars, 'n', sizeof big.head.chars);
        big.head.length = 3000;
        o.code.qualname = &big;
        assert_int_equal(python_code_read(&python, memory, (uint64_t)&o.code, &code), 0);
        assert_int_equal(strlen(code.name), 1024);
        python_code_done(&code);
}

/* ---- the interpreter ---- */

static void an_interpreter_is_known_by_what_it_exports(void **state)
{
        struct python found;

        assert_int_equal(toy_find(memory, &found), 1);
        assert_int_equal(found.version, 0x030b);
        assert_int_equal(found.runtime, _PyRuntime);
        assert_int_equal(found.code_type, PyCode_Type);
        Py_Version = 0x030e00f0;
        assert_int_equal(toy_find(memory, &found), -ENOTSUP);
        assert_int_equal(found.version, 0x030e);
        Py_Version = 0x030d00f0; /* tells its offsets itself, but here there are none */
        assert_int_equal(toy_find(memory, &found), -ENOTSUP);
        Py_Version = 0x030b02f0;
}

/* Offsets as 3.13 tells them, at the start of _PyRuntime; those in objects are the toy's. */
static void tell_offsets(void)
{
        static const uint16_t told[][2] = {
                { 5, 40 }, { 9, 16 }, { 21, 8 }, { 22, 16 }, { 23, 56 }, { 24, 152 }, { 29, 8 }, { 31, 56 }, { 33, 70 },
                { 35, 112 }, { 36, 120 }, { 37, 128 }, { 38, 136 }, { 39, 72 }, { 43, 184 }, { 70, 48 },
        };

        memset(_PyRuntime, 0, sizeof _PyRuntime);
        memcpy(_PyRuntime, "xdebugpy", 8);
        Py_Version = 0x030d00f0;
        _PyRuntime[1] = Py_Version;
        for (size_t i = 0; i < sizeof told / sizeof *told; i++)
                _PyRuntime[told[i][0]] = told[i][1];
}

static void forget_offsets(void)
{
        memset(_PyRuntime, 0, sizeof _PyRuntime);
        Py_Version = 0x030b02f0;
}

static void an_interpreter_that_tells_its_offsets_is_believed(void **state)
{
        struct python found;
        struct python_code code;
        struct objects o;

        tell_offsets();
        assert_int_equal(toy_find(memory, &found), 1);
        forget_offsets();
        make_objects(&o);
        assert_int_equal(python_code_read(&found, memory, (uint64_t)&o.code, &code), 0);
        assert_string_equal(code.name, "Shop.sell");
        assert_string_equal(code.file, "/srv/shop.py");
        assert_int_equal(code.first_line, 30);
        python_code_done(&code);
}

static void told_offsets_that_lead_out_of_the_heads_of_objects_are_refused(void **state)
{
        static const uint32_t bad[][2] = {
                { 35, 1 << 16 }, { 36, 1 << 16 }, { 37, 192 }, { 38, 256 }, { 39, 4096 }, { 43, 256 }, { 43, 16 },
                { 70, 0 }, { 70, 120 }, { 70, 1 << 16 },
        };
        struct python found;

        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                tell_offsets();
                _PyRuntime[bad[i][0]] = bad[i][1];
                assert_int_equal(toy_find(memory, &found), -ENOTSUP);
        }
        forget_offsets();
}

static void a_thread_finds_its_state_where_pthread_setspecific_puts_it(void **state)
{
        struct toy_interp interp;
        struct toy_thread thread;
        uint32_t offset = 0;
        pthread_key_t key;

        assert_int_equal(python_state(&python, memory, &offset), -EAGAIN); /* nothing runs yet */
        toy_start(&interp, &thread, &key);
        assert_int_equal(python_state(&python, memory, &offset), 0);
        assert_ptr_equal(*(void **)(toy_thread_pointer() + offset), &thread);
        pthread_setspecific(key, NULL);
        assert_ptr_equal(*(void **)(toy_thread_pointer() + offset), NULL);
        assert_int_equal(python_state(&python, memory, &offset), -ENOTSUP);
        thread.word[TOY_THREAD_ID / 8] = 0; /* it has not begun */
        assert_int_equal(python_state(&python, memory, &offset), -EAGAIN);
        toy_stop(key);
}

static void a_list_of_threads_in_a_circle_ends(void **state)
{
        struct toy_interp interp;
        struct toy_thread thread;
        pthread_key_t key;
        uint32_t offset;

        toy_start(&interp, &thread, &key);
        pthread_setspecific(key, NULL);
        thread.word[1] = (uint64_t)&thread;
        assert_int_equal(python_state(&python, memory, &offset), -ENOTSUP);
        toy_stop(key);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lines_are_those_that_python_prints),
                cmocka_unit_test(any_bytes_make_some_line_or_none),
                cmocka_unit_test(a_code_object_tells_function_file_and_line),
                cmocka_unit_test(strings_of_all_widths_become_utf8),
                cmocka_unit_test(what_is_no_code_object_is_refused),
                cmocka_unit_test(long_names_are_cut),
                cmocka_unit_test(an_interpreter_is_known_by_what_it_exports),
                cmocka_unit_test(an_interpreter_that_tells_its_offsets_is_believed),
                cmocka_unit_test(told_offsets_that_lead_out_of_the_heads_of_objects_are_refused),
                cmocka_unit_test(a_thread_finds_its_state_where_pthread_setspecific_puts_it),
                cmocka_unit_test(a_list_of_threads_in_a_circle_ends),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
