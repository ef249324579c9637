/* Python's frames find their place among the machine's, and their names. */
#include "unit.h"

#include "area.h"
#include "toy_python.h"

#include "live/scripts.h"

#include <stdio.h>
#include <stdlib.h>

#define MS 1000000ull

enum { FUNCTIONS = 4, FRAME_WORDS = 10, STACK = 4096, STACK_ADDR = 0x7ffe00000000 };

struct function {
        struct toy_string name, file;
        struct toy_bytes lines;
        struct toy_code code;
};

struct world {
        struct stacks stacks;
        struct wire_shared *shared;
        struct scripts *scripts;
        struct happenings happenings;
        struct toy_interp interp;
        struct toy_thread thread;
        pthread_key_t key;
        struct function functions[FUNCTIONS];
        struct unwind_frame frames[6]; /* each 256 bytes of the stack */
        struct { struct wire_alloc alloc; uint8_t behind[STACK + WIRE_INTERPRETED_MAX * sizeof(struct wire_interpreted)]; } record;
        struct scripts_place places[WIRE_INTERPRETED_MAX + 1];
};

static void make_function(struct function *f, const char *name, uint32_t line)
{
        static const uint8_t lines[] = { 0x80 | 10 << 3 | 7, 0, 0, 0x80 | 11 << 3 | 7, 0, 0 }; /* 8 units on the first line, 8 on the next */

        toy_text(&f->name, name);
        toy_text(&f->file, "/srv/shop.py");
        toy_bytes(&f->lines, sizeof lines, lines);
        f->code = (struct toy_code){ .type = PyCode_Type, .first_line = line, .file = &f->file, .name = &f->name,
                                     .qualname = &f->name, .lines = &f->lines };
}

static void add_interpreter(struct world *w)
{
        struct unwind_module module = { .path = "/usr/bin/python3.11" };
        struct maps maps = { 0 };

        assert_int_equal(maps_read(getpid(), &maps), 0);
        assert_int_equal(image_open_path("/proc/self/exe", &module.image), 0);
        assert_int_equal(image_bias(module.image, maps_find(&maps, (uint64_t)(uintptr_t)make_function), &module.bias), 0);
        scripts_module(w->scripts, &module);
        image_close(module.image);
        maps_done(&maps);
}

static int setup(void **state)
{
        static const char *const names[FUNCTIONS] = { "main", "Shop.sell", "put", "<lambda>" };
        struct world *w = calloc(1, sizeof *w);

        stacks_init(&w->stacks);
        w->shared = area_new();
        w->scripts = scripts_new(getpid(), w->shared, &w->stacks);
        for (uint32_t i = 0; i < FUNCTIONS; i++)
                make_function(&w->functions[i], names[i], 100 * (i + 1));
        for (uint32_t i = 0; i < 6; i++)
                w->frames[i] = (struct unwind_frame){ .pc = 0x400000 + i, .sp = STACK_ADDR + 256 * i };
        w->record.alloc.rsp = STACK_ADDR;
        w->record.alloc.stack_bytes = STACK;
        add_interpreter(w);
        toy_start(&w->interp, &w->thread, &w->key);
        scripts_step(w->scripts, 100 * MS);
        *state = w;
        return w->shared->interpreter.on != 1;
}

static int teardown(void **state)
{
        struct world *w = *state;

        scripts_free(w->scripts);
        happenings_done(&w->happenings);
        stacks_done(&w->stacks);
        toy_stop(w->key);
        area_free(w->shared);
        free(w);
        return 0;
}

/* The stack word at OFFSET. */
static void put_word(struct world *w, uint32_t offset, uint64_t word)
{
        memcpy(w->record.behind + offset, &word, sizeof word);
}

/* The next frame: FUNCTION, at its instruction UNIT; LAST of a call of the interpreter's loop. */
static void add(struct world *w, uint32_t function, uint32_t unit, bool last)
{
        const struct toy_code *code = &w->functions[function].code;
        struct wire_interpreted frame = { .frame = 1, .code = (uint64_t)code,
                                          .at = (uint64_t)&code->bytes[unit] | (uint64_t)last << 56 };
        struct wire_alloc *alloc = &w->record.alloc;

        memcpy(w->record.behind + alloc->stack_bytes + alloc->n_interpreted++ * sizeof frame, &frame, sizeof frame);
}

