#include "unit.h"

#include "base/alloc.h"
#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int remember_change(void *ctx, const struct rec_stack_tick *row)
{
        ((uint32_t *)ctx)[row->stack] = row->tick;
        return 0;
}

/* For each stack the tick of the row in force at TICK. */
static uint32_t *rows_in_force(const struct history *h, size_t n_stacks, uint32_t tick)
{
        uint32_t *rows = xcalloc(n_stacks + 2, sizeof *rows);

        assert_int_equal(h->changes_at(h->arg, tick, remember_change, rows), 0);
        return rows;
}

/* Which is also what a file without a limit says. */
static void expect_exact(const struct history *limited, const struct history *full, size_t n_stacks, uint32_t tick)
{
        uint32_t *a = rows_in_force(limited, n_stacks, tick), *b = rows_in_force(full, n_stacks, tick);

        for (size_t i = 0; i < n_stacks + 2; i++)
                if (a[i] != b[i])
                        fail_msg("stack %zu at tick %u: row of tick %u instead of %u", i, (unsigned)tick, (unsigned)a[i],
                                 (unsigned)b[i]);
        free(a);
        free(b);
}

static int expect_notes(void *ctx, const struct rec_event *row)
{
        *(int *)ctx += row->kind == REC_EVENT_DISK && strstr(row->text, "nears its limit");
        return 0;
}

static void a_size_limit_is_kept_by_thinning_what_is_old(void **state)
{
        enum { LIMIT = 1 << 20, FULL = 300 };
        const char *small = session_path("limit.heaptop"), *large = session_path("nolimit.heaptop");
        struct store *store, *other;
        const struct history *h, *g;
        struct err err = { 0 };
        struct sample s;
        size_t len;
        int notes = 0;

        sample_init(&s, 9, 1500, 20, 10);
        session_write(large, &s);
        store = session_create(small, &s);
        assert_int_equal(store_set_limit(store, LIMIT, FULL), 0);
        session_write_ticks(store, &s, 0, s.n_ticks);
        assert_int_equal(store_finish(store, 1, "detached", &err), 0);
        store_close(store);
        free(session_bytes(large, &len));
        assert_true(len > LIMIT);
        free(session_bytes(small, &len));
        assert_true(len <= LIMIT);
        store = session_open(small), h = store_history(store);
        other = session_open(large), g = store_history(other);
        for (uint32_t tick = s.n_ticks - 100; tick <= s.n_ticks; tick += 25)
                expect_exact(h, g, s.n_stacks, tick); /* full detail */
        for (size_t i = 0; i < s.n_marks; i += 20)
                expect_exact(h, g, s.n_stacks, s.marks[i].tick);
        expect_exact(h, g, s.n_stacks, 599); /* the end of a bucket of any size so far */
        assert_int_equal(h->events(h->arg, s.n_ticks, expect_notes, &notes), 0);
        assert_in_range(notes, 1, 20);
        assert_true(session_read_everything(h) > 0);
        store_close(store);
        store_close(other);
        sample_done(&s);
}

static int count_member(void *ctx, const struct rec_member *row)
{
        (*(uint32_t *)ctx)++;
        return row->id == 0 ? -EINVAL : 0;
}

static int find_figures(void *ctx, const struct rec_member_tick *row)
{
        if (row->member == 1)
                *(struct rec_member_tick *)ctx = *row;
        return 0;
}

enum { CHILDREN = 3 };

