#include "unit.h"

#include "inject/allocators.h"
#include "inject/process.h"
#include "inject/relocate.h"

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
                { "tc_deletearray_aligned_nothrow", WIRE_DELETE },
                { "_ZnwmSt11align_val_tRKSt9nothrow_t", WIRE_NEW_NOTHROW },
                { "mi_zalloc_aligned", WIRE_MALLOCX },
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

static bool is_at(void *ctx, uint64_t pointer)
{
        return *(const uint64_t *)ctx == pointer;
}

static void follows_what_only_jumps_on(void **state)
{
        /* mov %rdi, %rsi; jmp +0x10 */
        static const uint8_t straight[] = { 0x48, 0x89, 0xfe, 0xe9, 0x10, 0, 0, 0 };
        /* endbr64; jmp *0x20(%rip) */
        static const uint8_t through[] = { 0xf3, 0x0f, 0x1e, 0xfa, 0xff, 0x25, 0x20, 0, 0, 0 };
        /* test %rdi, %rdi; je +4; jmp ...: only at times */
        static const uint8_t sometimes[] = { 0x48, 0x85, 0xff, 0x74, 0x04, 0xe9, 0x10, 0, 0, 0 };
        /* call ...; ret */
        static const uint8_t calls[] = { 0xe8, 0x10, 0, 0, 0, 0xc3 };
        uint64_t to = 0;
        bool indirect;

        assert_true(relocate_forwards(straight, sizeof straight, 0x1000, &to, &indirect));
        assert_true(to == 0x1018 && !indirect);
        assert_true(relocate_forwards(through, sizeof through, 0x1000, &to, &indirect));
        assert_true(to == 0x102a && indirect);
        assert_false(relocate_forwards(sometimes, sizeof sometimes, 0x1000, &to, &indirect));
        assert_false(relocate_forwards(calls, sizeof calls, 0x1000, &to, &indirect));
        assert_false(relocate_forwards(straight, 3, 0x1000, &to, &indirect));
}

static void sees_the_pointers_that_code_uses(void **state)
{
        /* mov 0x30(%rip), %rax; jmp *%rax */
        static const uint8_t code[] = { 0x48, 0x8b, 0x05, 0x30, 0, 0, 0, 0xff, 0xe0 };
        uint64_t pointer = 0x1037;

        assert_true(relocate_pointers(code, sizeof code, 0x1000, is_at, &pointer));
        pointer++;
        assert_false(relocate_pointers(code, sizeof code, 0x1000, is_at, &pointer));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(knows_the_names),
                cmocka_unit_test(knows_no_others),
                cmocka_unit_test(finds_the_allocator_of_libc),
                cmocka_unit_test(follows_what_only_jumps_on),
                cmocka_unit_test(sees_the_pointers_that_code_uses),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