static size_t weave(struct world *w, uint64_t now_ns)
{
        return scripts_weave(w->scripts, &w->record.alloc, w->frames, 6, now_ns, w->places);
}

/* The last row of the frame that was woven at INDEX. */
static const struct rec_frame *row(const struct world *w, size_t index)
{
        for (size_t i = w->stacks.new_frames.n; i-- > 0;)
                if (w->stacks.new_frames.v[i].id == w->places[index].frame)
                        return &w->stacks.new_frames.v[i];
        fail_msg("it has no row");
        return NULL;
}

static void assert_place(const struct world *w, size_t index, uint32_t at, const char *func, uint32_t line)
{
        assert_int_equal(w->places[index].at, at);
        assert_string_equal(row(w, index)->func, func);
        assert_int_equal(row(w, index)->line, line);
}

static void the_probe_is_told_where_frames_are(void **state)
{
        const struct world *w = *state;
        const struct wire_interpreter *how = &w->shared->interpreter;

        assert_ptr_equal(*(void **)(toy_thread_pointer() + how->state), &w->thread);
        assert_int_equal(how->ending, (uint64_t)_PyRuntime + TOY_FINALIZING);
        assert_int_equal(how->thread, TOY_THREAD_ID);
        assert_int_equal(how->limit, WIRE_INTERPRETED_MAX);
}

static void functions_stand_inside_of_the_loop_that_ran_them(void **state)
{
        struct world *w = *state;

        w->record.alloc.anchor = STACK_ADDR + 256 * 1 + 64;                 /* the loop's innermost call is frame 1 ... */
        put_word(w, 256 * 1 + 64 + 16, STACK_ADDR + 256 * 4 + 8);           /* ... the one that it was called from, frame 4 */
        add(w, 2, 0, false);
        add(w, 1, 9, true);
        add(w, 0, 3, true);
        assert_int_equal(weave(w, 200 * MS), 3);
        assert_place(w, 0, 1, "put", 300);
        assert_place(w, 1, 1, "Shop.sell", 201);
        assert_place(w, 2, 4, "main", 100);
        assert_string_equal(row(w, 0)->file, "/srv/shop.py");
        assert_true(row(w, 0)->flags & REC_FRAME_INTERPRETED);
        assert_false(row(w, 0)->flags & REC_FRAME_RUNTIME);
}

static void without_a_place_they_are_the_outermost(void **state)
{
        struct world *w = *state;

        w->record.alloc.anchor = STACK_ADDR + 256 * 2;
        put_word(w, 256 * 2 + 16, STACK_ADDR + STACK + 64); /* was not copied */
        add(w, 2, 0, true);
        add(w, 1, 0, true);
        add(w, 0, 0, true);
        w->record.alloc.more_interpreted = 1;
        assert_int_equal(weave(w, 200 * MS), 4);
        assert_place(w, 0, 2, "put", 300);
        assert_place(w, 1, 6, "Shop.sell", 200);
        assert_place(w, 2, 6, "main", 100);
        assert_place(w, 3, 6, "(more Python frames)", 0);
}

static void a_function_at_one_line_is_one_frame(void **state)
{
        struct world *w = *state;

        w->record.alloc.anchor = STACK_ADDR;
        add(w, 1, 1, false);
        add(w, 1, 7, false);
        add(w, 1, 8, true);
        assert_int_equal(weave(w, 200 * MS), 3);
        assert_int_equal(w->places[0].frame, w->places[1].frame);
        assert_int_not_equal(w->places[0].frame, w->places[2].frame);
}

