#include "unit.h"

#include "fake_history.h"

#include "base/clock.h"
#include "base/rules.h"
#include "model/heap.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MIB = 1 << 20, STACKS = 300, SITES = 40 };

static const struct tree_node *node_named(const struct tree *tree, const char *name)
{
        for (size_t i = 1; i < tree->n; i++)
                if (strcmp(tree->nodes[i].name, name) == 0)
                        return &tree->nodes[i];
        return NULL;
}

static const struct tree_node *parent_of(const struct tree *tree, const struct tree_node *node)
{
        return &tree->nodes[node->parent];
}

static void callers_come_first(void **state)
{
        struct fake *fake = fake_new();
        uint32_t site = fake_add_site(fake, "SessionStore::put", "/src/store.cc", 88);
        struct heap *heap = heap_new(fake_history(fake));
        const struct tree_node *put;
        struct tree tree;

        fake_set_live(fake, site, 10 * MIB, 100);
        fake_tick(fake);
        assert_int_equal(heap_seek(heap, 1), 0);
        assert_int_equal(heap_tree(heap, site, false, &tree), 0);
        assert_int_equal(tree.n, 4);
        put = node_named(&tree, "SessionStore::put");
        assert_string_equal(put->place, "store.cc:88");
        assert_string_equal(put->file, "/src/store.cc");
        assert_int_equal(put->line, 88);
        assert_int_equal(put->depth, 2);
        assert_int_equal(put->live_bytes, 10 * MIB);
        assert_true(isnan(put->rate_per_min));
        assert_string_equal(parent_of(&tree, put)->name, "dispatch");
        assert_string_equal(parent_of(&tree, parent_of(&tree, put))->name, "main");
        assert_int_equal(tree.nodes[0].live_bytes, 10 * MIB);
        tree_done(&tree);
        assert_int_equal(heap_tree(heap, site, true, &tree), 0);
        assert_string_equal(tree.nodes[tree.nodes[0].first_child].name, "SessionStore::put");
        assert_int_equal(node_named(&tree, "main")->depth, 2);
        tree_done(&tree);
        heap_free(heap);
        fake_free(fake);
}

static void inlined_calls_are_lines_of_their_own(void **state)
{
        struct fake *fake = fake_new();
        uint32_t site = fake_add_site(fake, "put", "store.cc", 88);
        struct heap *heap = heap_new(fake_history(fake));
        uint32_t inner = fake_add_inline(fake, 3, "Session::Session", "session.h", 22);
        struct tree tree;

        fake_add_inline(fake, inner, "string::string", "string.h", 212);
        fake_set_live(fake, site, MIB, 1);
        fake_tick(fake);
        assert_int_equal(heap_seek(heap, 1), 0);
        assert_int_equal(heap_tree(heap, site, false, &tree), 0);
        assert_int_equal(tree.n, 6);
        assert_true(node_named(&tree, "string::string")->inlined);
        assert_int_equal(node_named(&tree, "string::string")->depth, 4);
        assert_string_equal(parent_of(&tree, node_named(&tree, "string::string"))->name, "Session::Session");
        assert_string_equal(parent_of(&tree, node_named(&tree, "Session::Session"))->name, "put");
        assert_false(node_named(&tree, "put")->inlined);
        tree_done(&tree);
        assert_int_equal(heap_tree(heap, site, true, &tree), 0);
        assert_string_equal(tree.nodes[tree.nodes[0].first_child].name, "string::string");
        assert_string_equal(parent_of(&tree, node_named(&tree, "put"))->name, "Session::Session");
        tree_done(&tree);
        heap_free(heap);
        fake_free(fake);
}

