/* Mapping calls: what reaches the original, and what is noted of what it did. */
#include "unit.h"

#include "toy.h"

#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

typedef uint64_t map_function(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5);

#define AT 0x7e0000000000ull /* where nothing is looked at */

static uint64_t given[6], n_given, answer;

/* A mapping function that does nothing but answer. */
static uint64_t fake(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5)
{
        memcpy(given, (uint64_t[]){ a0, a1, a2, a3, a4, a5 }, sizeof given);
        n_given++;
        if (answer == UINT64_MAX)
                errno = ENOMEM;
        return answer;
}

static map_function *hook_map(enum wire_kind kind)
{
        return (map_function *)(void *)rig_hook(&rig, kind, WIRE_SIZE_UNKNOWN, (void *)fake);
}

/* The next growth is sampled. */
static void make_mapping_due(void)
{
        make_due(&rig);
        rig.shared->mean = NEVER;
}

/* ---- records ---- */

struct maps {
        uint32_t n_maps, n_unmaps, n_remaps, n_others;
        struct wire_alloc map;
        struct wire_span unmap, remap;
        char order[8]; /* "um": an UNMAP, then a MAP */
};

static void take(const struct wire_record *record, void *arg)
{
        struct maps *maps = arg;
        char letter = '?';

        if (record->type == WIRE_MAP) {
                letter = 'm';
                maps->n_maps++;
                memcpy(&maps->map, record, sizeof maps->map);
        } else if (record->type == WIRE_UNMAP) {
                letter = 'u';
                maps->n_unmaps++;
                memcpy(&maps->unmap, record, sizeof maps->unmap);
        } else if (record->type == WIRE_REMAP) {
                letter = 'r';
                maps->n_remaps++;
                memcpy(&maps->remap, record, sizeof maps->remap);
        } else {
                maps->n_others++;
        }
        if (strlen(maps->order) + 1 < sizeof maps->order)
                maps->order[strlen(maps->order)] = letter;
        assert_int_not_equal(record->id, 0);
}

static struct maps drain_maps(void)
{
        struct maps maps = { 0 };

        rig_drain(&rig, take, &maps);
        return maps;
}

/* ---- passing on ---- */

static void six_arguments_result_and_errno_pass(void **state)
{
        for (enum wire_kind kind = WIRE_MMAP; kind <= WIRE_BRK; kind++)
                for (int on = 0; on < 2; on++) {
                        map_function *f = hook_map(kind);

                        rig_switch(&rig, on);
                        n_given = 0;
                        answer = UINT64_MAX;
                        errno = 0;
                        assert_int_equal(f(1, 2, 3, 4, 5, 6), UINT64_MAX);
                        assert_int_equal(errno, ENOMEM);
                        assert_int_equal(n_given, 1);
                        assert_memory_equal(given, ((uint64_t[]){ 1, 2, 3, 4, 5, 6 }), sizeof given);
                        rig.n_hooks = 0;
                }
        assert_string_equal(drain_maps().order, "");
}

static void errno_of_a_success_is_left_alone(void **state)
{
        map_function *f = hook_map(WIRE_MMAP);

        answer = AT;
        errno = EDOM;
        make_mapping_due();
        assert_int_equal(f(0, 4096, 3, 0x22, UINT64_MAX, 0), AT);
        assert_int_equal(errno, EDOM);
        assert_int_equal(drain_maps().n_maps, 1);
}

static void a_fork_child_maps_without_us(void **state)
{
        map_function *f = hook_map(WIRE_MMAP);
        int status;
        pid_t pid;

        answer = AT;
        make_mapping_due();
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
                _exit(f(0, 4096, 3, 0x22, UINT64_MAX, 0) == AT && given[4] == UINT64_MAX ? 0 : 1);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert_string_equal(drain_maps().order, "");
}

static uint64_t forked_child;

static uint64_t forking(uint64_t a0, uint64_t a1, uint64_t a2)
{
        forked_child = (uint64_t)fork();
        return AT;
}