static void what_replaces_a_function_in_memory_gets_its_own_name(void **state)
{
        struct world *w = *state;

        w->record.alloc.anchor = STACK_ADDR;
        add(w, 2, 0, true);
        assert_int_equal(weave(w, 200 * MS), 1);
        assert_place(w, 0, 0, "put", 300);
        make_function(&w->functions[2], "other", 700);
        assert_int_equal(weave(w, 200 * MS + SCRIPTS_TRUST_NS + 1), 1);
        assert_place(w, 0, 0, "other", 700);
        w->functions[2].code.type = PyBytes_Type; /* and nothing at all */
        assert_int_equal(weave(w, 300 * MS), 1);
        assert_place(w, 0, 0, "(deleted function)", 0);
}

static void what_python_does_to_import_is_runtime(void **state)
{
        struct world *w = *state;

        toy_text(&w->functions[2].file, "<frozen importlib._bootstrap>");
        toy_text(&w->functions[3].name, "clone"); /* libc's is, but this one is the program's */
        add(w, 2, 0, false);
        add(w, 3, 0, true);
        assert_int_equal(weave(w, 200 * MS), 2);
        assert_true(row(w, 0)->flags & REC_FRAME_RUNTIME);
        assert_false(row(w, 1)->flags & REC_FRAME_RUNTIME);
}

static void it_is_given_up_when_nothing_makes_sense(void **state)
{
        struct world *w = *state;

        for (uint32_t i = 0; i < 100; i++)
                add(w, 0, 0, false);
        for (uint32_t i = 0; i < FUNCTIONS; i++)
                w->functions[i].code.type = NULL;
        for (uint32_t i = 0; i < 20; i++)
                weave(w, (200 + 30 * i) * MS);
        assert_int_equal(w->shared->interpreter.on, 0);
        assert_int_equal(weave(w, 5000 * MS), 0);
        scripts_tell(w->scripts, &w->happenings, 5000 * MS);
        assert_int_equal(w->happenings.events.n, 1);
        assert_non_null(strstr(w->happenings.events.v[0].text, "Python 3.11: its functions are not in the stacks"));
}

static uint64_t draw(uint64_t *seed)
{
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        return *seed;
}

static void whatever_a_record_says_is_survived(void **state)
{
        struct world *w = *state;
        uint64_t seed = 7;

        for (int i = 0; i < 20000; i++) {
                size_t n;

                w->record.alloc.stack_bytes = (uint32_t)(draw(&seed) % (STACK + 1)) & ~7u;
                w->record.alloc.n_interpreted = 0;
                for (uint64_t k = draw(&seed) % (WIRE_INTERPRETED_MAX + 1); k > 0; k--)
                        add(w, (uint32_t)(draw(&seed) % FUNCTIONS), (uint32_t)(draw(&seed) % 64), draw(&seed) % 3 == 0);
                for (int k = 0; k < 8; k++)
                        w->record.behind[draw(&seed) % sizeof w->record.behind] = (uint8_t)draw(&seed);
                w->record.alloc.anchor = draw(&seed) % 4 ? STACK_ADDR + draw(&seed) % (STACK + 64) : draw(&seed);
                w->record.alloc.more_interpreted = (uint32_t)draw(&seed);
                n = weave(w, (200 + (uint64_t)i) * MS);
                assert_true(n <= WIRE_INTERPRETED_MAX + 1);
                for (size_t k = 0; k < n; k++) {
                        assert_true(w->places[k].frame > 0 && w->places[k].frame < w->stacks.frames.n);
                        assert_true(w->places[k].at <= 6 && (k == 0 || w->places[k].at >= w->places[k - 1].at));
                }
        }
}

int main(void)
{
#define SCRIPTS_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        const struct CMUnitTest tests[] = {
                SCRIPTS_TEST(the_probe_is_told_where_frames_are),
                SCRIPTS_TEST(functions_stand_inside_of_the_loop_that_ran_them),
                SCRIPTS_TEST(without_a_place_they_are_the_outermost),
                SCRIPTS_TEST(a_function_at_one_line_is_one_frame),
                SCRIPTS_TEST(what_replaces_a_function_in_memory_gets_its_own_name),
                SCRIPTS_TEST(what_python_does_to_import_is_runtime),
                SCRIPTS_TEST(it_is_given_up_when_nothing_makes_sense),
                SCRIPTS_TEST(whatever_a_record_says_is_survived),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