static void frames_that_look_the_same_are_one_line(void **state)
{
        struct fake *fake = fake_new();
        uint32_t module = fake_add_module(fake, "/m"), main_frame = fake_add_frame(fake, module, "main", NULL, 0);
        uint32_t a = fake_add_stack(fake, 0, main_frame);
        uint32_t b = fake_add_stack(fake, a, fake_add_frame(fake, module, "put", NULL, 0));
        uint32_t c = fake_add_stack(fake, a, fake_add_frame(fake, module, "put", NULL, 0));
        uint32_t d = fake_add_stack(fake, a, fake_add_frame(fake, module, NULL, NULL, 0));
        uint32_t e = fake_add_stack(fake, a, fake_add_frame(fake, module, NULL, NULL, 0));
        struct heap *heap = heap_new(fake_history(fake));
        struct tree tree;

        for (uint32_t stack = b; stack <= e; stack++) {
                fake_set_site(fake, stack, 0);
                fake_set_stack_live(fake, stack, MIB, 1);
        }
        fake_tick(fake);
        assert_int_equal(heap_seek(heap, 1), 0);
        assert_int_equal(heap_tree(heap, 0, false, &tree), 0);
        assert_int_equal(tree.n, 5); /* root, main, put, two addresses */
        assert_int_equal(node_named(&tree, "put")->live_bytes, 2 * MIB);
        assert_int_equal(node_named(&tree, "main")->live_bytes, 4 * MIB);
        assert_int_not_equal(c, d);
        tree_done(&tree);
        heap_free(heap);
        fake_free(fake);
}

static void what_runs_a_script_is_runtime_where_it_leads_to_scripts_only(void **state)
{
        struct fake *fake = fake_new();
        struct heap *heap = heap_new(fake_history(fake));
        struct rules *rules = rules_new();
        uint32_t exe = fake_add_module(fake, "/usr/bin/python3.11"), python = fake_add_module(fake, "[python]");
        uint32_t handler = fake_add_frame(fake, python, "handler", "/srv/app.py", 31), stack, site, thread, loop;
        struct tree tree;

        assert_int_equal(rules_add(rules, "jit>python3* *\n", "rules", NULL), 0);
        heap_set_rules(heap, rules, false);
        fake_set_frame(fake, handler, "handler", "/srv/app.py", 31, REC_FRAME_NAMED | REC_FRAME_INTERPRETED);
        thread = fake_add_stack(fake, 0, fake_add_frame(fake, exe, "thread_run", NULL, 0));
        loop = fake_add_stack(fake, thread, fake_add_frame(fake, exe, "loop", NULL, 0));
        stack = fake_add_stack(fake, loop, handler);
        stack = fake_add_stack(fake, stack, fake_add_frame(fake, exe, "list_resize", NULL, 0));
        site = fake_set_site(fake, stack, 0);
        fake_set_live(fake, site, MIB, 1);
        fake_tick(fake);
        assert_int_equal(heap_seek(heap, 1), 0);
        assert_int_equal(heap_tree(heap, site, false, &tree), 0);
        assert_false(node_named(&tree, "handler")->runtime);
        assert_true(node_named(&tree, "thread_run")->runtime && node_named(&tree, "loop")->runtime);
        assert_true(node_named(&tree, "list_resize")->runtime);
        tree_done(&tree);
        stack = fake_add_stack(fake, thread, fake_add_frame(fake, exe, "new_thread", NULL, 0)); /* all that can be named there */
        fake_set_live(fake, fake_set_site(fake, stack, 0), MIB, 1);
        fake_tick(fake);
        assert_int_equal(heap_seek(heap, 2), 0);
        assert_int_equal(heap_tree(heap, 0, false, &tree), 0);
        assert_false(node_named(&tree, "thread_run")->runtime || node_named(&tree, "new_thread")->runtime);
        assert_true(node_named(&tree, "loop")->runtime);
        tree_done(&tree);
        heap_free(heap);
        rules_free(rules);
        fake_free(fake);
}