static void a_child_forked_inside_a_mapping_call_passes_through(void **state)
{
        map_function *f = (map_function *)(void *)rig_hook(&rig, WIRE_MMAP, WIRE_SIZE_UNKNOWN, (void *)forking);
        int status;

        make_mapping_due();
        f(0, 4096, 3, 0x22, UINT64_MAX, 0);
        if (forked_child == 0)
                _exit(0);
        assert_int_equal(waitpid((pid_t)forked_child, &status, 0), (pid_t)forked_child);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert_string_equal(drain_maps().order, "m");
}

/* A static program sets up its first thread with memory from brk(): there is nothing at %fs:0 yet. */
static void mapping_calls_pass_until_there_is_a_thread(void **state)
{
        map_function *f = hook_map(WIRE_MMAP);
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_GLIBC, toy_malloc);

        rig.shared->no_thread_yet = 1;
        rig.shared->mean = 1;
        answer = AT;
        assert_int_equal(f(0, 1 << 20, 3, 0x22, UINT64_MAX, 0), AT);
        for (int i = 0; i < WIRE_SLOTS; i++)
                assert_int_equal(rig.shared->slots[i].key, 0);
        assert_string_equal(drain_maps().order, "");
        toy_free(m(100, 0, 0), 0, 0);
        assert_int_equal(rig.shared->no_thread_yet, 0);
        drain_maps();
        f(0, 1 << 20, 3, 0x22, UINT64_MAX, 0);
        assert_string_equal(drain_maps().order, "m");
}

static void mapping_calls_pass_where_a_thread_has_no_thread_pointer(void **state)
{
        map_function *f = hook_map(WIRE_MMAP);
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_GLIBC, toy_malloc);

        rig.shared->no_thread_yet = 2;
        rig.shared->mean = 1;
        answer = AT;
        toy_free(m(100, 0, 0), 0, 0);
        drain_maps();
        assert_int_equal(f(0, 1 << 20, 3, 0x22, UINT64_MAX, 0), AT);
        assert_string_equal(drain_maps().order, "");
        assert_int_equal(rig.shared->overflow.inside, 0);
}

/* ---- growth ---- */

static void a_sampled_mapping_says_who_asked_for_what(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_GLIBC, note);
        map_function *f = hook_map(WIRE_MMAP);
        uint64_t before;
        struct maps maps;

        answer = AT;
        make_mapping_due();
        before = rig_tsc();
        f(0, 10000, 1, 0x8022, UINT64_MAX, 0);
        maps = drain_maps();
        assert_string_equal(maps.order, "m");
        assert_int_equal(maps.map.head.addr, AT);
        assert_int_equal(maps.map.size, 3 * 4096);
        assert_int_equal(maps.map.chunk, 1 | 0x8022ull << 32);
        assert_int_equal(maps.map.mean, 1000);
        assert_int_equal(maps.map.replaces, 0);
        assert_int_equal(maps.map.inside, 0);
        assert_int_equal(maps.map.hook, 1);
        assert_int_equal(maps.map.tid, gettid());
        assert_in_range(maps.map.head.tsc, before, rig_tsc());
        assert_in_range(maps.map.rip, (uint64_t)a_sampled_mapping_says_who_asked_for_what,
                        (uint64_t)a_sampled_mapping_says_who_asked_for_what + 4096);
        assert_in_range((uint64_t)&before, maps.map.rsp, maps.map.rsp + 2048);
        assert_in_range(maps.map.stack_bytes, 8, 4096);
        counted(&rig, 0, 0, 0, 0);
        for (uint32_t i = 0; i < sizeof rig.shared->table / sizeof *rig.shared->table; i++)
                assert_int_equal(rig.shared->table[i].addr, 0);
        assert_non_null(m);
}

static void mappings_are_sampled_by_their_size_and_not_zoomed(void **state)
{
        enum { N = 20000 };
        map_function *f = hook_map(WIRE_MMAP);
        double p = 1 - 0.8824969026; /* exp(-1/8): 64 KiB of 512 KiB */
        uint64_t n = 0;

        answer = AT;
        rig_seed(&rig, 42);
        rig.shared->mean = 512 << 10;
        rig.shared->stack_limit = 0;
        for (uint32_t i = 0; i < WIRE_CLASSES; i++)
                rig.shared->zoom[i] = 64;
        for (int i = 0; i < N; i++) {
                f(0, 64 << 10, 3, 0x22, UINT64_MAX, 0);
                n += drain_maps().n_maps;
        }
        assert_in_range(n, (uint64_t)(N * p - 183), (uint64_t)(N * p + 183)); /* 4 sd */
        counted(&rig, 0, 0, 0, 0);
}

