#include "unit.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "target/unwind.h"

#include <alloca.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

/* Ground truth: every function that takes part notes its own return address on entry; what the walk finds must contain
 * exactly these addresses in this order (frames of libc may stand between), and be what libunwind finds. */

enum { TRUTH_MAX = 64, FRAMES_MAX = 128 };

static uint64_t truth[TRUTH_MAX];
static size_t n_truth;
static struct unwinder *unwinder;

#define ENTER()                                                                     \
        do {                                                                        \
                assert_true(n_truth < TRUTH_MAX);                                   \
                truth[n_truth++] = (uint64_t)(uintptr_t)__builtin_return_address(0); \
        } while (0)
#define LEAVE() (n_truth--)

#define ALONE __attribute__((noinline, noclone))

/* The registers as the probe sees them: of the thread after the return to its caller. */
void capture(struct unwind_regs *ret);
__asm__(".text\n.globl capture\n.type capture, @function\ncapture:\n.cfi_startproc\n"
        "movq (%rsp), %rax\nmovq %rax, 0(%rdi)\nleaq 8(%rsp), %rax\nmovq %rax, 8(%rdi)\nmovq %rbp, 16(%rdi)\n"
        "movq %rbx, 24(%rdi)\nmovq %r12, 32(%rdi)\nmovq %r13, 40(%rdi)\nmovq %r14, 48(%rdi)\nmovq %r15, 56(%rdi)\n"
        "ret\n.cfi_endproc\n.size capture, .-capture\n");

struct record {
        struct unwind_regs regs;
        uint8_t stack[256 << 10];
        size_t bytes;
        uint64_t truth[TRUTH_MAX];
        size_t n_truth;
        uint64_t stack_limit; /* copy at most this */
};

static struct record record;

static uint64_t stack_end(uint64_t sp)
{
        struct maps maps = { 0 };
        const struct mapping *mapping;
        uint64_t end;

        assert_int_equal(maps_read(getpid(), &maps), 0);
        mapping = maps_find(&maps, sp);
        assert_non_null(mapping);
        end = mapping->end;
        maps_done(&maps);
        return end;
}

/* Other functions' frames, which a sanitizer would not let us read. */
__attribute__((no_sanitize("address"), noinline)) static void copy_stack(uint8_t *to, uint64_t from, size_t n)
{
        const volatile uint8_t *bytes = (const volatile uint8_t *)(uintptr_t)from;

        for (size_t i = 0; i < n; i++)
                to[i] = bytes[i];
}

ALONE static void take(void)
{
        uint64_t end;

        ENTER();
        capture(&record.regs);
        end = stack_end(record.regs.rsp);
        record.bytes = end - record.regs.rsp;
        if (record.stack_limit != 0 && record.bytes > record.stack_limit)
                record.bytes = record.stack_limit;
        if (record.bytes > sizeof record.stack)
                record.bytes = sizeof record.stack;
        copy_stack(record.stack, record.regs.rsp, record.bytes);
        memcpy(record.truth, truth, sizeof truth);
        record.n_truth = n_truth;
        LEAVE();
}

static void show(const char *what, const struct unwind_frame *frames, int n)
{
        for (int i = 0; i < n; i++)
                fprintf(stderr, "# %s %d: %llx module %d flags %u\n", what, i, (unsigned long long)frames[i].pc,
                        (int)frames[i].module, frames[i].flags);
}

/* Walks the last record by table and by libunwind and compares with the truth. Returns the number of frames. */
static int check(struct unwind_frame *ret)
{
        struct unwind_frame reference[FRAMES_MAX];
        size_t found = record.n_truth;
        int n, m;

        n = unwind_walk(unwinder, &record.regs, record.stack, record.regs.rsp, record.bytes, ret, FRAMES_MAX);
        m = unwind_reference(unwinder, &record.regs, record.stack, record.regs.rsp, record.bytes, reference,
                             FRAMES_MAX);
        for (int i = 0; i < n && found > 0; i++)
                if (ret[i].pc == record.truth[found - 1])
                        found--;
        if (found > 0 || n != m) {
                show("table", ret, n);
                show("libunwind", reference, m);
        }
        assert_int_equal(found, 0);
        assert_int_equal(n, m);
        for (int i = 0; i < n; i++) {
                assert_int_equal(ret[i].pc, reference[i].pc);
                assert_int_equal(ret[i].module, reference[i].module);
                assert_int_equal(ret[i].flags & UNWIND_EXACT, reference[i].flags & UNWIND_EXACT);
        }
        assert_int_equal(ret[0].pc, record.regs.rip);
        return n;
}