static void flags_and_figures_reach_the_nodes(void **state)
{
        struct fake *fake = fake_new();
        uint32_t site = fake_add_site(fake, "put", "store.cc", 88);
        struct heap *heap = heap_new(fake_history(fake));
        const struct tree_node *put;
        struct tree tree;

        fake_set_frame(fake, 1, "start", NULL, 0, REC_FRAME_NAMED | REC_FRAME_TRUNCATED | REC_FRAME_GUESSED);
        fake_set_frame(fake, 3, "put", NULL, 0, REC_FRAME_NAMED | REC_FRAME_RUNTIME | REC_FRAME_NEAREST);
        for (int i = 1; i <= 61; i++) {
                fake_set_live(fake, site, i * MIB, i);
                fake_tick(fake);
        }
        assert_int_equal(heap_seek(heap, 61), 0);
        assert_int_equal(heap_set_base(heap, 51), 0);
        assert_int_equal(heap_tree(heap, site, false, &tree), 0);
        put = node_named(&tree, "put");
        assert_true(put->runtime && put->approximate && !put->truncated);
        assert_true(node_named(&tree, "start")->truncated && node_named(&tree, "start")->guessed);
        assert_int_equal(put->change_bytes, 10 * MIB);
        assert_int_equal(put->live_blocks, 61);
        assert_true(fabs(put->rate_per_min - 60.0 * MIB) < 1);
        tree_done(&tree);
        heap_free(heap);
        fake_free(fake);
}

/* ---- totals, on random tries ---- */

static struct fake *random_trie(unsigned seed)
{
        struct fake *fake = fake_new();
        uint32_t module = fake_add_module(fake, "/usr/bin/x"), frames[100];
        char name[16];

        srand(seed);
        for (int i = 0; i < 100; i++) {
                snprintf(name, sizeof name, "f%d", i / 3);
                if (i > 10 && rand() % 4 == 0)
                        frames[i] = fake_add_inline(fake, frames[rand() % i], name, "x.h", (uint32_t)(i / 3));
                else
                        frames[i] = fake_add_frame(fake, module, rand() % 5 ? name : NULL, NULL, 0);
        }
        for (int i = 0; i < STACKS; i++) {
                uint32_t stack = fake_add_stack(fake, i ? (uint32_t)rand() % (uint32_t)i : 0, frames[rand() % 100]);

                if (i < SITES)
                        fake_set_site(fake, stack, 0);
                else if (rand() % 2)
                        fake_set_site(fake, stack, (uint32_t)rand() % SITES + 1);
                else
                        continue;
                fake_set_stack_live(fake, stack, rand() % 100000, rand() % 100);
        }
        for (int i = 0; i < 40; i++)
                fake_tick(fake);
        for (uint32_t site = 1; site <= SITES; site++)
                fake_set_live(fake, site, rand() % 100000, rand() % 100);
        fake_tick(fake);
        return fake;
}

/* Sums fit, children are in order, every node is linked once. Returns what the root holds. */
static int64_t check_tree(const struct tree *tree)
{
        size_t linked = 0;

        for (size_t i = 0; i < tree->n; i++) {
                const struct tree_node *node = &tree->nodes[i];
                int64_t sum = 0, before = INT64_MAX;

                for (uint32_t at = node->first_child; at; at = tree->nodes[at].next_sibling) {
                        assert_true(at < tree->n);
                        assert_int_equal(tree->nodes[at].parent, i);
                        assert_int_equal(tree->nodes[at].depth, i ? node->depth + 1 : 0);
                        assert_true(tree->nodes[at].live_bytes <= before);
                        before = tree->nodes[at].live_bytes;
                        sum += before;
                        linked++;
                }
                assert_true(sum <= node->live_bytes);
        }
        assert_int_equal(linked, tree->n - 1);
        return tree->nodes[0].live_bytes;
}

