#include "unit.h"

#include "base/alloc.h"
#include "target/dwarf_process.h"
#include "target/maps.h"
#include "target/modules.h"
#include "target/naming.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t return_address;
static volatile int sink;

#define HERE __attribute__((always_inline)) static inline
#define ALONE __attribute__((noinline, noclone))

ALONE static void note_caller(void)
{
        return_address = (uint64_t)(uintptr_t)__builtin_return_address(0);
        sink++;
}

enum { LINE_INNER = __LINE__ + 3, LINE_OUTER = __LINE__ + 9, LINE_FUNCTION = __LINE__ + 15 };
HERE void naming_test_inner(void)
{
        note_caller();
        sink++;
}

HERE void naming_test_outer(void)
{
        naming_test_inner();
        sink++;
}

ALONE static void naming_test_function(void)
{
        naming_test_outer();
        sink++;
}

static struct maps maps;
static struct modules modules;
static struct dwarf_process *lines;

static int set_up(void **state)
{
        lines = dwarf_process_new();
        assert_int_equal(maps_read(getpid(), &maps), 0);
        return modules_read(getpid(), &maps, NULL, &modules);
}

static int tear_down(void **state)
{
        modules_done(&modules);
        maps_done(&maps);
        dwarf_process_free(lines);
        return 0;
}

static struct naming *open_for(uint64_t pc, uint64_t *ret_addr)
{
        const struct module *module = modules_find(&modules, pc);
        struct naming *naming = NULL;

        assert_non_null(module);
        assert_int_equal(naming_open(module->image, lines, &naming), 0);
        *ret_addr = pc - module->bias;
        return naming;
}

static bool ends_with(const char *s, const char *end)
{
        return s && strlen(s) >= strlen(end) && strcmp(s + strlen(s) - strlen(end), end) == 0;
}

/* Without -g (a user's CFLAGS) there are names but no lines. */
static bool have_lines(struct naming *naming, uint64_t addr)
{
        struct naming_frame frame;

        return naming_lookup(naming, addr, false, &frame, 1) == 1 && frame.file;
}

static void names_inlined_calls_innermost_first(void **state)
{
        struct naming_frame frames[NAMING_FRAMES_MAX];
        struct naming *naming;
        uint64_t addr;
        size_t n;

        naming_test_function();
        naming = open_for(return_address, &addr);
        n = naming_lookup(naming, addr, false, frames, NAMING_FRAMES_MAX);
        if (have_lines(naming, addr)) {
                n = naming_lookup(naming, addr, false, frames, NAMING_FRAMES_MAX);
                assert_int_equal(n, 3);
                assert_string_equal(frames[0].func, "naming_test_inner");
                assert_int_equal(frames[0].line, LINE_INNER);
                assert_string_equal(frames[1].func, "naming_test_outer");
                assert_int_equal(frames[1].line, LINE_OUTER);
                assert_int_equal(frames[2].line, LINE_FUNCTION);
                for (size_t i = 0; i < n; i++) {
                        assert_true(ends_with(frames[i].file, "/test_naming.c"));
                        assert_int_equal(frames[i].file[0], '/'); /* the compiler was told "../tests/unit/..." */
                }
        }
        assert_string_equal(frames[n - 1].func, "naming_test_function");
        assert_false(frames[n - 1].nearest);
        assert_int_equal(naming_lookup(naming, addr, false, frames, 1), 1);
        naming_close(naming);
}

static void a_return_address_belongs_to_the_call_before_it(void **state)
{
        struct naming_frame frames[4], exact[4];
        struct naming *naming;
        uint64_t addr;
        size_t n, m;

        naming = open_for((uint64_t)(uintptr_t)naming_test_function, &addr);
        n = naming_lookup(naming, addr, true, exact, 4);
        assert_string_equal(exact[n - 1].func, "naming_test_function");
        m = naming_lookup(naming, addr, false, frames, 4);
        assert_true(m >= 1);
        if (frames[m - 1].func)
                assert_true(frames[m - 1].nearest || strcmp(frames[m - 1].func, "naming_test_function") != 0);
        naming_close(naming);
}

static void names_exported_functions_of_a_stripped_library(void **state)
{
        struct naming_frame frames[NAMING_FRAMES_MAX];
        struct naming *naming;
        uint64_t addr;
        size_t n;

        naming = open_for((uint64_t)(uintptr_t)dlsym(RTLD_NEXT, "malloc"), &addr);
        n = naming_lookup(naming, addr, true, frames, NAMING_FRAMES_MAX);
        assert_true(n >= 1);
        assert_non_null(strstr(frames[n - 1].func, "malloc"));
        naming_close(naming);
}

/* This program without its debug information, in a file that is gone already; NULL when it has none anyway. */
static struct image *stripped_copy(void)
{
        char path[] = "/tmp/test_naming.XXXXXX", command[128];
        struct image *image = NULL;
        int fd = mkstemp(path);

        assert_true(fd >= 0);
        close(fd);
        snprintf(command, sizeof command, "objcopy --strip-all /proc/%d/exe %s", (int)getpid(), path);
        assert_int_equal(system(command), 0);
        assert_int_equal(image_open_path(path, &image), 0);
        unlink(path);
        return image;
}