static void refresh(void)
{
        struct maps maps = { 0 };

        assert_int_equal(maps_read(getpid(), &maps), 0);
        assert_true(unwinder_refresh(unwinder, &maps) >= 0);
        maps_done(&maps);
}

static int set_up(void **state)
{
        record.stack_limit = 0;
        n_truth = 0;
        assert_int_equal(unwinder_new(getpid(), NULL, &unwinder), 0);
        refresh();
        return 0;
}

static int tear_down(void **state)
{
        unwinder_free(unwinder);
        unwinder = NULL;
        return 0;
}

/* ---- shapes of frames ---- */

static volatile int sink;

ALONE static void three(int x)
{
        ENTER();
        take();
        sink += x;
        LEAVE();
}

ALONE static void two(int x)
{
        ENTER();
        three(x + 1);
        sink += x;
        LEAVE();
}

ALONE __attribute__((optimize("no-omit-frame-pointer"))) static void one(int x)
{
        ENTER();
        two(x + 1);
        sink += x;
        LEAVE();
}

static void walks_plain_calls_to_the_end_of_the_stack(void **state)
{
        struct unwind_frame frames[FRAMES_MAX];
        int n;

        one(1);
        n = check(frames);
        assert_true(n >= 5);
        for (int i = 0; i < n; i++)
                assert_int_equal(frames[i].flags, 0);
}

ALONE static void with_alloca(size_t n)
{
        char *room;

        ENTER();
        room = alloca(n);
        memset(room, 1, n);
        two((int)n);
        sink += room[n / 2];
        LEAVE();
}

ALONE static void realigned(size_t n)
{
        char aligned[128] __attribute__((aligned(64)));
        char *room;

        ENTER();
        room = alloca(n);
        memset(aligned, 2, sizeof aligned);
        memset(room, 1, n);
        with_alloca(n * 2);
        sink += aligned[n % 100] + room[n / 2] + (int)((uintptr_t)aligned & 63);
        LEAVE();
}

static void walks_variable_and_realigned_frames(void **state)
{
        struct unwind_frame frames[FRAMES_MAX];

        for (size_t n = 8; n < 3000; n += 555) {
                realigned(n);
                check(frames);
        }
}

ALONE static int compare(const void *a, const void *b)
{
        static int calls;

        if (calls++ == 3) {
                ENTER();
                one(3);
                LEAVE();
        }
        return *(const int *)a - *(const int *)b;
}

static void walks_through_a_callback_of_libc(void **state)
{
        int numbers[] = { 5, 3, 8, 1, 9, 2, 7 };
        struct unwind_frame frames[FRAMES_MAX];

        qsort(numbers, array_len(numbers), sizeof *numbers, compare);
        check(frames);
}

static void on_signal(int number)
{
        one(number);
}

static void walks_through_a_signal_frame(void **state)
{
        struct sigaction action = { .sa_handler = on_signal };
        struct unwind_frame frames[FRAMES_MAX];
        int n, exact = 0;

        sigaction(SIGUSR1, &action, NULL);
        raise(SIGUSR1);
        n = check(frames);
        for (int i = 0; i < n; i++)
                exact += (frames[i].flags & UNWIND_EXACT) != 0;
        assert_int_equal(exact, 1);
        assert_false(frames[n - 1].flags & UNWIND_TRUNCATED);
}

static void *thread(void *arg)
{
        one(7);
        return NULL;
}

static void walks_the_stack_of_a_thread(void **state)
{
        struct unwind_frame frames[FRAMES_MAX];
        pthread_t id;
        int n;

        assert_int_equal(pthread_create(&id, NULL, thread, NULL), 0);
        pthread_join(id, NULL);
        n = check(frames);
        assert_false(frames[n - 1].flags & UNWIND_TRUNCATED);
}

