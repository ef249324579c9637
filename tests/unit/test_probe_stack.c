/* What of the caller's stack is copied, and what never is touched. */
#include "unit.h"

#include "rig.h"

#include <pthread.h>
#include <unistd.h>

static struct rig rig;

static int setup(void **state)
{
        rig_open(&rig, 1);
        return 0;
}

static int teardown(void **state)
{
        rig_close(&rig);
        return 0;
}

static uint64_t same_block(uint64_t size, uint64_t a1, uint64_t a2)
{
        static uint64_t block[8];

        return (uint64_t)&block[2];
}

/* Calls STUB(size) with the stack pointer at TOP. */
static uint64_t call_on(uint8_t *top, rig_function *stub, uint64_t size)
{
        uint64_t result;

        __asm__ volatile("movq %%rsp, %%rbx\n\tmovq %1, %%rsp\n\tcall *%2\n\tmovq %%rbx, %%rsp"
                         : "=a"(result)
                         : "r"(top), "r"(stub), "D"(size)
                         : "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory", "cc");
        return result;
}

struct copied {
        uint64_t rsp;
        uint32_t bytes;
        uint8_t stack[WIRE_STACK_MAX];
};

static void keep_stack(const struct wire_record *record, void *arg)
{
        const struct wire_alloc *alloc = (const struct wire_alloc *)record;
        struct copied *copied = arg;

        if (record->type != WIRE_ALLOC) /* the same address again: the block before has died */
                return;
        copied->rsp = alloc->rsp;
        copied->bytes = alloc->stack_bytes;
        assert_true(sizeof *alloc + alloc->stack_bytes <= record->length);
        memcpy(copied->stack, alloc + 1, alloc->stack_bytes);
}

static void copying_stops_where_nothing_can_be_read(void **state)
{
        enum { PAGES = 12 };
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_UNKNOWN, same_block);
        uint8_t *stack = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        struct copied *copied = calloc(1, sizeof *copied);

        assert_true(stack != MAP_FAILED);
        for (size_t i = 0; i < PAGES * 4096; i++)
                stack[i] = (uint8_t)(i * 7 + i / 4096);
        mprotect(stack + (PAGES - 1) * 4096, 4096, PROT_NONE);
        rig.shared->mean = 1;
        for (uint32_t limit = 0; limit <= WIRE_STACK_MAX; limit = limit ? limit * 2 : 8)
                for (uint32_t left = 0; left <= 4 * 4096; left += left < 64 || left % 4096 > 4032 ? 16 : 1984) {
                        uint8_t *top = stack + (PAGES - 1) * 4096 - left;
                        uint32_t expected = limit < left ? limit : left;

                        rig.shared->stack_limit = limit;
                        call_on(top, m, 64);
                        rig_drain(&rig, keep_stack, copied);
                        assert_int_equal(copied->rsp, (uint64_t)top);
                        assert_int_equal(copied->bytes, expected);
                        assert_memory_equal(copied->stack, top, expected);
                }
        munmap(stack, PAGES * 4096);
        free(copied);
}

static void the_main_stack_is_copied_up_to_its_end(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_UNKNOWN, same_block);
        uint8_t *stack = mmap(NULL, 8 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        struct copied *copied = calloc(1, sizeof *copied);

        rig.shared->mean = 1;
        rig.shared->stack_limit = WIRE_STACK_MAX;
        rig.shared->main_stack_low = (uint64_t)stack;
        rig.shared->main_stack_high = (uint64_t)stack + 7 * 4096;
        call_on(stack + 2 * 4096, m, 64);
        rig_drain(&rig, keep_stack, copied);
        assert_int_equal(copied->bytes, 5 * 4096);
        rig.shared->stack_limit = UINT64_MAX; /* nonsense is bounded */
        rig.shared->main_stack_high = UINT64_MAX;
        rig.shared->main_stack_low = UINT64_MAX;
        call_on(stack + 2 * 4096, m, 64);
        rig_drain(&rig, keep_stack, copied);
        assert_true(copied->bytes >= 6 * 4096 && copied->bytes <= WIRE_STACK_MAX);
        munmap(stack, 8 * 4096);
        free(copied);
}

static void *allocate_once(void *arg)
{
        rig_function *m = (rig_function *)arg;

        m(64, 0, 0);
        return NULL;
}

static void a_small_thread_is_copied_up_to_its_control_block(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_GLIBC, same_block);
        struct copied *copied = calloc(1, sizeof *copied);
        pthread_attr_t attr;
        pthread_t thread;

        rig.shared->mean = 1;
        rig.shared->stack_limit = WIRE_STACK_MAX;
        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, (size_t)sysconf(_SC_THREAD_STACK_MIN));
        assert_int_equal(pthread_create(&thread, &attr, allocate_once, (void *)m), 0);
        pthread_join(thread, NULL);
        rig_drain(&rig, keep_stack, copied);
#ifndef __SANITIZE_THREAD__ /* it makes small stacks larger */
        assert_in_range(copied->bytes, 64, 16384);
#endif
        pthread_attr_destroy(&attr);
        free(copied);
}

static void the_thread_id_is_read_where_heaptop_found_it(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_UNKNOWN, same_block);
        uint32_t offset;

        for (offset = 8; offset < 1024; offset += 4)
                if (*(const uint32_t *)(rig_thread() + offset) == (uint32_t)gettid())
                        break;
        assert_true(offset < 1024);
        rig.shared->mean = 1;
        rig.shared->tid_offset = offset;
        m(64, 0, 0);
        assert_int_equal(((const struct wire_alloc *)rig.shared->ring)->tid, gettid());
}

static void the_thread_id_is_not_asked_for_where_that_may_kill(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_UNKNOWN, same_block);

        rig.shared->mean = 1;
        rig.shared->tid_offset = WIRE_TID_UNKNOWN;
        m(64, 0, 0);
        assert_int_equal(((const struct wire_alloc *)rig.shared->ring)->head.type, WIRE_ALLOC);
        assert_int_equal(((const struct wire_alloc *)rig.shared->ring)->tid, 0);
}

int main(void)
{
#define PROBE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        const struct CMUnitTest tests[] = {
                PROBE_TEST(copying_stops_where_nothing_can_be_read),
                PROBE_TEST(the_main_stack_is_copied_up_to_its_end),
                PROBE_TEST(a_small_thread_is_copied_up_to_its_control_block),
                PROBE_TEST(the_thread_id_is_read_where_heaptop_found_it),
                PROBE_TEST(the_thread_id_is_not_asked_for_where_that_may_kill),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