static void reservations_are_no_growth_but_stacks_are(void **state)
{
        map_function *f = hook_map(WIRE_MMAP);

        answer = AT;
        make_mapping_due();
        f(0, 64 << 20, 0, 0x22, UINT64_MAX, 0);
        assert_string_equal(drain_maps().order, "");
        f(0, 8 << 20, 0, 0x20022, UINT64_MAX, 0); /* MAP_STACK: still due */
        assert_string_equal(drain_maps().order, "m");
}

static void what_is_mapped_over_is_gone_first(void **state)
{
        map_function *f = hook_map(WIRE_MMAP);
        uint64_t before = rig_tsc();
        struct maps maps;

        answer = AT;
        make_mapping_due();
        f(AT, 5000, 3, 0x32, UINT64_MAX, 0);
        maps = drain_maps();
        assert_string_equal(maps.order, "um");
        assert_int_equal(maps.unmap.head.addr, AT);
        assert_int_equal(maps.unmap.length, 8192);
        assert_in_range(maps.unmap.head.tsc, before, maps.map.head.tsc - 1);
        f(AT, 5000, 0, 0x32, UINT64_MAX, 0); /* given back by a reservation */
        assert_string_equal(drain_maps().order, "u");
        f(AT, 5000, 3, 0x100022, UINT64_MAX, 0); /* MAP_FIXED_NOREPLACE */
        assert_string_equal(drain_maps().order, "");
}

/* ---- going and moving ---- */

static void every_munmap_that_succeeds_is_noted(void **state)
{
        map_function *f = hook_map(WIRE_MUNMAP);
        struct maps maps;

        answer = 0xffffffff00000000; /* an int: the upper half means nothing */
        f(AT, 5000, 0, 0, 0, 0);
        maps = drain_maps();
        assert_string_equal(maps.order, "u");
        assert_int_equal(maps.unmap.head.addr, AT);
        assert_int_equal(maps.unmap.length, 8192);
        answer = UINT64_MAX;
        f(AT, 5000, 0, 0, 0, 0);
        assert_string_equal(drain_maps().order, "");
        counted(&rig, 0, 0, 0, 0);
}

static struct maps remap(uint64_t from, uint64_t old, uint64_t new, uint64_t flags, uint64_t to)
{
        map_function *f = hook_map(WIRE_MREMAP);

        rig.n_hooks = 0;
        answer = to;
        make_mapping_due();
        f(from, old, new, flags, to, 0);
        return drain_maps();
}

static void mremap_moves_and_what_it_adds_is_growth(void **state)
{
        struct maps maps = remap(AT, 8000, 20000, 1, AT + (1 << 20));

        assert_string_equal(maps.order, "rm");
        assert_int_equal(maps.remap.head.addr, AT);
        assert_int_equal(maps.remap.length, 8192);
        assert_int_equal(maps.remap.to, AT + (1 << 20));
        assert_int_equal(maps.remap.to_length, 8192);
        assert_true(maps.remap.head.tsc < maps.remap.after);
        assert_int_equal(maps.map.head.addr, AT + (1 << 20) + 8192);
        assert_int_equal(maps.map.size, 3 * 4096);
        assert_int_equal(maps.map.chunk, 0);
        assert_string_equal(remap(AT, 8192, 16384, 1, AT).order, "m"); /* in place */
        maps = remap(AT, 16384, 4096, 0, AT);
        assert_string_equal(maps.order, "r");
        assert_int_equal(maps.remap.length, 16384);
        assert_int_equal(maps.remap.to_length, 4096);
        assert_string_equal(remap(AT, 8192, 8192, 0, AT).order, "");
        maps = remap(AT, 8192, 8192, 3, AT + (1 << 20)); /* over another mapping */
        assert_string_equal(maps.order, "ur");
        assert_int_equal(maps.unmap.head.addr, AT + (1 << 20));
        assert_string_equal(remap(AT, 0, 8192, 1, AT + (1 << 20)).order, "m"); /* shared memory once more */
        assert_string_equal(remap(AT, 8192, 16384, 1, UINT64_MAX).order, "");
}

