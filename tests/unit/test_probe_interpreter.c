/* Frames of an interpreter are copied with a sample, and nothing that cannot be read is touched on the way. */
#include "unit.h"

#include "rig.h"

#include <pthread.h>

enum { CHAIN = 300, PAGE = 4096 };

/* What an interpreter might have. Offsets are odd on purpose: words need not be aligned. */
struct __attribute__((packed)) toy_frame {
        uint8_t mark;
        uint64_t code, at;
        struct toy_frame *previous;
};

struct toy_anchor {
        uint64_t unused;
        struct toy_frame *innermost;
};

struct toy_state {
        uint64_t thread, unused;
        struct toy_anchor *anchor;
        struct toy_frame *innermost;
};

static struct rig rig;
static rig_function *stub;
static pthread_key_t key;
static uint32_t key_offset; /* the word that pthread_setspecific() writes is at %fs:0 + this */
static uint64_t ending;
static struct toy_frame chain[CHAIN]; /* each called by the next */
static struct toy_anchor anchor;
static struct toy_state state;

static uint64_t same_block(uint64_t size, uint64_t a1, uint64_t a2)
{
        static uint64_t block[8];

        return (uint64_t)&block[2];
}

static void find_key(void)
{
        const void *value = &key;

        assert_int_equal(pthread_key_create(&key, NULL), 0);
        assert_int_equal(pthread_setspecific(key, value), 0);
        for (key_offset = 8; key_offset < 2048; key_offset += 8)
                if (*(const void **)(rig_thread() + key_offset) == value)
                        return;
        fail_msg("the thread's own data are not in its control block");
}

static int setup(void **unused)
{
        struct wire_interpreter *how;

        rig_open(&rig, 1);
        stub = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_UNKNOWN, same_block);
        if (!key_offset)
                find_key();
        for (size_t i = 0; i < CHAIN; i++)
                chain[i] = (struct toy_frame){ (uint8_t)i, 0x1000 + i, 0x7f0000002000 + i, i + 1 < CHAIN ? &chain[i + 1] : NULL };
        ending = 0;
        anchor.innermost = &chain[CHAIN - 3];
        state = (struct toy_state){ .thread = rig_thread(), .anchor = &anchor, .innermost = &chain[CHAIN - 5] };
        pthread_setspecific(key, &state);
        how = &rig.shared->interpreter;
        *how = (struct wire_interpreter){ .on = 1, .limit = WIRE_INTERPRETED_MAX, .ending = (uint64_t)&ending, .state = key_offset,
                                          .thread = offsetof(struct toy_state, thread),
                                          .anchor = offsetof(struct toy_state, anchor),
                                          .innermost = offsetof(struct toy_anchor, innermost) };
        how->in_frame[WIRE_PREVIOUS] = offsetof(struct toy_frame, previous);
        how->in_frame[WIRE_CODE] = offsetof(struct toy_frame, code);
        how->in_frame[WIRE_AT] = offsetof(struct toy_frame, at);
        how->in_frame[WIRE_MARK] = offsetof(struct toy_frame, mark);
        return 0;
}

static int teardown(void **unused)
{
        pthread_setspecific(key, NULL);
        rig_close(&rig);
        return 0;
}

struct copied {
        bool seen;
        uint32_t n, more;
        uint64_t anchor;
        struct wire_interpreted frames[WIRE_INTERPRETED_MAX];
};

static void keep(const struct wire_record *record, void *arg)
{
        const struct wire_alloc *alloc = (const struct wire_alloc *)record;
        struct copied *copied = arg;

        if (record->type != WIRE_ALLOC)
                return;
        assert_true(alloc->n_interpreted <= WIRE_INTERPRETED_MAX);
        assert_true(sizeof *alloc + alloc->stack_bytes + alloc->n_interpreted * sizeof *copied->frames <= record->length);
        copied->seen = true;
        copied->n = alloc->n_interpreted;
        copied->more = alloc->more_interpreted;
        copied->anchor = alloc->anchor;
        memcpy(copied->frames, (const uint8_t *)(alloc + 1) + alloc->stack_bytes, copied->n * sizeof *copied->frames);
}

