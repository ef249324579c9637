#include "unit.h"

#include "inject/seccomp.h"

#include <linux/audit.h>
#include <stddef.h>
#include <sys/syscall.h>

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RUN(...) run((const struct sock_filter[]){ __VA_ARGS__ }, \
                     sizeof((const struct sock_filter[]){ __VA_ARGS__ }) / sizeof(struct sock_filter))

static uint32_t run(const struct sock_filter *code, size_t n)
{
        const struct seccomp_data data = { .nr = SYS_mmap, .arch = AUDIT_ARCH_X86_64,
                                           .args = { 0x1122334455667788, 4096, 5, 2, 3, 0 } };

        return seccomp_run(code, n, &data);
}

static void an_action_is_what_it_returns(void **state)
{
        (void)state;
        assert_int_equal(RUN(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)), SECCOMP_RET_ALLOW);
        assert_int_equal(RUN(BPF_STMT(BPF_LD | BPF_IMM, SECCOMP_RET_ERRNO | 7), BPF_STMT(BPF_RET | BPF_A, 0)),
                         SECCOMP_RET_ERRNO | 7);
}

static void a_filter_looks_at_number_and_arguments(void **state)
{
        (void)state;
        assert_int_equal(RUN(LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 1), BPF_STMT(BPF_RET | BPF_K, 1),
                             BPF_STMT(BPF_RET | BPF_K, 2)), 1);
        assert_int_equal(RUN(LOAD(args[2]), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 4, 0, 1), BPF_STMT(BPF_RET | BPF_K, 1),
                             BPF_STMT(BPF_RET | BPF_K, 2)), 1);
        /* the high half of the first argument, little endian */
        assert_int_equal(RUN(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args) + 4),
                             BPF_STMT(BPF_RET | BPF_A, 0)), 0x11223344);
        assert_int_equal(RUN(BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), BPF_STMT(BPF_RET | BPF_A, 0)),
                         sizeof(struct seccomp_data));
}

static void it_computes_and_remembers(void **state)
{
        (void)state;
        assert_int_equal(RUN(BPF_STMT(BPF_LD | BPF_IMM, 10), BPF_STMT(BPF_ST, 3), BPF_STMT(BPF_LD | BPF_IMM, 4),
                             BPF_STMT(BPF_MISC | BPF_TAX, 0), BPF_STMT(BPF_LD | BPF_MEM, 3),
                             BPF_STMT(BPF_ALU | BPF_MUL | BPF_X, 0), BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, 1),
                             BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 4), BPF_STMT(BPF_RET | BPF_A, 0)), 39 << 4);
        assert_int_equal(RUN(BPF_STMT(BPF_LD | BPF_IMM, 1), BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 40),
                             BPF_STMT(BPF_RET | BPF_A, 0)), 0);
}

static void code_that_does_not_end_well_kills(void **state)
{
        (void)state;
        assert_int_equal(seccomp_run(NULL, 0, NULL), SECCOMP_RET_KILL_PROCESS);
        assert_int_equal(RUN(LOAD(nr)), SECCOMP_RET_KILL_PROCESS);
        assert_int_equal(RUN(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 4096), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)),
                         SECCOMP_RET_KILL_PROCESS);
        assert_int_equal(RUN(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 3), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)),
                         SECCOMP_RET_KILL_PROCESS);
        assert_int_equal(RUN(BPF_STMT(BPF_LD | BPF_MEM, 1u << 31), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)),
                         SECCOMP_RET_KILL_PROCESS);
        assert_int_equal(RUN(BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)),
                         SECCOMP_RET_KILL_PROCESS);
        assert_int_equal(RUN(BPF_STMT(BPF_JMP | BPF_JA, UINT32_MAX)), SECCOMP_RET_KILL_PROCESS);
        assert_int_equal(RUN(BPF_STMT(BPF_LD | BPF_B | BPF_IND, 0)), SECCOMP_RET_KILL_PROCESS);
}

/* Wherever these tests run, a child of theirs may make the calls that an attach makes; else no heaptop could work. */
static void our_own_filters_are_tried_by_a_child(void **state)
{
        (void)state;
        assert_true(seccomp_try_own());
        assert_true(seccomp_try_own());
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_action_is_what_it_returns),
                cmocka_unit_test(a_filter_looks_at_number_and_arguments),
                cmocka_unit_test(it_computes_and_remembers),
                cmocka_unit_test(code_that_does_not_end_well_kills),
                cmocka_unit_test(our_own_filters_are_tried_by_a_child),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