static void totals_of_trees_and_sites_are_equal(void **state)
{
        for (unsigned seed = 1; seed <= 20; seed++) {
                struct fake *fake = random_trie(seed);
                struct heap *heap = heap_new(fake_history(fake));
                int64_t total = 0, change = 0;
                struct tree tree;

                assert_int_equal(heap_seek(heap, 41), 0);
                assert_int_equal(heap_set_base(heap, 20), 0);
                for (uint32_t id = 1; id <= SITES; id++) {
                        struct heap_site site;

                        assert_true(heap_site(heap, id, &site));
                        for (int inverted = 0; inverted < 2; inverted++) {
                                assert_int_equal(heap_tree(heap, id, inverted, &tree), 0);
                                assert_int_equal(check_tree(&tree), site.live_bytes);
                                assert_int_equal(tree.nodes[0].change_bytes, site.change_bytes);
                                assert_int_equal(tree.nodes[0].live_blocks, site.live_blocks);
                                assert_false(isnan(tree.nodes[0].rate_per_min));
                                tree_done(&tree);
                        }
                        total += site.live_bytes;
                        change += site.change_bytes;
                }
                for (int inverted = 0; inverted < 2; inverted++) {
                        assert_int_equal(heap_tree(heap, 0, inverted, &tree), 0);
                        assert_int_equal(check_tree(&tree), total);
                        assert_int_equal(tree.nodes[0].change_bytes, change);
                        tree_done(&tree);
                }
                assert_int_equal(heap_process(heap)->live_bytes, total);
                heap_free(heap);
                fake_free(fake);
        }
}

static void a_site_that_is_not_there_has_an_empty_tree(void **state)
{
        struct fake *fake = random_trie(1);
        struct heap *heap = heap_new(fake_history(fake));
        struct tree tree;

        assert_int_equal(heap_seek(heap, 1), 0);
        assert_int_equal(heap_tree(heap, 99999, false, &tree), 0);
        assert_int_equal(tree.n, 1);
        tree_done(&tree);
        tree_done(&tree);
        heap_free(heap);
        fake_free(fake);
}

static void very_deep_stacks_end_somewhere(void **state)
{
        struct fake *fake = fake_new();
        uint32_t site = fake_add_site(fake, "deep", "d.c", 1), stack = fake_stack_of(fake, site);
        struct heap *heap = heap_new(fake_history(fake));
        struct tree tree;

        for (int i = 0; i < 3000; i++)
                stack = fake_add_stack(fake, stack, 3);
        fake_set_site(fake, stack, site);
        fake_set_stack_live(fake, stack, MIB, 1);
        fake_tick(fake);
        assert_int_equal(heap_seek(heap, 1), 0);
        for (int inverted = 0; inverted < 2; inverted++) {
                assert_int_equal(heap_tree(heap, site, inverted, &tree), 0);
                assert_in_range(tree.n, 1000, 1100);
                assert_int_equal(check_tree(&tree), MIB);
                tree_done(&tree);
        }
        heap_free(heap);
        fake_free(fake);
}

/* Sites below main: one that lives, one that grows, one that was given back, one of small blocks. */
static void a_tree_by_a_metric_is_in_its_order(void **state)
{
        static const char *const first[TREE_METRICS] = { [TREE_LIVE] = "old", [TREE_CHANGE] = "grown", [TREE_KEPT] = "grown",
                                                         [TREE_BORN] = "gone", [TREE_BLOCKS] = "small" };
        struct fake *fake = fake_new();
        uint32_t old = fake_add_site(fake, "old", "a.c", 1), grown = fake_add_site(fake, "grown", "b.c", 1);
        uint32_t gone = fake_add_site(fake, "gone", "c.c", 1), small = fake_add_site(fake, "small", "d.c", 1);
        struct heap *heap = heap_new(fake_history(fake));

        fake_set_live(fake, old, 20 * MIB, 2);
        fake_set_live(fake, gone, 90 * MIB, 9);
        fake_set_live(fake, small, MIB, 5000);
        fake_tick(fake);
        fake_add_block(fake, fake_stack_of(fake, grown), MIB, 3, fake_process(fake)->time_ns + NS_PER_S, 0);
        fake_add_block(fake, fake_stack_of(fake, old), MIB, 3, FAKE_START_NS, 0);
        fake_set_live(fake, grown, 10 * MIB, 1);
        fake_set_live(fake, gone, 0, 0);
        fake_tick(fake);
        fake_tick(fake);
        assert_int_equal(heap_seek(heap, 3), 0);
        assert_int_equal(heap_set_base(heap, 1), 0);
        for (int metric = 0; metric < TREE_METRICS; metric++) {
                struct tree_query query = { .metric = (enum tree_metric)metric };
                int64_t before = INT64_MAX, sum = 0;
                const struct tree_node *top;
                struct tree tree;

                assert_int_equal(heap_tree_by(heap, &query, &tree), 0);
                top = node_named(&tree, "dispatch");
                assert_string_equal(tree.nodes[top->first_child].name, first[metric]);
                for (uint32_t i = top->first_child; i; i = tree.nodes[i].next_sibling) {
                        int64_t value = tree_value(&tree.nodes[i], query.metric);

                        assert_true(value <= before);
                        before = value;
                        sum += value;
                }
                assert_int_equal(sum, tree_value(&tree.nodes[0], query.metric));
                if (metric == TREE_KEPT)
                        assert_int_equal(sum, 3 * MIB);
                tree_done(&tree);
        }
        heap_free(heap);
        fake_free(fake);
}