static void says_when_the_copy_ends_before_the_stack(void **state)
{
        struct unwind_frame frames[FRAMES_MAX], whole[FRAMES_MAX];
        int n, all;

        realigned(400);
        all = check(whole);
        for (size_t bytes = 0; bytes < record.bytes && bytes < 4000; bytes += 8) {
                n = unwind_walk(unwinder, &record.regs, record.stack, record.regs.rsp, bytes, frames, FRAMES_MAX);
                assert_true(n >= 1 && n <= all);
                if (n < all)
                        assert_true(frames[n - 1].flags & UNWIND_TRUNCATED);
                for (int i = 0; i < n; i++)
                        assert_int_equal(frames[i].pc, whole[i].pc);
        }
        assert_int_equal(unwind_walk(unwinder, &record.regs, record.stack, record.regs.rsp, record.bytes, frames, 2), 2);
}

/* push rbp; mov rbp, rsp; call rdi; pop rbp; ret */
static const uint8_t jit_code[] = { 0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3 };

ALONE static void from_jit(void)
{
        ENTER();
        one(9);
        LEAVE();
}

static void follows_frame_pointers_through_generated_code(void **state)
{
        struct unwind_frame frames[FRAMES_MAX];
        struct unwind_regs regs = { 0 };
        size_t found;
        uint8_t *code;
        int n, guessed = 0;
        void (*call)(void (*)(void));

        code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        memcpy(code, jit_code, sizeof jit_code);
        assert_int_equal(mprotect(code, 4096, PROT_READ | PROT_EXEC), 0);
        memcpy(&call, &code, sizeof call);
        call(from_jit);
        n = unwind_walk(unwinder, &record.regs, record.stack, record.regs.rsp, record.bytes, frames, FRAMES_MAX);
        assert_true(unwinder_is_stale(unwinder)); /* nobody told it of the new mapping */
        assert_true(frames[n - 1].flags & UNWIND_TRUNCATED);
        refresh();
        assert_false(unwinder_is_stale(unwinder));
        n = unwind_walk(unwinder, &record.regs, record.stack, record.regs.rsp, record.bytes, frames, FRAMES_MAX);
        found = record.n_truth;
        for (int i = 0; i < n; i++) {
                guessed += (frames[i].flags & UNWIND_GUESSED) != 0;
                if (found > 0 && frames[i].pc == record.truth[found - 1])
                        found--;
                if (frames[i].pc == (uint64_t)(uintptr_t)code + 6)
                        assert_int_equal(frames[i].module, UNWIND_NO_MODULE);
        }
        assert_int_equal(found, 0);
        assert_int_equal(guessed, 1);
        assert_false(frames[n - 1].flags & (UNWIND_TRUNCATED | UNWIND_OPEN));
        regs.rip = (uint64_t)(uintptr_t)code + 6;
        regs.rsp = record.regs.rsp;
        assert_int_equal(unwind_walk(unwinder, &regs, record.stack, record.regs.rsp, record.bytes, frames, FRAMES_MAX), 1);
        assert_int_equal(frames[0].flags, UNWIND_OPEN); /* it says that it is the outermost: no table does */
        munmap(code, 4096);
}

/* A frame whose CFA needs an expression that the table does not know: rbx + 16, where rbx is pushed first. */
void odd_frame(void (*fn)(void));
__asm__(".text\n.globl odd_frame\n.type odd_frame, @function\nodd_frame:\n.cfi_startproc\n"
        "pushq %rbx\n.cfi_def_cfa_offset 16\n.cfi_offset %rbx, -16\n"
        "movq %rsp, %rbx\n.cfi_def_cfa %rbx, 16\n"
        "subq $64, %rsp\nandq $-64, %rsp\ncallq *%rdi\nmovq %rbx, %rsp\n.cfi_def_cfa %rsp, 16\n"
        "popq %rbx\n.cfi_def_cfa_offset 8\nret\n.cfi_endproc\n.size odd_frame, .-odd_frame\n");

static void asks_libunwind_for_what_the_table_cannot_say(void **state)
{
        struct unwind_frame frames[FRAMES_MAX];
        struct unwind_stats stats;
        int n;

        odd_frame(from_jit);
        n = check(frames);
        assert_false(frames[n - 1].flags & UNWIND_TRUNCATED);
        unwinder_stats(unwinder, &stats);
        assert_int_equal(stats.slow, 1);
}

/* ---- tables that several share ---- */

