/* Files that names are asked of: each once, in however many processes it is mapped. */
#include "unit.h"

#include "live/names.h"
#include "target/image.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(void);

static struct image *own;
static uint64_t own_addr;

static int find_main(void *ctx, const struct image_symbol *symbol)
{
        *(uint64_t *)ctx = strcmp(symbol->name, "main") == 0 ? symbol->addr : 0;
        return *(uint64_t *)ctx != 0;
}

/* The name of the function at ADDR of MODULE, for the caller to free; NULL = it has none. */
static char *name_of(struct names *names, uint32_t module, uint64_t addr)
{
        struct names_answer answer;
        char *name = NULL;

        assert_true(names_ask(names, module, addr, true, 1, true));
        while (names_collect(names, &answer, 1) == 0)
                usleep(1000);
        for (size_t i = 0; i < answer.n; i++) {
                if (i == 0)
                        name = answer.names[i].func;
                else
                        free(answer.names[i].func);
                free(answer.names[i].file);
        }
        return name;
}

static void a_file_in_many_processes_is_read_once(void **state)
{
        struct names *names;
        uint32_t first, other;
        char *name;

        assert_int_equal(names_new(&names), 0);
        first = names_module(names, own, "/bin/a", 1);
        other = names_module(names, own, "/bin/b", 2);
        assert_int_not_equal(first, other);
        for (int i = 0; i < 1000; i++)
                assert_int_equal(names_module(names, own, "/bin/a", 1), first);
        name = name_of(names, first, own_addr);
        assert_string_equal(name, "main");
        free(name);
        names_free(names);
}

static void a_file_that_could_not_be_opened_at_first_has_names_later(void **state)
{
        struct names *names;
        uint32_t module;
        char *name;

        assert_int_equal(names_new(&names), 0);
        module = names_module(names, NULL, "/bin/a", 1);
        assert_null(name_of(names, module, own_addr));
        assert_int_equal(names_module(names, own, "/bin/a", 1), module);
        name = name_of(names, module, own_addr);
        assert_string_equal(name, "main");
        free(name);
        names_free(names);
}

static uint64_t return_address;
static volatile int sink;

__attribute__((noinline, noclone)) static void note_caller(void)
{
        return_address = (uint64_t)(uintptr_t)__builtin_return_address(0);
        sink++;
}

__attribute__((always_inline)) static inline void names_test_inner(void)
{
        note_caller();
        sink++;
}

__attribute__((noinline, noclone)) static void names_test_outer(void)
{
        names_test_inner();
        sink++;
}

/* None of them is runtime; the function comes first, what is inlined there after it. */
static void all_inlined_calls_are_told(void **state)
{
        struct names_answer answer;
        struct names *names;
        uint32_t module;

        names_test_outer();
        assert_int_equal(names_new(&names), 0);
        module = names_module(names, own, "/bin/a", 1);
        /* where this program stands in memory, by main() */
        assert_true(names_ask(names, module, return_address - (uint64_t)(uintptr_t)main + own_addr, false, 1, true));
        while (names_collect(names, &answer, 1) == 0)
                usleep(1000);
        assert_false(answer.runtime);
        assert_string_equal(answer.names[0].func, "names_test_outer");
        if (answer.names[0].file) { /* without -g there are no inlined calls */
                assert_int_equal(answer.n, 2);
                assert_string_equal(answer.names[1].func, "names_test_inner");
        }
        for (size_t i = 0; i < answer.n; i++) {
                free(answer.names[i].func);
                free(answer.names[i].file);
        }
        names_free(names);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_file_in_many_processes_is_read_once),
                cmocka_unit_test(all_inlined_calls_are_told),
                cmocka_unit_test(a_file_that_could_not_be_opened_at_first_has_names_later),
        };
        int r;

        if (image_open_path("/proc/self/exe", &own) < 0 || !image_functions(own, find_main, &own_addr))
                return 1;
        r = cmocka_run_group_tests(tests, NULL, NULL);
        image_close(own);
        return r;
}
