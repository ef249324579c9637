/* What is left from before the attach by size class: what was walked, what the counters say since, what sampling knows. */
#include "unit.h"

#include "live/before.h"
#include "model/heap.h"

#include <string.h>

#define S 1000000000ull

struct world {
        struct before before;
        struct counters counters;
        struct aggregate aggregate;
        struct blocks blocks;
        struct chunks chunks;
        struct happenings happenings;
        uint32_t tick;
};

/* A walk that is over, with BYTES in class INDEX. */
static void begin(struct world *w, uint32_t index, int64_t bytes)
{
        *w = (struct world){ .before = { .walking = true, .walk = { .done = true, .walked_bytes = 1 << 20 } } };
        w->before.walked[index] = bytes;
        aggregate_init(&w->aggregate);
        blocks_init(&w->blocks, &w->aggregate);
        aggregate_leaf(&w->aggregate, 1, S);
}

static void end(struct world *w)
{
        before_done(&w->before);
        blocks_done(&w->blocks);
        aggregate_done(&w->aggregate);
        happenings_done(&w->happenings);
}

static void tick(struct world *w, bool all)
{
        w->tick++;
        before_tick(&w->before, &w->counters, &w->blocks, &w->chunks, true, w->tick, w->tick * S, all, &w->happenings);
}

static void born(struct world *w, uint64_t id, uint64_t size, uint64_t chunk)
{
        const struct wire_alloc record = { .head = { .id = id, .addr = 0x10000 * id }, .size = size, .chunk = chunk };

        w->counters.classes[wire_class(wire_glibc_chunk(size))].allocated_bytes += wire_glibc_chunk(size);
        blocks_alloc(&w->blocks, &record, 1, S);
}

static void freed(struct world *w, uint64_t chunk, int64_t n)
{
        w->counters.classes[wire_class(chunk)].freed_bytes += chunk * (uint64_t)n;
}

static void it_shrinks_as_old_blocks_are_freed(void **state)
{
        uint32_t index = wire_class(1008);
        struct world w;

        begin(&w, index, 100 * 1008);
        tick(&w, false);
        assert_int_equal(w.before.rows.n, 1);
        assert_int_equal(w.before.rows.v[0].index, index);
        assert_int_equal(w.before.rows.v[0].bytes, 100 * 1008);
        assert_int_equal(w.before.rows.v[0].began, 100 * 1008);
        freed(&w, 1008, 30);
        tick(&w, false);
        assert_int_equal(w.before.rows.n, 1);
        assert_int_equal(w.before.rows.v[0].bytes, 70 * 1008);
        assert_int_equal(w.before.rows.v[0].began, 100 * 1008);
        tick(&w, false);
        assert_int_equal(w.before.rows.n, 0); /* nothing has changed */
        freed(&w, 1008, 500); /* more than there ever was: never negative */
        tick(&w, false);
        assert_int_equal(w.before.rows.v[0].bytes, 0);
        end(&w);
}

/* Each block is sampled here (mean 0), so the sums are exact. */
static void new_blocks_are_not_from_before(void **state)
{
        uint32_t index = wire_class(1008);
        struct world w;

        begin(&w, index, 10 * 1008);
        tick(&w, false);
        for (uint64_t i = 1; i <= 50; i++)
                born(&w, i, 1000, 1008);
        for (uint64_t i = 1; i <= 20; i++) {
                blocks_death(&w.blocks, i, 2 * S);
                freed(&w, 1008, 1);
        }
        tick(&w, true);
        assert_int_equal(w.before.rows.n, 0);
        freed(&w, 1008, 4);
        tick(&w, true);
        assert_int_equal(w.before.rows.v[0].bytes, 6 * 1008);
        end(&w);
}

/* The counters see the request (1008 bytes with its header), later the chunk: 16 more, which is of the next class. */
static void a_larger_chunk_than_asked_for_does_not_move_bytes_between_classes(void **state)
{
        struct world w;

        assert_int_not_equal(wire_class(1008), wire_class(1024));
        begin(&w, wire_class(1008), 10 * 1008);
        w.before.walked[wire_class(1024)] = 10 * 1024;
        tick(&w, false);
        for (uint64_t i = 1; i <= 100; i++)
                born(&w, i, 1000, 1024);
        tick(&w, true);
        assert_int_equal(w.before.rows.n, 0);
        for (uint64_t i = 1; i <= 100; i++) {
                blocks_death(&w.blocks, i, 2 * S);
                freed(&w, 1024, 1);
        }
        tick(&w, true);
        assert_int_equal(w.before.rows.n, 0);
        end(&w);
}