static struct copied sample(void)
{
        struct copied copied = { 0 };

        rig.shared->mean = 1;
        stub(64, 0, 0);
        rig_drain(&rig, keep, &copied);
        assert_true(copied.seen);
        return copied;
}

/* COPIED are the frames of the chain from FIRST on. */
static void assert_chain(const struct copied *copied, size_t first, uint32_t n)
{
        assert_int_equal(copied->n, n);
        for (uint32_t i = 0; i < n; i++) {
                assert_int_equal(copied->frames[i].frame, &chain[first + i]);
                assert_int_equal(copied->frames[i].code, 0x1000 + first + i);
                assert_int_equal(copied->frames[i].at, (0x7f0000002000 + first + i) | (uint64_t)(uint8_t)(first + i) << 56);
        }
}

static void frames_travel_with_the_sample(void **unused)
{
        struct copied copied = sample();

        assert_chain(&copied, CHAIN - 3, 3);
        assert_int_equal(copied.more, 0);
        assert_int_equal(copied.anchor, &anchor);
}

static void a_state_may_point_to_the_frame_itself(void **unused)
{
        struct copied copied;

        rig.shared->interpreter.anchor = WIRE_NO_ANCHOR;
        rig.shared->interpreter.innermost = offsetof(struct toy_state, innermost);
        copied = sample();
        assert_chain(&copied, CHAIN - 5, 5);
        assert_int_equal(copied.anchor, 0);
}

static void they_stand_behind_whatever_was_copied_of_the_stack(void **unused)
{
        for (uint64_t limit = 0; limit <= 4096; limit += 8) {
                struct copied copied;

                rig.shared->stack_limit = limit;
                copied = sample();
                assert_chain(&copied, CHAIN - 3, 3);
        }
}

static void a_long_chain_is_cut_at_the_limit(void **unused)
{
        struct copied copied;

        anchor.innermost = &chain[0];
        copied = sample();
        assert_chain(&copied, 0, WIRE_INTERPRETED_MAX);
        assert_int_equal(copied.more, 1);
        rig.shared->interpreter.limit = 2;
        copied = sample();
        assert_chain(&copied, 0, 2);
        assert_int_equal(copied.more, 1);
        rig.shared->interpreter.limit = UINT32_MAX; /* nonsense is bounded */
        copied = sample();
        assert_chain(&copied, 0, WIRE_INTERPRETED_MAX);
}

static void a_chain_in_a_circle_ends_at_the_limit(void **unused)
{
        struct copied copied;

        chain[CHAIN - 1].previous = &chain[CHAIN - 3];
        copied = sample();
        assert_int_equal(copied.n, WIRE_INTERPRETED_MAX);
        assert_int_equal(copied.more, 1);
}

static void nothing_is_copied_where_there_is_no_interpreter(void **unused)
{
        struct copied copied;

        rig.shared->interpreter.on = 0;
        copied = sample();
        assert_int_equal(copied.n, 0);
        assert_int_equal(copied.more, 0);
        assert_int_equal(copied.anchor, 0);
}

static void *sample_there(void *arg)
{
        *(struct copied *)arg = sample();
        return NULL;
}

static void a_thread_that_has_no_state_has_no_frames(void **unused)
{
        struct copied copied;
        pthread_t thread;

        assert_int_equal(pthread_create(&thread, NULL, sample_there, &copied), 0);
        pthread_join(thread, NULL);
        assert_int_equal(copied.n, 0);
}

static void the_state_of_another_thread_is_not_followed(void **unused)
{
        struct copied copied;

        state.thread += 64;
        copied = sample();
        assert_int_equal(copied.n, 0);
        assert_int_equal(copied.anchor, 0);
}

static void an_interpreter_that_is_ending_is_left_alone(void **unused)
{
        struct copied copied;

        ending = 1;
        copied = sample();
        assert_int_equal(copied.n, 0);
        rig.shared->interpreter.ending = 0; /* as if its library had been unloaded */
        copied = sample();
        assert_int_equal(copied.n, 0);
}

