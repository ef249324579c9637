#include "unit.h"

#include "area.h"
#include "base/clock.h"
#include "live/recorder.h"
#include "model/estimate.h"
#include "target/proc.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Two places that "allocate": samples carry return addresses into them. */
__attribute__((noinline)) void site_a(void);
__attribute__((noinline)) void site_b(void);
void site_a(void)
{
        __asm__ volatile("nop; nop; nop; nop; nop; nop; nop; nop");
}
void site_b(void)
{
        __asm__ volatile("nop; nop; nop; nop; nop; nop; nop; nop; nop");
}

/* ---- a sink that keeps what the ticks told, and holds them to their promises ---- */

enum { MANY = 20000 };
struct told {
        struct rec_stack stacks[MANY];
        struct rec_stack_tick changes[MANY];
        struct rec_block blocks[MANY];
        struct rec_frame frames[MANY];
        struct rec_site sites[MANY];
        char funcs[MANY][64];
        size_t n_stacks, n_blocks, n_frames, n_sites, n_modules;
        uint32_t n_ticks, n_gaps, n_events, n_marks, n_answered, classes[WIRE_CLASSES];
        char gap[256], event[256], mark[32], edits[128];
        uint64_t gap_lost;
        struct rec_process process;
};
static struct told told;

static void keep_code(const struct rec_tick *tick)
{
        for (size_t i = 0; i < tick->n_modules; i++)
                assert_int_equal(tick->modules[i].id, ++told.n_modules);
        for (size_t i = 0; i < tick->n_frames; i++) {
                const struct rec_frame *f = &tick->frames[i];

                assert_true(f->id >= 1 && f->id <= told.n_frames + 1 && f->id < MANY);
                assert_true(f->module <= told.n_modules && f->inlined_in <= told.n_frames);
                told.n_frames += f->id > told.n_frames;
                told.frames[f->id] = *f;
                snprintf(told.funcs[f->id], sizeof told.funcs[0], "%s", f->func ? f->func : "");
        }
        for (size_t i = 0; i < tick->n_sites; i++) {
                assert_int_equal(tick->sites[i].id, ++told.n_sites);
                assert_true(tick->sites[i].frame >= 1 && tick->sites[i].frame <= told.n_frames);
                told.sites[told.n_sites] = tick->sites[i];
        }
        for (size_t i = 0; i < tick->n_stacks; i++) {
                const struct rec_stack *s = &tick->stacks[i];

                assert_true(s->id >= 1 && s->id <= told.n_stacks + 1 && s->id < MANY);
                assert_true(s->parent < s->id && s->frame >= 1 && s->frame <= told.n_frames);
                assert_true(s->site <= told.n_sites);
                if (s->id <= told.n_stacks && told.stacks[s->id].site) /* one site for good */
                        assert_int_equal(s->site, told.stacks[s->id].site);
                told.n_stacks += s->id > told.n_stacks;
                told.stacks[s->id] = *s;
        }
}

static void keep_blocks(const struct rec_tick *tick)
{
        uint32_t now = tick->process.tick;
        int64_t live = 0;

        for (size_t i = 0; i < tick->n_changes; i++) {
                assert_int_equal(tick->changes[i].tick, now);
                assert_true(tick->changes[i].stack >= 1 && tick->changes[i].stack <= told.n_stacks);
                told.changes[tick->changes[i].stack] = tick->changes[i];
        }
        for (size_t i = 1; i <= told.n_stacks; i++)
                live += told.changes[i].live_bytes;
        assert_int_equal(live, tick->process.live_bytes);
        for (size_t i = 0; i < tick->n_births; i++) {
                const struct rec_block *b = &tick->births[i];

                assert_true(b->id < MANY && told.blocks[b->id].id == 0);
                assert_true(b->stack >= 1 && b->stack <= told.n_stacks && b->birth_ns <= tick->process.time_ns);
                told.blocks[b->id] = *b;
        }
        for (size_t i = 0; i < tick->n_deaths; i++) {
                struct rec_block *b = &told.blocks[tick->deaths[i].id];

                assert_true(tick->deaths[i].id < MANY && b->id == tick->deaths[i].id && b->death_ns == 0);
                assert_true(tick->deaths[i].death_ns >= b->birth_ns &&
                            tick->deaths[i].death_ns <= tick->process.time_ns);
                b->death_ns = tick->deaths[i].death_ns;
        }
        live = 0;
        for (size_t i = 1; i < MANY; i++)
                if (told.blocks[i].id && told.blocks[i].death_ns == 0)
                        live += estimate_bytes(told.blocks[i].size, told.blocks[i].weight);
        assert_int_equal(live, tick->process.live_bytes);
}