static void brk_is_growth_and_shrinking_of_the_real_heap(void **state)
{
        uint64_t here = (uint64_t)sbrk(0), end = (here + 4095) & ~4095ull;
        map_function *f = (map_function *)(void *)rig_hook(&rig, WIRE_BRK, WIRE_SIZE_UNKNOWN, (void *)brk);
        struct maps maps;

        make_mapping_due();
        assert_int_equal((uint32_t)f(end + 100000, 0, 0, 0, 0, 0), 0);
        maps = drain_maps();
        assert_string_equal(maps.order, "m");
        assert_int_equal(maps.map.head.addr, end);
        assert_int_equal(maps.map.size, 102400);
        assert_int_equal(maps.map.chunk, 3 | 0x22ull << 32);
        assert_int_equal((uint32_t)f(here, 0, 0, 0, 0, 0), 0);
        maps = drain_maps();
        assert_string_equal(maps.order, "u");
        assert_int_equal(maps.unmap.head.addr, end);
        assert_int_equal(maps.unmap.length, 102400);
        errno = 0;
        assert_int_equal((uint32_t)f(1ull << 47, 0, 0, 0, 0, 0), UINT32_MAX);
        assert_int_equal(errno, ENOMEM);
        assert_string_equal(drain_maps().order, "");
        assert_int_equal(sbrk(0), here);
}

static void spans_without_room_are_counted(void **state)
{
        map_function *f = hook_map(WIRE_MUNMAP);

        answer = 0;
        rig.shared->head = rig.shared->tail + WIRE_RING_BYTES;
        f(AT, 4096, 0, 0, 0, 0);
        assert_int_equal(rig.shared->dropped_spans, 1);
        assert_int_equal(rig.shared->dropped_deaths, 0);
}

/* ---- malloc that maps ---- */

static map_function *hooked_mmap;

static __attribute__((noinline)) uint64_t mapping_malloc(uint64_t size, uint64_t a1, uint64_t a2)
{
        static uint64_t block[4];

        assert_int_equal(hooked_mmap(0, size, 3, 0x22, UINT64_MAX, 0), AT);
        return (uint64_t)&block[2];
}

static void a_sampled_malloc_that_maps_is_on_both_records(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_UNKNOWN, mapping_malloc);
        const struct wire_slot *slot = rig_seed(&rig, 5);
        struct maps maps;

        hooked_mmap = hook_map(WIRE_MMAP);
        answer = AT;
        make_due(&rig);
        rig.shared->mean = 1; /* the mapping inside is due as well */
        m(1 << 20, 0, 0);
        maps = drain_maps();
        assert_string_equal(maps.order, "m?");
        assert_int_equal(maps.map.inside, 1);
        assert_int_equal(maps.map.hook, 0);
        assert_in_range(maps.map.rip, (uint64_t)a_sampled_malloc_that_maps_is_on_both_records,
                        (uint64_t)a_sampled_malloc_that_maps_is_on_both_records + 4096);
        assert_int_equal(slot->key, rig_thread());
        assert_int_equal(slot->frame, 0);
        counted(&rig, 1 << 20, 1, 0, 0);
}

static void a_malloc_that_maps_and_is_not_sampled_is_on_the_stack(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_UNKNOWN, mapping_malloc);
        struct wire_slot *slot = rig_seed(&rig, 5);
        struct maps maps;

        hooked_mmap = hook_map(WIRE_MMAP);
        answer = AT;
        slot->mean = 1000;
        slot->countdown = 101; /* 100 for malloc, the rest for the mapping */
        m(100, 0, 0);
        maps = drain_maps();
        assert_string_equal(maps.order, "m");
        assert_int_equal(maps.map.inside, 0);
        assert_in_range(maps.map.rip, (uint64_t)mapping_malloc, (uint64_t)mapping_malloc + 256);
}