static void a_chain_ends_where_nothing_can_be_read(void **unused)
{
        uint8_t *pages = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        struct copied copied;

        assert_true(pages != MAP_FAILED);
        mprotect(pages + 2 * PAGE, PAGE, PROT_NONE);
        for (size_t left = 0; left <= sizeof(struct toy_frame) + 8; left++) {
                struct toy_frame *last = (struct toy_frame *)(pages + 2 * PAGE - left);
                bool whole = left >= sizeof *last;

                if (whole)
                        *last = (struct toy_frame){ 7, 8, 9, NULL };
                chain[CHAIN - 1].previous = last;
                copied = sample();
                assert_int_equal(copied.n, whole ? 4 : 3);
                assert_int_equal(copied.more, !whole);
        }
        munmap(pages, 3 * PAGE);
}

/* Addresses that are no good, and some that are. */
static uint64_t any_address(uint64_t *seed)
{
        static const uint64_t odd[] = { 0, 1, 8, 4095, 4096, 1ull << 47, (1ull << 47) - 1, (1ull << 47) - 4, 1ull << 63, UINT64_MAX,
                                        UINT64_MAX - 7, 0xffffffffff600000, 0x8000000000000000 + 4096, 0x7fffffffe000 };
        uint64_t r;

        *seed ^= *seed << 13, *seed ^= *seed >> 7, *seed ^= *seed << 17;
        r = *seed;
        switch (r % 4) {
        case 0: return odd[r / 4 % (sizeof odd / sizeof *odd)];
        case 1: return r;
        case 2: return (uint64_t)&chain[r / 4 % CHAIN] + r % 16;
        default: return (uint64_t)&state + r / 4 % 64;
        }
}

static void whatever_stands_there_is_survived(void **unused)
{
        uint64_t seed = 4711;

        for (int i = 0; i < 20000; i++) {
                struct wire_interpreter *how = &rig.shared->interpreter;

                state.anchor = (struct toy_anchor *)any_address(&seed);
                anchor.innermost = (struct toy_frame *)any_address(&seed);
                chain[i % CHAIN].previous = (struct toy_frame *)any_address(&seed);
                if (i % 8 == 0)
                        pthread_setspecific(key, (void *)any_address(&seed));
                if (i % 8 == 4)
                        pthread_setspecific(key, &state);
                if (i % 64 == 0)
                        how->ending = any_address(&seed);
                if (i % 64 == 32)
                        how->ending = (uint64_t)&ending;
                for (int j = 0; i % 16 == 0 && j < 4; j++)
                        how->in_frame[j] = (uint32_t)any_address(&seed);
                if (i % 16 == 1)
                        how->anchor = (uint32_t)any_address(&seed);
                if (i % 16 == 3)
                        how->anchor = offsetof(struct toy_state, anchor);
                if (i % 128 == 5)
                        how->state = (uint32_t)any_address(&seed);
                if (i % 128 == 25)
                        how->state = key_offset;
                sample();
        }
}

int main(void)
{
#define PROBE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        const struct CMUnitTest tests[] = {
                PROBE_TEST(frames_travel_with_the_sample),
                PROBE_TEST(a_state_may_point_to_the_frame_itself),
                PROBE_TEST(they_stand_behind_whatever_was_copied_of_the_stack),
                PROBE_TEST(a_long_chain_is_cut_at_the_limit),
                PROBE_TEST(a_chain_in_a_circle_ends_at_the_limit),
                PROBE_TEST(nothing_is_copied_where_there_is_no_interpreter),
                PROBE_TEST(a_thread_that_has_no_state_has_no_frames),
                PROBE_TEST(the_state_of_another_thread_is_not_followed),
                PROBE_TEST(an_interpreter_that_is_ending_is_left_alone),
                PROBE_TEST(a_chain_ends_where_nothing_can_be_read),
                PROBE_TEST(whatever_stands_there_is_survived),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