static int keep(void *arg, const struct rec_tick *tick)
{
        assert_int_equal(tick->process.tick, ++told.n_ticks);
        assert_true(tick->process.time_ns > told.process.time_ns);
        keep_code(tick);
        keep_blocks(tick);
        for (size_t i = 0; i < tick->n_states; i++)
                assert_true(tick->states[i].site <= told.n_sites && tick->states[i].class < REC_CLASSES);
        for (size_t i = 0; i < tick->n_classes; i++)
                told.classes[tick->classes[i].index]++;
        for (size_t i = 0; i < tick->n_gaps; i++) {
                snprintf(told.gap, sizeof told.gap, "%s", tick->gaps[i].why);
                told.gap_lost = tick->gaps[i].lost_samples;
        }
        for (size_t i = 0; i < tick->n_events; i++)
                snprintf(told.event, sizeof told.event, "%s", tick->events[i].text);
        for (size_t i = 0; i < tick->n_marks; i++)
                snprintf(told.mark, sizeof told.mark, "%s", tick->marks[i].name);
        told.n_gaps += (uint32_t)tick->n_gaps;
        told.n_events += (uint32_t)tick->n_events;
        for (size_t i = 0; i < tick->n_mark_edits; i++) {
                size_t len = strlen(told.edits);

                snprintf(told.edits + len, sizeof told.edits - len, "%u %s,", tick->mark_edits[i].id,
                         tick->mark_edits[i].name ? tick->mark_edits[i].name : "-");
        }
        told.n_marks += (uint32_t)tick->n_marks;
        told.n_answered += (uint32_t)tick->n_answered;
        told.process = tick->process;
        return 0;
}

static const struct sink sink = { .tick = keep };
static struct injection injection;
static struct wire_root root;
static struct recorder *recorder;

static void attach(pid_t pid)
{
        const struct recorder_options options = { .tick_ns = 1 }; /* every step makes a tick */
        struct proc_stat stat;
        struct err err = { 0 };

        memset(&told, 0, sizeof told);
        assert_int_equal(proc_stat_read(pid, &stat), 0);
        injection.pid = pid;
        injection.start_time = stat.start_time;
        injection.shared_addr = (uint64_t)(uintptr_t)injection.shared;
        injection.root_addr = (uint64_t)(uintptr_t)&root;
        injection.shared->root = injection.root_addr;
        injection.shared->self = injection.shared_addr;
        assert_int_equal(recorder_new(&injection, &options, &recorder, &err), 0);
}

static int setup(void **state)
{
        memset(&injection, 0, sizeof injection);
        injection.shared = area_new();
        attach(getpid());
        return 0;
}

static int teardown(void **state)
{
        recorder_free(recorder);
        recorder = NULL;
        area_free(injection.shared);
        return 0;
}

static void step(void)
{
        int64_t wait = recorder_step(recorder, &sink);

        assert_true(wait >= 0 && wait <= 50 * (int64_t)NS_PER_MS);
}

static void allocate(uint64_t id, uint64_t addr, uint64_t size, void (*site)(void))
{
        struct wire_alloc alloc = { .head = { .id = id, .addr = addr }, .size = size, .mean = 65536, .tid = 1,
                                    .rsp = 0x7fff0000, .rip = (uint64_t)(uintptr_t)site + 6, .stack_bytes = 64 };
        static const uint64_t stack[8];

        assert_true(area_alloc(injection.shared, &alloc, stack));
}

static void ticks_add_up_and_every_stack_gets_a_site(void **state)
{
        uint64_t alive[64] = { 0 }, id = 0;
        bool a = false, b = false;

        srand(41);
        for (int i = 0; i < 300; i++) {
                for (int j = 0; j < 20; j++) {
                        size_t slot = (size_t)rand() % 64;

                        if (alive[slot])
                                assert_true(area_death(injection.shared, alive[slot], 0x10000 + slot * 64));
                        alive[slot] = rand() % 3 ? ++id : 0;
                        if (alive[slot])
                                allocate(id, 0x10000 + slot * 64, 1 + (uint64_t)rand() % 200000,
                                         rand() % 2 ? site_a : site_b);
                }
                step();
        }
        assert_int_equal(recorder_finish(recorder, &sink, "detached"), 0);
        assert_string_equal(told.event, "detached");
        assert_int_equal(told.process.samples, id);
        for (size_t i = 1; i <= told.n_stacks; i++)
                assert_true(told.changes[i].stack == 0 || told.stacks[i].site != 0);
        for (size_t i = 1; i <= told.n_sites; i++) {
                a |= strcmp(told.funcs[told.sites[i].frame], "site_a") == 0;
                b |= strcmp(told.funcs[told.sites[i].frame], "site_b") == 0;
        }
        assert_int_equal(told.n_sites, 2);
        assert_true(a && b);
        assert_true(told.process.rss_anon > 0 && told.process.threads >= 1 && told.process.recorder_rss > 0);
}