/* A signal handler has left a sampled malloc by longjmp(): other things stand where its frame was, or nothing. */
static void a_frame_that_was_left_by_longjmp_is_not_believed(void **state)
{
        map_function *f = hook_map(WIRE_MMAP);
        uint64_t others[64];
        const uint64_t left[] = { (uint64_t)others, 8, (uint64_t)AT };

        memset(others, 0xee, sizeof others);
        answer = AT;
        for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
                struct wire_slot *slot = rig_seed(&rig, 5);
                struct maps maps;

                make_mapping_due();
                slot->key |= 1;
                slot->frame = left[i];
                f(0, 1 << 20, 3, 0x22, UINT64_MAX, 0);
                slot->key &= ~1ull;
                slot->frame = 0;
                maps = drain_maps();
                assert_string_equal(maps.order, "m");
                assert_int_equal(maps.map.inside, 0);
        }
}

static rig_function *signal_malloc;
static map_function *signal_munmap;
static uint64_t n_signals;

static void map_in_signal(int signal)
{
        hooked_mmap(0, 4096, 3, 0x22, UINT64_MAX, 0);
        signal_munmap(AT, 4096, 0, 0, 0, 0);
        n_signals++;
}

static uint64_t constant_block(uint64_t size, uint64_t a1, uint64_t a2)
{
        static uint64_t block[8];

        return (uint64_t)&block[2];
}

static uint64_t at(uint64_t a0, uint64_t a1, uint64_t a2)
{
        return AT;
}

static uint64_t zero(uint64_t a0, uint64_t a1, uint64_t a2)
{
        return 0;
}

static void signal_handlers_may_map(void **state)
{
        struct sigaction action = { .sa_handler = map_in_signal }, before;
        struct itimerval often = { .it_interval = { .tv_usec = 50 }, .it_value = { .tv_usec = 50 } }, never = { 0 };
        struct maps maps = { 0 };
        uint64_t n = 0;

        rig.shared->mean = 200; /* so that signals also arrive in the slow path */
        signal_malloc = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_UNKNOWN, constant_block);
        hooked_mmap = (map_function *)(void *)rig_hook(&rig, WIRE_MMAP, WIRE_SIZE_UNKNOWN, (void *)at);
        signal_munmap = (map_function *)(void *)rig_hook(&rig, WIRE_MUNMAP, WIRE_SIZE_UNKNOWN, (void *)zero);
        sigaction(SIGALRM, &action, &before);
        setitimer(ITIMER_REAL, &often, NULL);
        while (__atomic_load_n(&n_signals, __ATOMIC_RELAXED) < 500) {
                for (int i = 0; i < 100; i++, n++) {
                        signal_malloc(40, 0, 0);
                        hooked_mmap(0, 4096, 3, 0x22, UINT64_MAX, 0);
                }
                rig_drain(&rig, take, &maps);
        }
        setitimer(ITIMER_REAL, &never, NULL);
        sigaction(SIGALRM, &before, NULL);
        rig_drain(&rig, take, &maps);
        assert_int_equal(rig.shared->head, rig.shared->tail);
        assert_int_equal(maps.n_unmaps + rig.shared->dropped_spans, n_signals);
        assert_int_equal(rig_counted(&rig).allocated_calls, n);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                PROBE_TEST(six_arguments_result_and_errno_pass),
                PROBE_TEST(errno_of_a_success_is_left_alone),
                PROBE_TEST(a_fork_child_maps_without_us),
                PROBE_TEST(a_child_forked_inside_a_mapping_call_passes_through),
                PROBE_TEST(mapping_calls_pass_until_there_is_a_thread),
                PROBE_TEST(mapping_calls_pass_where_a_thread_has_no_thread_pointer),
                PROBE_TEST(a_sampled_mapping_says_who_asked_for_what),
                PROBE_TEST(mappings_are_sampled_by_their_size_and_not_zoomed),
                PROBE_TEST(reservations_are_no_growth_but_stacks_are),
                PROBE_TEST(what_is_mapped_over_is_gone_first),
                PROBE_TEST(every_munmap_that_succeeds_is_noted),
                PROBE_TEST(mremap_moves_and_what_it_adds_is_growth),
                PROBE_TEST(brk_is_growth_and_shrinking_of_the_real_heap),
                PROBE_TEST(spans_without_room_are_counted),
                PROBE_TEST(a_sampled_malloc_that_maps_is_on_both_records),
                PROBE_TEST(a_malloc_that_maps_and_is_not_sampled_is_on_the_stack),
                PROBE_TEST(a_frame_that_was_left_by_longjmp_is_not_believed),
                PROBE_TEST(signal_handlers_may_map),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
