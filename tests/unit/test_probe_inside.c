/* Calls inside calls: allocators that call themselves, signals, forks, and silence. */
#include "unit.h"

#include "toy.h"

#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- allocators that call themselves ---- */

static rig_function *hooked_malloc, *hooked_free;

static uint64_t nesting_memalign(uint64_t alignment, uint64_t size, uint64_t a2)
{
        return hooked_malloc(size + alignment, 0, 0) + alignment;
}

static uint64_t nesting_calloc(uint64_t n, uint64_t size, uint64_t a2)
{
        return hooked_malloc(n * size, 0, 0);
}

static uint64_t nesting_realloc(uint64_t addr, uint64_t size, uint64_t a2)
{
        uint64_t p = hooked_malloc(size, 0, 0);

        hooked_free(addr, 0, 0);
        return p;
}

static uint64_t small_memalign(uint64_t alignment, uint64_t size, uint64_t a2)
{
        return alignment <= 16 ? hooked_malloc(size, 0, 0) : toy_malloc(size, 0, 0);
}

static uint64_t small_posix_memalign(uint64_t ret, uint64_t alignment, uint64_t size)
{
        *(uint64_t *)ret = small_memalign(alignment, size, 0);
        return 0;
}

static void calls_inside_the_allocator_are_counted_once(void **state)
{
        rig_function *c, *r, *a;
        const struct wire_slot *slot = rig_seed(&rig, 5);
        uint64_t p;

        hooked_malloc = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_NESTED, toy_malloc);
        hooked_free = rig_hook(&rig, WIRE_FREE, WIRE_SIZE_NESTED, toy_free);
        c = rig_hook(&rig, WIRE_CALLOC, WIRE_SIZE_NESTED, nesting_calloc);
        r = rig_hook(&rig, WIRE_REALLOC, WIRE_SIZE_NESTED, nesting_realloc);
        a = rig_hook(&rig, WIRE_MEMALIGN, WIRE_SIZE_NESTED, nesting_memalign);
        p = c(2, 50, 0);
        counted(&rig, 100, 1, 0, 0);
        p = r(p, 300, 0);
        counted(&rig, 400, 2, 0, 0);
        assert_int_equal(slot->unsized_frees, 1);
        toy_free(p, 0, 0);
        make_due(&rig);
        p = a(64, 1000, 0);
        counted(&rig, 1400, 3, 0, 0);
        assert_int_equal(drain(&rig).last.head.addr, p); /* the aligned block, not the one inside */
        toy_free(p - 64, 0, 0);
        assert_int_equal(slot->key, rig_thread());
}

static void glibc_memalign_that_is_malloc_is_counted_once(void **state)
{
        rig_function *a, *p;
        uint64_t block;

        hooked_malloc = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_GLIBC, toy_malloc);
        a = rig_hook(&rig, WIRE_MEMALIGN, WIRE_SIZE_GLIBC, small_memalign);
        p = rig_hook(&rig, WIRE_POSIX_MEMALIGN, WIRE_SIZE_GLIBC, small_posix_memalign);
        toy_free(a(16, 100, 0), 0, 0);
        counted(&rig, 112, 1, 0, 0);
        toy_free(a(32, 100, 0), 0, 0);
        counted(&rig, 224, 2, 0, 0);
        p((uint64_t)&block, 8, 100);
        toy_free(block, 0, 0);
        counted(&rig, 336, 3, 0, 0);
        p((uint64_t)&block, 64, 100);
        toy_free(block, 0, 0);
        counted(&rig, 448, 4, 0, 0);
}

/* ---- silence, fork, signals ---- */

static void the_probe_falls_silent_without_a_heartbeat(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_GLIBC, toy_malloc);

        rig.shared->heartbeat_limit = 1ull << 40;
        rig.shared->heartbeat_tsc = rig_tsc() + 1000000; /* another processor's clock may be ahead */
        make_due(&rig);
        toy_free(m(100, 0, 0), 0, 0);
        assert_int_equal(drain(&rig).n_allocs, 1);
        assert_int_equal(rig.shared->state, WIRE_RUNNING);
        rig.shared->heartbeat_limit = 1000;
        rig.shared->heartbeat_tsc = rig_tsc() - 1000000;
        make_due(&rig);
        toy_free(m(100, 0, 0), 0, 0);
        assert_int_equal(drain(&rig).n_allocs, 0);
        assert_int_equal(rig.shared->state, WIRE_SILENT);
        assert_int_equal(rig.root->shared, 0);
}