static void the_frame_of_a_site_knows_it_and_what_grows(void **state)
{
        struct fake *fake = fake_new();
        uint32_t put = fake_add_site(fake, "put", "a.c", 1), get = fake_add_site(fake, "get", "b.c", 1);
        struct heap *heap = heap_new(fake_history(fake));

        fake_set_live(fake, put, 3 * MIB, 1);
        fake_set_live(fake, get, MIB, 1);
        fake_set_class(fake, put, REC_GROWING);
        fake_set_class(fake, get, REC_FLAT);
        fake_tick(fake);
        assert_int_equal(heap_seek(heap, 1), 0);
        for (int inverted = 0; inverted < 2; inverted++) {
                struct tree tree;

                assert_int_equal(heap_tree(heap, 0, inverted, &tree), 0);
                assert_int_equal(node_named(&tree, "put")->site, put);
                assert_int_equal(node_named(&tree, "put")->growing_bytes, 3 * MIB);
                assert_int_equal(node_named(&tree, "get")->site, get);
                assert_int_equal(node_named(&tree, "get")->growing_bytes, 0);
                assert_int_equal(node_named(&tree, "main")->site, 0);
                assert_int_equal(tree.nodes[0].growing_bytes, 3 * MIB);
                tree_done(&tree);
        }
        heap_free(heap);
        fake_free(fake);
}

static void reading_on_comes_by_each_line_once(void **state)
{
        struct fake *fake = fake_new();
        struct heap *heap = heap_new(fake_history(fake));
        struct tree tree;
        size_t n = 0;

        for (int i = 0; i < 20; i++) {
                char name[16];

                snprintf(name, sizeof name, "f%d", i);
                fake_set_live(fake, fake_add_site(fake, name, "a.c", 1), (i + 1) * MIB, 1);
        }
        fake_tick(fake);
        assert_int_equal(heap_seek(heap, 1), 0);
        assert_int_equal(heap_tree(heap, 0, false, &tree), 0);
        for (uint32_t i = tree_next(&tree, 0, 0); i; i = tree_next(&tree, 0, i))
                n++;
        assert_int_equal(n, tree.n - 1);
        n = 0;
        for (uint32_t top = tree.nodes[0].first_child, i = top; i; i = tree_next(&tree, top, i))
                n++;
        assert_int_equal(n, tree.n - 1);
        tree_done(&tree);
        heap_free(heap);
        fake_free(fake);
}

