#include "unit.h"

#include "inject/allocators.h"
#include "inject/process.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void knows_the_names(void **state)
{
        static const struct {
                const char *name;
                enum wire_kind kind;
        } names[] = {
                { "malloc", WIRE_MALLOC },
                { "pvalloc", WIRE_MALLOC },
                { "free", WIRE_FREE },
                { "calloc", WIRE_CALLOC },
                { "realloc", WIRE_REALLOC },
                { "aligned_alloc", WIRE_MEMALIGN },
                { "posix_memalign", WIRE_POSIX_MEMALIGN },
                { "_Znwm", WIRE_NEW },
                { "_ZnamRKSt9nothrow_t", WIRE_NEW_NOTHROW },
                { "_ZnwmSt11align_val_t", WIRE_NEW_ALIGNED },
                { "_ZdaPvm", WIRE_DELETE_SIZED },
                { "mallocx", WIRE_MALLOCX },
                { "je_sdallocx", WIRE_SDALLOCX },
                { "_rjem_malloc", WIRE_MALLOC },
                { "_rjem_rallocx", WIRE_RALLOCX },
                { "tc_malloc", WIRE_MALLOC },
                { "tc_newarray_nothrow", WIRE_NEW_NOTHROW },
                { "tc_free_sized", WIRE_DELETE_SIZED },
                { "mi_realloc", WIRE_REALLOC },
        };

        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                enum wire_kind kind = WIRE_KINDS;
                const char *name;
                bool prefixed;

                assert_true(allocators_kind(names[i].name, &kind, &prefixed, &name));
                assert_int_equal(kind, names[i].kind);
        }
}

static void knows_no_others(void **state)
{
        static const char *const names[] = { "", "mallocs", "xmalloc", "je_", "freeaddrinfo", "malloc_usable_size",
                                             "reallocarray", "strdup", "je__Znwm", "tc_mallopt", "mmap" };

        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                enum wire_kind kind;
                const char *name;
                bool prefixed;

                assert_false(allocators_kind(names[i], &kind, &prefixed, &name));
        }
}

static bool has(const struct allocator *allocator, const char *name)
{
        for (size_t i = 0; i < allocator->n; i++)
                if (!strcmp(allocator->v[i].name, name))
                        return true;
        return false;
}

/* This very process is a program with a C library. */
static void finds_the_allocator_of_libc(void **state)
{
        struct process process = { .pid = getpid(), .view = getpid(), .memory = -1 };
        struct allocator *allocator = calloc(1, sizeof *allocator);
        struct modules modules = { 0 };
        size_t found = 0;

        process.memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
        assert_true(process.memory >= 0);
        assert_int_equal(maps_read(getpid(), &process.maps), 0);
        assert_int_equal(modules_read(getpid(), &process.maps, NULL, &modules), 0);
        for (size_t i = 0; i < modules.n; i++) {
                if (!allocators_find(&process, &modules.v[i], allocator) || !strstr(modules.v[i].path, "libc"))
                        continue;
                found++;
                assert_string_equal(allocator->v[0].name, "malloc");
                assert_true(has(allocator, "free") && has(allocator, "calloc") && has(allocator, "realloc") &&
                            has(allocator, "posix_memalign"));
                for (size_t k = 0; k < allocator->n; k++)
                        for (size_t j = 0; j < k; j++)
                                assert_true(allocator->v[k].addr != allocator->v[j].addr);
        }
        assert_int_equal(found, 1);
        modules_done(&modules);
        process_done(&process);
        free(allocator);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(knows_the_names),
                cmocka_unit_test(knows_no_others),
                cmocka_unit_test(finds_the_allocator_of_libc),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