static void a_fork_child_passes_through(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_GLIBC, toy_malloc);
        int status;
        pid_t pid;

        make_due(&rig);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
                _exit(rig.root->shared == 0 && m(100, 0, 0) != 0 ? 0 : 1);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        counted(&rig, 0, 0, 0, 0);
}

static pid_t forked;

static uint64_t forking_malloc(uint64_t size, uint64_t a1, uint64_t a2)
{
        forked = fork();
        return toy_malloc(size, a1, a2);
}

/* As a signal handler may do while a sampled malloc is under way: the child returns into the slow path. */
static void a_child_forked_inside_a_sampled_call_passes_through(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_GLIBC, forking_malloc);
        struct births births;
        uint64_t p;
        int status;

        make_due(&rig);
        p = m(100, 0, 0);
        if (forked == 0)
                _exit(p != 0 && rig.root->mapped == 0 ? 0 : 1);
        assert_int_equal(waitpid(forked, &status, 0), forked);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        births = drain(&rig);
        assert_int_equal(births.n_allocs, 1);
        assert_int_equal(births.last.head.addr, p);
        toy_free(p, 0, 0);
}

static void a_call_that_falls_silent_inside_leaves_the_slot_usable(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_GLIBC, toy_malloc);
        const struct wire_slot *slot = rig_seed(&rig, 3);

        rig.shared->heartbeat_limit = 1000;
        rig.shared->heartbeat_tsc = rig_tsc() - 1000000;
        make_due(&rig);
        toy_free(m(100, 0, 0), 0, 0);
        assert_int_equal(rig.root->shared, 0);
        rig.shared->heartbeat_limit = 0;
        rig_switch(&rig, true);
        make_due(&rig);
        toy_free(m(100, 0, 0), 0, 0);
        assert_int_equal(drain(&rig).n_allocs, 1);
        assert_int_equal(slot->key, rig_thread());
}

static rig_function *signal_malloc;
static uint64_t n_signal_calls;

static uint64_t constant_block(uint64_t size, uint64_t a1, uint64_t a2)
{
        static uint64_t block[8];

        return (uint64_t)&block[2];
}

static void allocate_in_signal(int signal)
{
        signal_malloc(40, 0, 0);
        n_signal_calls++;
}

static void signal_handlers_may_allocate(void **state)
{
        struct sigaction action = { .sa_handler = allocate_in_signal }, before;
        struct itimerval often = { .it_interval = { .tv_usec = 50 }, .it_value = { .tv_usec = 50 } }, never = { 0 };
        uint64_t n = 0;

        rig.shared->mean = 200; /* so that signals also arrive in the slow path */
        signal_malloc = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_UNKNOWN, constant_block);
        sigaction(SIGALRM, &action, &before);
        setitimer(ITIMER_REAL, &often, NULL);
        while (__atomic_load_n(&n_signal_calls, __ATOMIC_RELAXED) < 500) {
                for (int i = 0; i < 100; i++, n++)
                        signal_malloc(40, 0, 0);
                rig_drain(&rig, NULL, NULL);
        }
        setitimer(ITIMER_REAL, &never, NULL);
        sigaction(SIGALRM, &before, NULL);
        /* A signal while the original runs under a mark goes uncounted: never more, and few fewer. */
        assert_in_range(rig_counted(&rig).allocated_calls, n, n + n_signal_calls);
        rig_drain(&rig, NULL, NULL);
        assert_int_equal(rig.shared->head, rig.shared->tail);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                PROBE_TEST(calls_inside_the_allocator_are_counted_once),
                PROBE_TEST(glibc_memalign_that_is_malloc_is_counted_once),
                PROBE_TEST(the_probe_falls_silent_without_a_heartbeat),
                PROBE_TEST(a_fork_child_passes_through),
                PROBE_TEST(a_child_forked_inside_a_sampled_call_passes_through),
                PROBE_TEST(a_call_that_falls_silent_inside_leaves_the_slot_usable),
                PROBE_TEST(signal_handlers_may_allocate),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