static void a_tick_carries_only_counters_that_changed(void **state)
{
        struct wire_slot *slot = &injection.shared->slots[77];

        slot->key = 0x1234;
        slot->classes[3].allocated_bytes = 64;
        slot->classes[3].allocated_calls = 1;
        step();
        assert_int_equal(told.classes[3], 1);
        assert_int_equal(told.process.allocated_bytes, 64);
        step();
        assert_int_equal(told.classes[3], 1);
        injection.shared->overflow.classes[3].freed_bytes = 64;
        step();
        assert_int_equal(told.classes[3], 2);
        assert_int_equal(told.process.freed_bytes, 64);
        slot->classes[3].allocated_bytes = 0; /* the target plays with it */
        step();
        assert_int_equal(told.process.allocated_bytes, 64);
}

static void frees_without_a_size_are_counted_as_calls(void **state)
{
        struct wire_slot *slot = &injection.shared->slots[78];

        slot->key = 0x1234;
        slot->unsized_frees = 7;
        injection.shared->overflow.unsized_frees = 2;
        step();
        assert_int_equal(told.process.freed_calls, 9);
        assert_int_equal(told.process.freed_bytes, 0);
        slot->key = 0; /* a slot that was given up still counts */
        step();
        assert_int_equal(told.process.freed_calls, 9);
}

static void what_was_lost_is_said(void **state)
{
        injection.shared->dropped_allocs += 5;
        injection.shared->dropped_bytes += 5 << 20;
        step();
        assert_int_equal(told.n_gaps, 1);
        assert_int_equal(told.gap_lost, 5);
        assert_non_null(strstr(told.gap, "5 samples lost"));
        assert_int_equal(told.process.lost_samples, 5);
        step();
        assert_int_equal(told.n_gaps, 1);
}

static void deaths_that_were_dropped_are_found_again(void **state)
{
        struct wire_block *table = injection.shared->table;

        for (uint64_t id = 1; id <= 4; id++) {
                allocate(id, id << 12, 100000, site_a);
                table[id * 1000] = (struct wire_block){ id << 12, id };
        }
        step();
        table[2000].addr = 1;
        table[3000].addr = 1;
        injection.shared->dropped_deaths += 2;
        for (int i = 0; i < 3; i++)
                step();
        assert_int_equal(told.n_gaps, 0); /* nothing was lost in the end */
        assert_true(told.blocks[1].death_ns == 0 && told.blocks[4].death_ns == 0);
        assert_true(told.blocks[2].death_ns != 0 && told.blocks[3].death_ns != 0);
}

static void a_probe_that_fell_silent_begins_a_new_epoch(void **state)
{
        allocate(1, 0x10000, 100000, site_a);
        step();
        assert_true(told.process.live_bytes > 0);
        injection.shared->state = WIRE_SILENT; /* it cannot be switched on here: there is no probe in us */
        step();
        assert_int_equal(told.process.live_bytes, 0);
        assert_int_equal(told.n_gaps, 1);
        assert_int_equal(told.gap_lost, 0);
        assert_true(told.blocks[1].death_ns != 0);
        step();
        assert_int_equal(told.n_gaps, 2); /* still off: the next tick says so too */
        injection.shared->state = WIRE_RUNNING;
        allocate(2, 0x20000, 100000, site_b);
        step();
        assert_true(told.process.live_bytes > 0);
        assert_int_equal(told.n_gaps, 2);
}