static void blocks_with_a_mapping_of_their_own_are_counted(void **state)
{
        struct chunk chunk = { 0x7f0000000000, 200704 };
        struct world w;

        begin(&w, 3, 4096);
        w.chunks = (struct chunks){ .v = &chunk, .n = 1, .given_up = 1 << 20 };
        tick(&w, false);
        assert_int_equal(w.before.rows.n, 2);
        assert_int_equal(w.before.rows.v[1].index, wire_class(200704));
        assert_int_equal(w.before.rows.v[1].bytes, 200704);
        assert_int_equal(w.happenings.events.n, 1); /* a megabyte was not found */
        assert_non_null(strstr(w.happenings.events.v[0].text, "1.0M could not"));
        end(&w);
}

static void nothing_is_told_before_the_walk_is_over(void **state)
{
        struct world w;

        begin(&w, 3, 4096);
        w.before.walk.done = false;
        tick(&w, true);
        assert_int_equal(w.before.rows.n, 0);
        w.before.walk.done = true;
        tick(&w, true);
        assert_int_equal(w.before.rows.n, 1);
        end(&w);
}

static void what_is_known_no_more_is_told_as_gone(void **state)
{
        uint32_t index = wire_class(1008);
        struct rec_before_class told;
        struct world w;

        begin(&w, index, 10 * 1008);
        assert_false(before_told(&w.before, index, &told));
        tick(&w, false);
        assert_true(before_told(&w.before, index, &told));
        before_forget(&w.before);
        tick(&w, false);
        assert_int_equal(w.before.rows.n, 1);
        assert_int_equal(w.before.rows.v[0].index, index);
        assert_int_equal(w.before.rows.v[0].bytes, 0);
        assert_int_equal(w.before.rows.v[0].began, 10 * 1008);
        tick(&w, true);
        assert_int_equal(w.before.rows.n, 0);
        end(&w);
}

static void what_was_told_is_replaced_when_it_begins_anew(void **state)
{
        uint32_t index = wire_class(1008);
        struct glibc_heap heap = { 0 };
        struct rec_before_class told;
        struct world w;

        begin(&w, index, 10 * 1008);
        tick(&w, false);
        before_begin(&w.before, 0, -1, &heap, &w.counters); /* there is no such process: no walk */
        assert_true(before_told(&w.before, index, &told));
        assert_int_equal(told.began, 10 * 1008); /* of several processes it is added up */
        tick(&w, true);
        assert_int_equal(w.before.rows.n, 0);
        w.before.walking = w.before.walk.done = true;
        tick(&w, true);
        assert_int_equal(w.before.rows.n, 1);
        assert_int_equal(w.before.rows.v[0].bytes, 0);
        end(&w);
}

static void no_counter_is_too_strange(void **state)
{
        struct world w;

        begin(&w, 3, 4096);
        for (size_t i = 0; i < WIRE_CLASSES; i++) {
                w.counters.classes[i].allocated_bytes = i % 2 ? 1ull << 63 : UINT64_MAX;
                w.before.net_at_start[i] = i % 3 ? INT64_MAX / 4 : -INT64_MAX / 4;
        }
        tick(&w, true);
        for (size_t i = 0; i < WIRE_CLASSES; i++)
                w.counters.classes[i].freed_bytes = i % 2 ? UINT64_MAX : 1ull << 63;
        tick(&w, true);
        for (size_t i = 0; i < w.before.rows.n; i++)
                assert_true(w.before.rows.v[i].bytes >= 0 && w.before.rows.v[i].error >= 0);
        end(&w);
}

static void the_model_names_classes_as_the_probe_counts_them(void **state)
{
        for (uint32_t i = 0; i < WIRE_CLASSES; i++) {
                uint64_t from, to;

                heap_class_sizes(i, &from, &to);
                assert_int_equal(from, wire_class_floor(i));
                assert_int_equal(wire_class(from), i);
                if (i + 1 < WIRE_CLASSES)
                        assert_int_equal(to, wire_class_floor(i + 1) - 1);
                else
                        assert_int_equal(to, 0);
        }
        assert_int_equal(HEAP_BEFORE_CLASSES, WIRE_CLASSES);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(it_shrinks_as_old_blocks_are_freed),
                cmocka_unit_test(new_blocks_are_not_from_before),
                cmocka_unit_test(a_larger_chunk_than_asked_for_does_not_move_bytes_between_classes),
                cmocka_unit_test(blocks_with_a_mapping_of_their_own_are_counted),
                cmocka_unit_test(nothing_is_told_before_the_walk_is_over),
                cmocka_unit_test(what_is_known_no_more_is_told_as_gone),
                cmocka_unit_test(what_was_told_is_replaced_when_it_begins_anew),
                cmocka_unit_test(no_counter_is_too_strange),
                cmocka_unit_test(the_model_names_classes_as_the_probe_counts_them),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