static void debug_information_can_come_later(void **state)
{
        struct naming_frame frames[NAMING_FRAMES_MAX];
        struct naming *naming, *stripped;
        struct image *image = stripped_copy(), *debug;
        uint64_t addr;

        naming_test_function();
        naming = open_for(return_address, &addr);
        assert_int_equal(naming_open(image, lines, &stripped), 0);
        assert_string_equal(naming_build_id(stripped), naming_build_id(naming));
        assert_false(naming_has_lines(stripped));
        assert_int_equal(naming_lookup(stripped, addr, false, frames, NAMING_FRAMES_MAX), 1);
        assert_null(frames[0].file);
        assert_int_equal(image_open_path("/proc/self/exe", &debug), 0);
        if (have_lines(naming, addr)) {
                assert_int_equal(naming_add_debug(stripped, debug), 0);
                assert_true(naming_has_lines(stripped));
                assert_int_equal(naming_lookup(stripped, addr, false, frames, NAMING_FRAMES_MAX), 3);
                assert_string_equal(frames[0].func, "naming_test_inner");
                assert_int_equal(frames[0].line, LINE_INNER);
                assert_string_equal(frames[2].func, "naming_test_function");
                assert_false(frames[2].nearest);
                assert_int_equal(image_open_path("/proc/self/exe", &debug), 0);
                assert_int_equal(naming_add_debug(stripped, debug), -EEXIST);
        } else {
                assert_int_equal(naming_add_debug(stripped, debug), -ENODATA);
        }
        naming_close(stripped);
        naming_close(naming);
        image_close(image);
}

static void an_unknown_address_is_one_frame_of_nothing(void **state)
{
        struct naming_frame frames[4];
        struct naming *naming;
        uint64_t addr;

        naming = open_for((uint64_t)(uintptr_t)naming_test_function, &addr);
        assert_int_equal(naming_lookup(naming, 0, true, frames, 4), 1);
        assert_null(frames[0].func);
        assert_null(frames[0].file);
        assert_int_equal(naming_lookup(naming, UINT64_MAX, false, frames, 4), 1);
        assert_null(frames[0].file);
        assert_int_equal(naming_lookup(naming, addr, true, frames, 0), 0);
        naming_close(naming);
        naming_close(NULL);
}

static void a_file_is_seen_from_where_the_compiler_ran(void **state)
{
        static const struct { const char *dir, *file, *path; } cases[] = {
                { "/src/build", "../app/a.c", "/src/app/a.c" },
                { "/src/build/", "./a.c", "/src/build/a.c" },
                { "/src", "a//b/./../c.c", "/src/a/c.c" },
                { "/", "../../etc/x.c", "/etc/x.c" },
                { "/src", "..hidden/...", "/src/..hidden/..." },
                { "/src", "/usr/include/a.h", NULL },
                { ".", "a.c", NULL },
                { "", "a.c", NULL },
                { NULL, "a.c", NULL },
                { "/src", "", NULL },
        };
        char longest[2 * PATH_MAX];
        char *path;

        for (size_t i = 0; i < array_len(cases); i++) {
                path = naming_join(cases[i].dir, cases[i].file);
                if (cases[i].path)
                        assert_string_equal(path, cases[i].path);
                else
                        assert_null(path);
                free(path);
        }
        memset(longest, 'x', sizeof longest - 1);
        longest[sizeof longest - 1] = '\0';
        assert_null(naming_join("/src", longest));
        longest[PATH_MAX - 6] = '\0';
        path = naming_join("/src", longest);
        assert_int_equal(strlen(path), PATH_MAX - 1);
        free(path);
        longest[PATH_MAX - 6] = 'x';
        longest[PATH_MAX - 5] = '\0';
        assert_null(naming_join("/src", longest));
}

static void demangles_three_languages(void **state)
{
        static const char *const pairs[][2] = {
                { "_ZN12SessionStore3putERKSs", "SessionStore::put" },
                { "_Znwm", "operator new" },
                { "_ZNSt6vectorIiSaIiEE9push_backERKi", "std::vector<int, std::allocator<int> >::push_back" },
                { "_RNvCskwGfYPst2Cb_3foo3bar", "foo::bar" },
                { "_ZN4core3fmt9Formatter3pad17h0123456789abcdefE", "core::fmt::Formatter::pad" },
                { "_D3std5stdio7writelnFZv", "std.stdio.writeln" },
                { "main", "main" },
                { "_start", "_start" },
                { "", "" },
                { "_Z", "_Z" },
                { "_ZN", "_ZN" },
        };

        for (size_t i = 0; i < array_len(pairs); i++) {
                char *name = naming_demangle(pairs[i][0]);

                if (strncmp(pairs[i][0], "_D", 2) == 0)
                        assert_int_equal(strncmp(name, pairs[i][1], strlen(pairs[i][1])), 0);
                else
                        assert_string_equal(name, pairs[i][1]);
                free(name);
        }
}

/* Each S<n>_ repeats all before it: printed in full this would be gigabytes. */
static void a_name_that_explodes_stays_as_it_is(void **state)
{
        char mangled[4000] = "_Z1fI1aE", *name;
        size_t at;

        strcpy(mangled, "_Z1fI1xIiiEEvT_");
        at = strlen(mangled);
        for (int i = 0; i < 30; i++)
                at += (size_t)snprintf(mangled + at, sizeof mangled - at, "1xIS%s_S%s_E", i ? "0" : "", i ? "0" : "");
        name = naming_demangle(mangled);
        assert_true(strlen(name) <= 16384);
        free(name);
        memset(mangled, 'P', sizeof mangled - 1);
        memcpy(mangled, "_Z1f", 4);
        mangled[sizeof mangled - 1] = '\0';
        name = naming_demangle(mangled);
        assert_true(strlen(name) < 20000);
        free(name);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
                TEST(names_inlined_calls_innermost_first),
                TEST(a_return_address_belongs_to_the_call_before_it),
                TEST(names_exported_functions_of_a_stripped_library),
                TEST(debug_information_can_come_later),
                TEST(an_unknown_address_is_one_frame_of_nothing),
                cmocka_unit_test(a_file_is_seen_from_where_the_compiler_ran),
                cmocka_unit_test(demangles_three_languages),
                cmocka_unit_test(a_name_that_explodes_stays_as_it_is),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