/* A server that forks for each request, for days: each child is a row, has figures and makes two events. */
static void write_children(struct store *store, uint32_t tick)
{
        uint64_t now_ns = SAMPLE_START_NS + tick * 1000000000ull;
        struct rec_member_tick figures[CHILDREN + 1] = { { .tick = tick, .member = 1, .samples = tick } };
        struct rec_member members[CHILDREN + 1] = { { .id = 1, .pid = 1, .started_ns = SAMPLE_START_NS } };
        struct rec_event events[2 * CHILDREN] = { 0 };
        struct rec_tick t = { .process = { .tick = tick, .time_ns = now_ns, .mean = 4096 }, .members = members,
                              .n_members = CHILDREN + 1, .member_ticks = figures, .n_member_ticks = CHILDREN + 1,
                              .events = events, .n_events = 2 * CHILDREN };
        struct err err = { 0 };

        for (uint32_t i = 0; i < CHILDREN; i++) {
                uint32_t id = tick * CHILDREN + i;

                members[i + 1] = (struct rec_member){ .id = id, .pid = (int32_t)id, .parent = 1, .comm = "child",
                                                      .exe = "/usr/lib/server/child", .allocator = "glibc 2.36",
                                                      .started_ns = now_ns - 500000000, .ended_ns = now_ns - 1 };
                figures[i + 1] = (struct rec_member_tick){ .tick = tick, .member = id, .samples = 1 };
                events[2 * i] = (struct rec_event){ .tick = tick, .time_ns = now_ns, .kind = REC_EVENT_FORK,
                                                    .text = "child is recorded, too (forked): stopped for 0.5 ms" };
                events[2 * i + 1] = (struct rec_event){ .tick = tick, .time_ns = now_ns, .kind = REC_EVENT_EXITED,
                                                        .text = "child: exited with status 0" };
        }
        if (store_write_tick(store, &t, &err) < 0)
                fail_msg("tick %u: %s", (unsigned)tick, err.text);
}

static void processes_that_come_and_go_do_not_fill_the_file(void **state)
{
        enum { LIMIT = 1 << 20, FULL = 60, TICKS = 3000 };
        const char *path = session_path("forks.heaptop");
        struct rec_member_tick found = { 0 };
        uint32_t n_members = 0, last = 0;
        const struct history *h;
        struct err err = { 0 };
        struct store *store;
        struct sample s;
        size_t len;

        sample_init(&s, 11, 1, 1, 1);
        store = session_create(path, &s);
        assert_int_equal(store_set_limit(store, LIMIT, FULL), 0);
        for (uint32_t tick = 1; tick <= TICKS; tick++)
                write_children(store, tick);
        assert_int_equal(store_finish(store, 1, "detached", &err), 0);
        store_close(store);
        free(session_bytes(path, &len));
        assert_true(len <= LIMIT);
        store = session_open(path);
        h = store_history(store);
        assert_int_equal(h->last_tick(h->arg, &last), 0);
        assert_int_equal(last, TICKS);
        assert_int_equal(h->members(h->arg, count_member, &n_members), 0);
        assert_in_range(n_members, LIMIT / (16 << 10), LIMIT / (16 << 10) + 64 * CHILDREN); /* of 9000 */
        assert_int_equal(h->member_ticks_at(h->arg, TICKS, find_figures, &found), 0);
        assert_int_equal(found.samples, TICKS); /* the one that lives on */
        store_close(store);
        sample_done(&s);
}

static void a_limit_too_small_for_anything_ends_the_recording_in_words(void **state)
{
        const char *path = session_path("tiny.heaptop");
        struct err err = { 0 };
        struct store *store;
        struct sample s;
        uint32_t last, n;
        int r = 0;

        sample_init(&s, 10, 100, 400, 200);
        store = session_create(path, &s);
        assert_int_equal(store_set_limit(store, 300 << 10, 60), 0);
        for (n = 0; n < s.n_ticks && r == 0; n++)
                r = store_write_tick(store, &s.ticks[n], &err);
        assert_int_equal(r, -ENOSPC);
        assert_non_null(strstr(err.text, "size limit"));
        err = (struct err){ 0 };
        assert_int_equal(store_finish(store, 1, "size limit", &err), 0);
        store_close(store);
        store = session_open(path);
        assert_int_equal(store_history(store)->last_tick(store_history(store)->arg, &last), 0);
        assert_int_equal(last, n - 1);
        store_close(store);
        sample_done(&s);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_size_limit_is_kept_by_thinning_what_is_old),
                cmocka_unit_test(processes_that_come_and_go_do_not_fill_the_file),
                cmocka_unit_test(a_limit_too_small_for_anything_ends_the_recording_in_words),
        };

        return cmocka_run_group_tests(tests, session_make_folder, session_remove_folder);
}
