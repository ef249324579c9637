/* fake_history: a history over arrays, for tests of the model and of screens.
 *
 *     struct fake *fake = fake_new();
 *     uint32_t site = fake_add_site(fake, "SessionStore::put", "/src/store.cc", 88);
 *     fake_tick(fake);                             a second passes, tick 1 is committed with what was set before
 *     fake_set_live(fake, site, 212 << 20, 1740000);
 *     fake_tick(fake);
 *     heap = heap_new(fake_history(fake));
 *     ...
 *     fake_free(fake);
 *
 * Time begins at FAKE_START_NS, a tick is a second, the wall clock is FAKE_WALL_NS ahead of it. Strings are
 * copied. Everything is committed with the next fake_tick(): until then a heap does not see it. */
#pragma once

#include "model/history.h"

#define FAKE_START_NS 1000000000000ull          /* 1000 s after boot */
#define FAKE_WALL_NS  1700000000000000000ll     /* 2023-11-14 22:13:20 UTC minus what passed since boot */

struct fake; /* opaque */

/* A session of "shopd", pid 4711, user web, glibc 2.36, limit 2 GiB, attached at FAKE_START_NS after 6 days. */
struct fake *fake_new(void);
void fake_free(struct fake *fake);
const struct history *fake_history(struct fake *fake);

/* The head of the session and the process row of the next tick; change what a test needs. fake_tick() fills
 * in tick and time and adds what changed to live_bytes, live_variance and samples; the rest stays from tick
 * to tick. Strings put in here must outlive the fake. A session without a version is one that is not attached
 * yet (-EAGAIN). */
struct rec_session *fake_session(struct fake *fake);
struct rec_process *fake_process(struct fake *fake);

/* Names. All return ids. FUNC and FILE may be NULL. */
uint32_t fake_add_module(struct fake *fake, const char *path);
void fake_set_build_id(struct fake *fake, uint32_t module, const char *build_id); /* stays the caller's */
uint32_t fake_add_frame(struct fake *fake, uint32_t module, const char *func, const char *file, uint32_t line);
uint32_t fake_add_inline(struct fake *fake, uint32_t inlined_in, const char *func, const char *file, uint32_t line);
void fake_set_frame(struct fake *fake, uint32_t frame, const char *func, const char *file, uint32_t line, uint32_t flags);
uint32_t fake_add_stack(struct fake *fake, uint32_t parent, uint32_t frame); /* PARENT 0 = outermost */

/* Says that STACK allocates, on a site of its own (SITE 0) or on SITE. Returns the site. */
uint32_t fake_set_site(struct fake *fake, uint32_t stack, uint32_t site);

/* SITE is named for FRAME; else it is that of its first stack. */
void fake_set_site_frame(struct fake *fake, uint32_t site, uint32_t frame);

/* All in one: a module "/usr/bin/shopd", main -> dispatch -> FUNC, and a site for it. Returns the site; its stack is
 * fake_stack_of(). */
uint32_t fake_add_site(struct fake *fake, const char *func, const char *file, uint32_t line);
uint32_t fake_stack_of(struct fake *fake, uint32_t site); /* the first stack of SITE */

/* What a stack or the first stack of a site stands at from the next tick on. The longer form sets every field but
 * tick; the short one makes up born (what live rose by), samples (one for each 512 KiB, at least one) and a variance
 * that fits. */
void fake_set_live(struct fake *fake, uint32_t site, int64_t live_bytes, int64_t live_blocks);
void fake_set_stack_live(struct fake *fake, uint32_t stack, int64_t live_bytes, int64_t live_blocks);
void fake_set_stack(struct fake *fake, const struct rec_stack_tick *row);

void fake_set_class(struct fake *fake, uint32_t site, uint32_t class);
void fake_add_block(struct fake *fake, uint32_t stack, uint64_t size, double weight, uint64_t birth_ns, uint64_t death_ns);
void fake_add_block_of(struct fake *fake, uint32_t tid, uint32_t stack, uint64_t size, double weight, uint64_t birth_ns,
                       uint64_t death_ns);
void fake_set_thread(struct fake *fake, uint32_t tid, const char *comm); /* from the next tick on */
/* The blocks by their number, 0 is the first: how many there are, one ends, realloc turns one into another of STACK, a rolled-up file
 * has forgotten those that died before. */
size_t fake_n_blocks(const struct fake *fake);
void fake_end_block(struct fake *fake, size_t index, uint64_t death_ns);
void fake_turn_block(struct fake *fake, size_t index, uint32_t stack, uint64_t size, double weight, uint64_t now_ns);
void fake_forget_blocks(struct fake *fake, uint64_t before_ns);
uint32_t fake_add_mark(struct fake *fake, const char *name); /* at the next tick */
void fake_add_event(struct fake *fake, uint32_t kind, const char *text);
void fake_add_gap(struct fake *fake, uint64_t from_ns, uint64_t to_ns, uint64_t lost_samples, const char *why);
void fake_add_class_tick(struct fake *fake, const struct rec_class_tick *row);

/* From the next tick on; its tick is filled in, and its time is the tick's when it has none. */
void fake_set_memory(struct fake *fake, const struct rec_memory *row);

/* From ROW's tick on naming is as it says; its text must live as long as FAKE. */
void fake_set_naming(struct fake *fake, const struct rec_naming *row);
void fake_set_before_class(struct fake *fake, const struct rec_before_class *row);
void fake_forget_before_classes(struct fake *fake);
void fake_add_member(struct fake *fake, const struct rec_member *row); /* strings stay the caller's */
void fake_set_member_tick(struct fake *fake, const struct rec_member_tick *row);
void fake_set_class_mean(struct fake *fake, uint32_t index, uint64_t mean);
void fake_set_kind(struct fake *fake, uint32_t site, uint32_t kind); /* enum rec_site_kind */

/* What is known of files, at once. Strings stay the caller's. */
void fake_add_source_file(struct fake *fake, const struct rec_source_file *row);
void fake_add_module_file(struct fake *fake, const struct rec_module_file *row);

/* Commits a tick a second (or NS nanoseconds) after the last. Returns it; the first is 1. */
uint32_t fake_tick(struct fake *fake);
uint32_t fake_tick_after(struct fake *fake, uint64_t ns);

/* Marks the session as ended now. */
void fake_end(struct fake *fake, const char *reason);

/* From now on every function fails with ERROR (negative errno); 0 = works again. */
void fake_fail(struct fake *fake, int error);

/* How often rows were asked for by changes_at and changes_between: which way a heap moved. */
size_t fake_count_at(const struct fake *fake);
size_t fake_count_between(const struct fake *fake);