static void requests_are_answered_with_the_next_tick(void **state)
{
        struct rec_request mark = { .id = 1, .kind = REC_REQUEST_MARK }, named = { .id = 2, .text = "before deploy" };
        struct rec_request mean = { .id = 3, .kind = REC_REQUEST_MEAN, .number = 4096 };

        recorder_request(recorder, &mark);
        step();
        assert_string_equal(told.mark, "A");
        assert_int_equal(told.n_answered, 1);
        recorder_request(recorder, &named);
        recorder_request(recorder, &mean);
        step();
        assert_string_equal(told.mark, "before deploy");
        assert_int_equal(told.n_answered, 3);
        assert_int_equal(injection.shared->mean, 4096);
        assert_int_equal(told.process.mean, 4096);
        recorder_request(recorder, &(struct rec_request){ .id = 4, .kind = REC_REQUEST_RENAME_MARK, .text = "warm", .number = 1 });
        recorder_request(recorder, &(struct rec_request){ .id = 5, .kind = REC_REQUEST_RENAME_MARK, .text = "", .number = 2 });
        recorder_request(recorder, &(struct rec_request){ .id = 6, .kind = REC_REQUEST_DELETE_MARK, .number = 2 });
        recorder_request(recorder, &(struct rec_request){ .id = 7, .kind = REC_REQUEST_DELETE_MARK, .number = 1ull << 40 });
        step();
        assert_string_equal(told.edits, "1 warm,2 -,");
        assert_int_equal(told.n_answered, 7);
        for (int i = 0; i < 26; i++)
                recorder_request(recorder, &mark);
        step();
        assert_string_equal(told.mark, "AA");
}

static void nothing_that_the_area_holds_can_stop_the_recorder(void **state)
{
        uint8_t *bytes = (uint8_t *)injection.shared;

        srand(42);
        for (int round = 0; round < 20; round++) {
                uint64_t began_ns = clock_boottime_ns();

                for (size_t i = offsetof(struct wire_shared, mean); i < sizeof *injection.shared; i += 8) {
                        uint64_t word = (uint64_t)rand() << 32 ^ (uint64_t)rand();

                        memcpy(bytes + i, &word, sizeof word);
                }
                injection.shared->head = (uint64_t)rand() << (round % 40);
                injection.shared->state = (uint32_t)round % 6;
                memset(&told.process, 0, sizeof told.process);
                step();
                assert_true(clock_boottime_ns() - began_ns < 5 * NS_PER_S);
        }
}

/* ---- a target that ends; it has a copy of the area at the same address ---- */

static pid_t target(bool exec)
{
        int ready[2], go[2];
        char byte;
        pid_t pid;

        assert_int_equal(pipe(ready), 0);
        assert_int_equal(pipe(go), 0);
        pid = fork();
        if (pid == 0) {
                close(go[1]);
                if (write(ready[1], "x", 1) != 1 || (read(go[0], &byte, 1) == 0 && !exec))
                        _exit(3);
                dup2(ready[1], 1);
                execl("/proc/self/exe", "test_recorder", "wait", NULL);
                _exit(1);
        }
        close(ready[1]);
        close(go[0]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        teardown(NULL);
        injection.shared = area_new();
        injection.shared_addr = 0;
        /* the new area is not in the child: point at something that both have */
        attach(pid);
        recorder_free(recorder);
        injection.shared_addr = (uint64_t)(uintptr_t)&root;
        assert_int_equal(recorder_new(&injection, &(struct recorder_options){ .tick_ns = 1 }, &recorder, NULL), 0);
        step();
        assert_int_equal(recorder_state(recorder), RECORDER_RUNNING);
        close(go[1]);
        if (exec)
                assert_int_equal(read(ready[0], &byte, 1), 1); /* the new program says so */
        close(ready[0]);
        return pid;
}

static void the_end_of_the_target_is_noticed(void **state)
{
        pid_t pid = target(false);
        int status;

        assert_int_equal(waitpid(pid, &status, 0), pid);
        step();
        assert_int_equal(recorder_state(recorder), RECORDER_EXITED);
        assert_non_null(strstr(recorder_end_reason(recorder), "target exited"));
        assert_string_equal(told.event, recorder_end_reason(recorder));
        assert_int_equal(recorder_finish(recorder, &sink, "detached"), 0);
        assert_string_equal(told.event, recorder_end_reason(recorder));
}

static void another_program_in_the_target_is_noticed(void **state)
{
        pid_t pid = target(true);
        int status;

        step();
        assert_int_equal(recorder_state(recorder), RECORDER_EXEC);
        assert_non_null(strstr(recorder_end_reason(recorder), "exec"));
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(ticks_add_up_and_every_stack_gets_a_site),
                TEST(a_tick_carries_only_counters_that_changed),
                TEST(frees_without_a_size_are_counted_as_calls),
                TEST(what_was_lost_is_said),
                TEST(deaths_that_were_dropped_are_found_again),
                TEST(a_probe_that_fell_silent_begins_a_new_epoch),
                TEST(requests_are_answered_with_the_next_tick),
                TEST(nothing_that_the_area_holds_can_stop_the_recorder),
                TEST(the_end_of_the_target_is_noticed),
                TEST(another_program_in_the_target_is_noticed),
        };

        if (argc > 1 && strcmp(argv[1], "wait") == 0) {
                if (write(1, "x", 1) == 1)
                        pause();
                return 0;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