/* Fifty thousand stacks through one allocator: what is too small to be seen is left out, what remains adds up. */
static void a_large_inverted_tree_follows_what_can_be_seen(void **state)
{
        struct fake *fake = fake_new();
        uint32_t module = fake_add_module(fake, "/m"), alloc = fake_add_frame(fake, module, "xmalloc", NULL, 0), stack;
        uint32_t top = fake_add_stack(fake, 0, fake_add_frame(fake, module, "main", NULL, 0));
        struct heap *heap = heap_new(fake_history(fake));
        const struct tree_node *big;
        struct tree tree;
        int64_t all = 0;

        for (int i = 0; i < 25000; i++) {
                char name[16];

                snprintf(name, sizeof name, "f%d", i);
                stack = fake_add_stack(fake, top, fake_add_frame(fake, module, name, NULL, 0));
                stack = fake_add_stack(fake, stack, alloc);
                fake_set_site(fake, stack, 0);
                fake_set_stack_live(fake, stack, i == 7 ? 100 * MIB : 1000 + i, 1);
                all += i == 7 ? 100 * MIB : 1000 + i;
        }
        fake_tick(fake);
        assert_int_equal(heap_seek(heap, 1), 0);
        assert_int_equal(heap_tree(heap, 0, true, &tree), 0);
        assert_int_equal(tree.n, 1 + 1 + 25000 + 1); /* root, xmalloc, its callers, and of one of them main */
        assert_int_equal(check_tree(&tree), all);
        big = node_named(&tree, "f7");
        assert_false(big->truncated);
        assert_string_equal(tree.nodes[big->first_child].name, "main");
        assert_true(node_named(&tree, "f8")->truncated);
        assert_int_equal(node_named(&tree, "f8")->live_bytes, 1008);
        tree_done(&tree);
        heap_free(heap);
        fake_free(fake);
}

/* A picture: each of 25,000 functions is too small to be seen but one, and of 3,000 calls of "crowd" each is, but not all together. */
static void a_large_coarse_tree_has_what_can_be_seen_and_all_bytes(void **state)
{
        const struct tree_query query = { .widths = true, .coarse = true };
        struct fake *fake = fake_new();
        uint32_t module = fake_add_module(fake, "/m"), alloc = fake_add_frame(fake, module, "xmalloc", NULL, 0);
        uint32_t top = fake_add_stack(fake, 0, fake_add_frame(fake, module, "main", NULL, 0));
        struct heap *heap = heap_new(fake_history(fake));
        const struct tree_node *node;
        struct tree tree;
        int64_t all = 0;

        for (int i = 0; i < 28000; i++) {
                int64_t bytes = i == 7 ? 100 * MIB : i < 25000 ? 1000 + i : 20000;
                uint32_t stack;
                char name[16];

                snprintf(name, sizeof name, "f%d", i);
                stack = fake_add_stack(fake, top, fake_add_frame(fake, module, i < 25000 ? name : "crowd", NULL, 0));
                stack = fake_add_stack(fake, stack, alloc);
                fake_set_site(fake, stack, 0);
                fake_set_stack_live(fake, stack, bytes, 1);
                all += bytes;
        }
        fake_tick(fake);
        assert_int_equal(heap_seek(heap, 1), 0);
        assert_int_equal(heap_tree_by(heap, &query, &tree), 0);
        assert_int_equal(tree.n, 1 + 1 + 25000 + 1 + 2); /* root, main, what it calls, and of two of them xmalloc */
        assert_int_equal(check_tree(&tree), all);
        assert_string_equal(tree.nodes[node_named(&tree, "f7")->first_child].name, "xmalloc");
        node = node_named(&tree, "crowd");
        assert_int_equal(node->live_bytes, 3000 * 20000);
        assert_int_equal(tree.nodes[node->first_child].live_bytes, 3000 * 20000);
        node = node_named(&tree, "f8");
        assert_true(node->truncated);
        assert_int_equal(node->live_bytes, 1008);
        tree_done(&tree);
        heap_free(heap);
        fake_free(fake);
}

/* ---- folding ---- */

/* The way to NODE by the frames that stay. */
static void way_to(const struct tree *tree, uint32_t node, bool runtime, bool inlined, char *ret, size_t size)
{
        size_t len;

        if (node == 0) {
                ret[0] = '\0';
                return;
        }
        way_to(tree, tree->nodes[node].parent, runtime, inlined, ret, size);
        len = strlen(ret);
        if (!(runtime && tree->nodes[node].runtime) && !(inlined && tree->nodes[node].inlined))
                snprintf(ret + len, size - len, ">%u", tree->nodes[node].frame);
}