static void begin_sharing(struct unwind_tables *tables, struct unwinder **ret)
{
        struct maps maps = { 0 };

        assert_int_equal(unwinder_new(getpid(), tables, ret), 0);
        assert_int_equal(maps_read(getpid(), &maps), 0);
        assert_true(unwinder_refresh(*ret, &maps) >= 0);
        maps_done(&maps);
}

static void processes_that_run_the_same_files_share_their_tables(void **state)
{
        struct unwind_tables *tables = unwind_tables_new();
        struct unwind_frame frames[FRAMES_MAX], again[FRAMES_MAX];
        struct unwinder *first, *second;
        struct unwind_stats a, b;
        int n;

        begin_sharing(tables, &first);
        begin_sharing(tables, &second);
        one(1);
        n = unwind_walk(first, &record.regs, record.stack, record.regs.rsp, record.bytes, frames, FRAMES_MAX);
        unwinder_stats(first, &a);
        unwinder_stats(second, &b); /* which has not walked yet */
        assert_true(n > 3 && a.tables > 0 && a.rows > 0);
        assert_int_equal(a.tables, b.tables);
        assert_int_equal(a.rows, b.rows);
        unwinder_free(first);
        assert_int_equal(unwind_walk(second, &record.regs, record.stack, record.regs.rsp, record.bytes, again, FRAMES_MAX), n);
        for (int i = 0; i < n; i++)
                assert_int_equal(frames[i].pc, again[i].pc);
        unwinder_free(second);
        unwind_tables_free(tables);
}

/* ---- the list of modules ---- */

static void keeps_module_numbers_over_a_refresh(void **state)
{
        size_t n = unwinder_modules(unwinder);
        struct unwind_module before;

        assert_true(n >= 2);
        before = *unwinder_module(unwinder, 1);
        refresh();
        assert_int_equal(unwinder_modules(unwinder), n);
        assert_ptr_equal(unwinder_module(unwinder, 1)->path, before.path);
        assert_int_equal(unwinder_module(unwinder, 1)->bias, before.bias);
        assert_true(unwinder_module(unwinder, 1)->mapped);
}

static void a_module_that_is_gone_keeps_its_number_and_name(void **state)
{
        struct maps none = { 0 };
        size_t n = unwinder_modules(unwinder);
        char *path = xstrdup(unwinder_module(unwinder, 0)->path);

        assert_int_equal(unwinder_refresh(unwinder, &none), 0);
        assert_int_equal(unwinder_modules(unwinder), n);
        assert_false(unwinder_module(unwinder, 0)->mapped);
        assert_null(unwinder_module(unwinder, 0)->image);
        assert_string_equal(unwinder_module(unwinder, 0)->path, path);
        refresh();
        assert_int_equal(unwinder_modules(unwinder), n);
        assert_true(unwinder_module(unwinder, 0)->mapped);
        free(path);
}

static void the_map_of_nothing_or_of_another_program_is_not_of_this_one(void **state)
{
        static const char other[] = "100000-101000 r-xp 00000000 08:01 77 /bin/other\n"
                                    "7ffff7fc1000-7ffff7fc3000 r-xp 00000000 00:00 0 [vdso]\n";
        struct maps none = { 0 }, now = { 0 }, another = { 0 };
        struct unwinder *fresh;

        assert_int_equal(maps_read(getpid(), &now), 0);
        assert_int_equal(maps_parse(other, sizeof other - 1, &another), 0);
        assert_true(unwinder_is_of(unwinder, &now));
        assert_false(unwinder_is_of(unwinder, &none));
        assert_false(unwinder_is_of(unwinder, &another));
        assert_int_equal(unwinder_new(getpid(), NULL, &fresh), 0);
        assert_true(unwinder_is_of(fresh, &now)); /* which knows none yet */
        unwinder_free(fresh);
        maps_done(&now);
        maps_done(&another);
}

static void files_that_are_open_already_are_taken_over(void **state)
{
        struct modules modules = { 0 };
        struct maps maps = { 0 };
        struct unwinder *fresh;
        struct image *first;

        assert_int_equal(maps_read(getpid(), &maps), 0);
        assert_int_equal(modules_read(getpid(), &maps, NULL, &modules), 0);
        modules_reopen(&modules);
        first = modules.v[0].image;
        assert_non_null(first);
        assert_int_equal(unwinder_new(1 << 30, NULL, &fresh), 0); /* no such process: nothing can be opened */
        assert_int_equal(unwinder_begin(fresh, &maps, &modules), unwinder_modules(unwinder));
        assert_int_equal(modules.n, 0);
        assert_ptr_equal(unwinder_module(fresh, 0)->image, first);
        unwinder_free(fresh);
        maps_done(&maps);
}