static void check_folded(const struct tree *whole, const struct tree *tree, const uint32_t *origins, bool runtime, bool inlined)
{
        for (uint32_t i = 1; i < tree->n; i++) {
                int64_t live = 0;
                char way[2048], other[2048];

                assert_false((runtime && tree->nodes[i].runtime) || (inlined && tree->nodes[i].inlined));
                assert_int_equal(whole->nodes[origins[i]].frame, tree->nodes[i].frame);
                way_to(tree, i, false, false, way, sizeof way);
                for (uint32_t k = 1; k < whole->n; k++) {
                        if (whole->nodes[k].frame != tree->nodes[i].frame ||
                            (runtime && whole->nodes[k].runtime) || (inlined && whole->nodes[k].inlined))
                                continue;
                        way_to(whole, k, runtime, inlined, other, sizeof other);
                        if (strcmp(way, other) == 0)
                                live += whole->nodes[k].live_bytes;
                }
                assert_int_equal(tree->nodes[i].live_bytes, live);
        }
        assert_int_equal(tree->nodes[0].live_bytes, whole->nodes[0].live_bytes);
}

static void folded_frames_leave_what_they_call_to_their_callers(void **state)
{
        struct fake *fake = fake_new();
        struct heap *heap = heap_new(fake_history(fake));
        uint32_t module = fake_add_module(fake, "/m"), frames[12], stacks[STACKS];

        srand(7);
        for (int i = 0; i < 12; i++) {
                char name[16];

                snprintf(name, sizeof name, "f%d", i);
                frames[i] = fake_add_frame(fake, module, name, NULL, 0);
                if (i % 3 == 0)
                        fake_set_frame(fake, frames[i], name, NULL, 0, REC_FRAME_NAMED | REC_FRAME_RUNTIME);
                if (i % 4 == 1)
                        fake_add_inline(fake, frames[i], "inlined", "in.h", (uint32_t)i);
        }
        for (int i = 0; i < STACKS; i++) {
                stacks[i] = fake_add_stack(fake, i && rand() % 8 ? stacks[rand() % i] : 0, frames[rand() % 12]);
                fake_set_site(fake, stacks[i], 0);
                fake_set_stack_live(fake, stacks[i], 1 + rand() % 100000, 1);
        }
        fake_tick(fake);
        assert_int_equal(heap_seek(heap, 1), 0);
        for (int how = 0; how < 8; how++) {
                bool runtime = how & 1, inlined = how & 2, inverted = how & 4;
                struct tree whole, tree;
                uint32_t *origins = NULL;

                assert_int_equal(heap_tree(heap, 0, inverted, &whole), 0);
                assert_int_equal(heap_tree(heap, 0, inverted, &tree), 0);
                tree_fold(&tree, runtime, inlined, TREE_LIVE, &origins);
                check_tree(&tree);
                if (origins)
                        check_folded(&whole, &tree, origins, runtime, inlined);
                assert_true((origins != NULL) == (runtime || inlined));
                free(origins);
                tree_done(&tree);
                tree_done(&whole);
        }
        heap_free(heap);
        fake_free(fake);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(callers_come_first),
                cmocka_unit_test(inlined_calls_are_lines_of_their_own),
                cmocka_unit_test(frames_that_look_the_same_are_one_line),
                cmocka_unit_test(what_runs_a_script_is_runtime_where_it_leads_to_scripts_only),
                cmocka_unit_test(flags_and_figures_reach_the_nodes),
                cmocka_unit_test(totals_of_trees_and_sites_are_equal),
                cmocka_unit_test(a_site_that_is_not_there_has_an_empty_tree),
                cmocka_unit_test(very_deep_stacks_end_somewhere),
                cmocka_unit_test(a_tree_by_a_metric_is_in_its_order),
                cmocka_unit_test(the_frame_of_a_site_knows_it_and_what_grows),
                cmocka_unit_test(reading_on_comes_by_each_line_once),
                cmocka_unit_test(a_large_inverted_tree_follows_what_can_be_seen),
                cmocka_unit_test(a_large_coarse_tree_has_what_can_be_seen_and_all_bytes),
                cmocka_unit_test(folded_frames_leave_what_they_call_to_their_callers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