/* ---- hostile records ---- */

static uint64_t next_random(uint64_t *seed)
{
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        return *seed;
}

static void survives_any_bytes_on_the_stack(void **state)
{
        struct unwind_frame frames[FRAMES_MAX];
        uint64_t seed = 42;

        realigned(300);
        print_message("# seed 42\n");
        for (int round = 0; round < 3000; round++) {
                struct unwind_regs regs = record.regs;
                size_t bytes = next_random(&seed) % (record.bytes + 1);
                uint8_t copy[8192];
                int n;

                if (bytes > sizeof copy)
                        bytes = sizeof copy;
                memcpy(copy, record.stack, bytes);
                for (int i = 0; i < 20 && bytes > 0; i++)
                        copy[next_random(&seed) % bytes] = (uint8_t)next_random(&seed);
                if (round % 3 == 0)
                        regs.rbp = next_random(&seed);
                if (round % 5 == 0)
                        regs.rsp = next_random(&seed);
                if (round % 7 == 0)
                        regs.rip = next_random(&seed);
                n = unwind_walk(unwinder, &regs, copy, round % 11 ? regs.rsp : UINT64_MAX - 100, bytes, frames,
                                FRAMES_MAX);
                assert_true(n >= 1 && n <= FRAMES_MAX);
        }
}

static void an_address_that_looks_like_an_empty_place_is_no_code(void **state)
{
        static const uint64_t odd[] = { 0, 1ull << 63 };
        struct unwind_frame frames[FRAMES_MAX];
        struct unwind_regs regs;

        realigned(300);
        for (size_t i = 0; i < array_len(odd); i++) {
                struct maps maps = { 0 };

                assert_int_equal(maps_read(getpid(), &maps), 0); /* forgets which places were looked at */
                assert_true(unwinder_refresh(unwinder, &maps) >= 0);
                maps_done(&maps);
                regs = record.regs;
                regs.rip = odd[i];
                assert_true(unwind_walk(unwinder, &regs, record.stack, regs.rsp, record.bytes, frames, FRAMES_MAX) >= 1);
                assert_int_equal(frames[0].pc, odd[i]);
                assert_int_equal(frames[0].module, UNWIND_NO_MODULE);
        }
}

static void is_fast_enough_for_busy_programs(void **state)
{
        struct unwind_frame frames[FRAMES_MAX];
        uint64_t start, ns;
        int n = 0, rounds = 20000;

        realigned(300);
        check(frames);
        start = clock_boottime_ns();
        for (int i = 0; i < rounds; i++)
                n = unwind_walk(unwinder, &record.regs, record.stack, record.regs.rsp, record.bytes, frames, FRAMES_MAX);
        ns = clock_boottime_ns() - start;
        print_message("# %d frames, %.1f ns a frame\n", n, (double)ns / rounds / n);
        /* The aim is 2 us a record; this bound only catches what is wrong by orders of magnitude, also on a busy machine. */
        assert_true(ns / (uint64_t)rounds < 200000);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
                TEST(walks_plain_calls_to_the_end_of_the_stack),
                TEST(walks_variable_and_realigned_frames),
                TEST(walks_through_a_callback_of_libc),
                TEST(walks_through_a_signal_frame),
                TEST(walks_the_stack_of_a_thread),
                TEST(says_when_the_copy_ends_before_the_stack),
                TEST(follows_frame_pointers_through_generated_code),
                TEST(asks_libunwind_for_what_the_table_cannot_say),
                TEST(processes_that_run_the_same_files_share_their_tables),
                TEST(keeps_module_numbers_over_a_refresh),
                TEST(a_module_that_is_gone_keeps_its_number_and_name),
                TEST(the_map_of_nothing_or_of_another_program_is_not_of_this_one),
                TEST(files_that_are_open_already_are_taken_over),
                TEST(survives_any_bytes_on_the_stack),
                TEST(an_address_that_looks_like_an_empty_place_is_no_code),
                TEST(is_fast_enough_for_busy_programs),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
