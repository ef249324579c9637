/* What a recorder writes, tick by tick. */
#include "base/alloc.h"
#include "store/db.h"
#include "store/live.h"

#include <errno.h>
#include <stdlib.h>

enum {
        W_SESSION, W_TARGET, W_TICK, W_MODULE, W_FRAME, W_STACK, W_SITE, W_STACK_TICK, W_CLASS_TICK, W_SITE_STATE,
        W_BLOCK, W_DEATH, W_MARK, W_RENAME_MARK, W_DELETE_MARK, W_EVENT, W_GAP, W_ANSWER, W_REQUESTS, W_SITE_KIND,
        W_MEMORY, W_BEFORE_CLASS, W_CLASS_MEAN, W_MEMBER, W_MEMBER_TICK,
        W_SOURCE_FILE, W_MODULE_FILE, W_NAMING, W_SERIES, W_ENDING, W_THREAD, W_SLOTS,
};

_Static_assert((int)W_SLOTS <= (int)DB_CREATE_SLOTS, "a slot for every statement");

static const char *or_empty(const char *s)
{
        return s ? s : "";
}

static int write_session(struct store *store, const struct rec_session *s)
{
        int rc = db_run(store, W_SESSION,
                        "INSERT OR REPLACE INTO session (id, version, host, started_ns, wall_offset_ns, ended_ns, end_reason)"
                        " VALUES (1, ?, ?, ?, ?, ?, ?)",
                        "ssuius", or_empty(s->version), or_empty(s->host), s->started_ns, s->wall_offset_ns, s->ended_ns,
                        s->end_reason);

        if (rc != SQLITE_OK)
                return rc;
        return db_run(store, W_TARGET,
                      "INSERT OR REPLACE INTO target (id, pid, start_time, uptime_ns, comm, exe, cmdline, user, allocator,"
                      " exact_frees, limit_bytes, limit_source, stop_ns, n_hooks)"
                      " VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                      "iuusssssiusui", (int64_t)s->pid, s->start_time, s->uptime_ns, or_empty(s->comm), or_empty(s->exe),
                      or_empty(s->cmdline), or_empty(s->user), or_empty(s->allocator), (int64_t)s->exact_frees,
                      s->limit_bytes, or_empty(s->limit_source), s->stop_ns, (int64_t)s->n_hooks);
}

static int write_series(struct store *store, const struct rec_session *s)
{
        const struct rec_ending *e = &s->ending;
        int rc = SQLITE_OK;

        if (s->followed && s->followed[0])
                rc = db_run(store, W_SERIES, "INSERT OR REPLACE INTO series (id, followed, number, previous) VALUES (1, ?, ?, ?)",
                            "sis", s->followed, (int64_t)s->series_number, or_empty(s->previous));
        if (rc == SQLITE_OK && e->time_ns)
                rc = db_run(store, W_ENDING,
                            "INSERT OR REPLACE INTO ending (id, time_ns, how, code, oom_before, oom_after, oom_source, sample_ns,"
                            " heap_bytes, rss_bytes) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                            "uiiuusuuu", e->time_ns, (int64_t)e->how, (int64_t)e->code, e->oom_before, e->oom_after,
                            or_empty(e->oom_source), e->sample_ns, e->heap_bytes, e->rss_bytes);
        return rc;
}

int store_write_session(struct store *store, const struct rec_session *session, struct err *err)
{
        int rc = db_begin(store);

        if (rc == SQLITE_OK) {
                rc = write_session(store, session);
                rc = db_commit(store, rc == SQLITE_OK ? write_series(store, session) : rc);
        }
        if (rc != SQLITE_OK)
                return db_fail(store, rc, "write", err);
        db_checkpoint(store);
        return 0;
}

/* ---- one tick ---- */

static int write_process(struct store *store, const struct rec_process *p)
{
        return db_run(store, W_TICK,
                      "INSERT INTO tick (id, time_ns, wall_offset_ns, rss_anon, rss_file, rss_shmem, vm_size, threads, heap_used,"
                      " heap_free, heap_exact, allocated_bytes, allocated_calls, freed_bytes, freed_calls, before_bytes,"
                      " before_error, before_upper_bound, live_bytes, live_variance, mean, samples, lost_samples,"
                      " recorder_cpu_ns, recorder_rss, probe_cost_ns)"
                      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                      "iuiuuuuiuuiuuuuiiiiduuuuuu", (int64_t)p->tick, p->time_ns, p->wall_offset_ns, p->rss_anon,
                      p->rss_file, p->rss_shmem, p->vm_size, (int64_t)p->threads, p->heap_used, p->heap_free,
                      (int64_t)p->heap_exact, p->allocated_bytes, p->allocated_calls, p->freed_bytes, p->freed_calls,
                      p->before_bytes, p->before_error, (int64_t)p->before_upper_bound, p->live_bytes, p->live_variance,
                      p->mean, p->samples, p->lost_samples, p->recorder_cpu_ns, p->recorder_rss, p->probe_cost_ns);
}

static int write_names(struct store *store, const struct rec_tick *t)
{
        int64_t tick = t->process.tick;
        int rc = SQLITE_OK;

        for (size_t i = 0; i < t->n_modules && rc == SQLITE_OK; i++)
                rc = db_run(store, W_MODULE, "INSERT OR REPLACE INTO module (id, path, build_id) VALUES (?, ?, ?)", "iss",
                            (int64_t)t->modules[i].id, or_empty(t->modules[i].path), or_empty(t->modules[i].build_id));
        for (size_t i = 0; i < t->n_frames && rc == SQLITE_OK; i++) {
                const struct rec_frame *f = &t->frames[i];

                rc = db_run(store, W_FRAME,
                            "INSERT OR REPLACE INTO frame (id, module, offset, func, file, line, inlined_in, flags, tick)"
                            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                            "iiussiiii", (int64_t)f->id, (int64_t)f->module, f->offset, f->func, f->file, (int64_t)f->line,
                            (int64_t)f->inlined_in, (int64_t)f->flags, tick);
        }
        for (size_t i = 0; i < t->n_stacks && rc == SQLITE_OK; i++) {
                const struct rec_stack *s = &t->stacks[i];

                rc = db_run(store, W_STACK,
                            "INSERT OR REPLACE INTO stack (id, parent, frame, site, tick) VALUES (?, ?, ?, ?, ?)", "iiiii",
                            (int64_t)s->id, (int64_t)s->parent, (int64_t)s->frame, (int64_t)s->site, tick);
        }
        for (size_t i = 0; i < t->n_sites && rc == SQLITE_OK; i++)
                rc = db_run(store, W_SITE, "INSERT OR REPLACE INTO site (id, frame, first_ns) VALUES (?, ?, ?)", "iiu",
                            (int64_t)t->sites[i].id, (int64_t)t->sites[i].frame, t->sites[i].first_ns);
        for (size_t i = 0; i < t->n_sites && rc == SQLITE_OK; i++)
                if (t->sites[i].kind != REC_SITE_HEAP)
                        rc = db_run(store, W_SITE_KIND, "INSERT OR REPLACE INTO site_kind (site, kind) VALUES (?, ?)", "ii",
                                    (int64_t)t->sites[i].id, (int64_t)t->sites[i].kind);
        return rc;
}

static int write_changes(struct store *store, const struct rec_tick *t)
{
        int64_t tick = t->process.tick;
        int rc = SQLITE_OK;

        for (size_t i = 0; i < t->n_changes && rc == SQLITE_OK; i++) {
                const struct rec_stack_tick *c = &t->changes[i];

                rc = db_run(store, W_STACK_TICK,
                            "INSERT OR REPLACE INTO stack_tick (tick, stack, live_bytes, live_blocks, born_bytes,"
                            " born_blocks, live_samples, born_samples, live_variance) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                            "iiiiiiiid", tick, (int64_t)c->stack, c->live_bytes, c->live_blocks, c->born_bytes,
                            c->born_blocks, c->live_samples, c->born_samples, c->live_variance);
        }
        for (size_t i = 0; i < t->n_classes && rc == SQLITE_OK; i++) {
                const struct rec_class_tick *c = &t->classes[i];

                rc = db_run(store, W_CLASS_TICK,
                            "INSERT OR REPLACE INTO class_tick (tick, class, allocated_bytes, allocated_calls, freed_bytes,"
                            " freed_calls) VALUES (?, ?, ?, ?, ?, ?)",
                            "iiuuuu", tick, (int64_t)c->index, c->allocated_bytes, c->allocated_calls, c->freed_bytes,
                            c->freed_calls);
        }
        for (size_t i = 0; i < t->n_states && rc == SQLITE_OK; i++)
                rc = db_run(store, W_SITE_STATE, "INSERT OR REPLACE INTO site_state (tick, site, class) VALUES (?, ?, ?)",
                            "iii", tick, (int64_t)t->states[i].site, (int64_t)t->states[i].class);
        return rc;
}

static int write_blocks(struct store *store, const struct rec_tick *t)
{
        int rc = SQLITE_OK;

        for (size_t i = 0; i < t->n_births && rc == SQLITE_OK; i++) {
                const struct rec_block *b = &t->births[i];

                rc = db_run(store, W_BLOCK,
                            "INSERT OR REPLACE INTO block (id, stack, tid, size, weight, birth_ns, death_ns)"
                            " VALUES (?, ?, ?, ?, ?, ?, ?)",
                            "uiiuduu", b->id, (int64_t)b->stack, (int64_t)b->tid, b->size, b->weight, b->birth_ns,
                            b->death_ns);
        }
        for (size_t i = 0; i < t->n_deaths && rc == SQLITE_OK; i++)
                rc = db_run(store, W_DEATH, "UPDATE block SET death_ns = ?2 WHERE id = ?1", "uu", t->deaths[i].id,
                            t->deaths[i].death_ns);
        return rc;
}

static int write_memory(struct store *store, const struct rec_tick *t)
{
        int64_t tick = t->process.tick;
        int rc = SQLITE_OK;

        for (size_t i = 0; i < t->n_memory && rc == SQLITE_OK; i++) {
                const struct rec_memory *m = &t->memory[i];

                rc = db_run(store, W_MEMORY,
                            "INSERT OR REPLACE INTO memory (tick, time_ns, look_ns, mappings, rss, heap_live, heap_free,"
                            " heap_overhead, heap_split, mapped, stacks, files, shared, rest, untouched, swapped)"
                            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                            "iuuiuuuuiuuuuuuu", tick, m->time_ns, m->look_ns, (int64_t)m->n_mappings, m->rss, m->heap_live,
                            m->heap_free, m->heap_overhead, (int64_t)m->heap_split, m->mapped, m->stacks, m->files,
                            m->shared, m->rest, m->untouched, m->swapped);
        }
        for (size_t i = 0; i < t->n_before_classes && rc == SQLITE_OK; i++) {
                const struct rec_before_class *c = &t->before_classes[i];

                rc = db_run(store, W_BEFORE_CLASS,
                            "INSERT OR REPLACE INTO before_class (tick, class, bytes, error, began) VALUES (?, ?, ?, ?, ?)",
                            "iiiii", tick, (int64_t)c->index, c->bytes, c->error, c->began);
        }
        for (size_t i = 0; i < t->n_class_means && rc == SQLITE_OK; i++)
                rc = db_run(store, W_CLASS_MEAN, "INSERT OR REPLACE INTO class_mean (tick, class, mean) VALUES (?, ?, ?)", "iiu",
                            tick, (int64_t)t->class_means[i].index, t->class_means[i].mean);
        return rc;
}

static int write_members(struct store *store, const struct rec_tick *t)
{
        int rc = SQLITE_OK;

        for (size_t i = 0; i < t->n_members && rc == SQLITE_OK; i++) {
                const struct rec_member *m = &t->members[i];

                rc = db_run(store, W_MEMBER,
                            "INSERT OR REPLACE INTO process (id, pid, parent, came, comm, exe, allocator, started_ns, ended_ns)"
                            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                            "iiiisssuu", (int64_t)m->id, (int64_t)m->pid, (int64_t)m->parent, (int64_t)m->came,
                            or_empty(m->comm), or_empty(m->exe), or_empty(m->allocator), m->started_ns, m->ended_ns);
        }
        for (size_t i = 0; i < t->n_member_ticks && rc == SQLITE_OK; i++) {
                const struct rec_member_tick *m = &t->member_ticks[i];

                rc = db_run(store, W_MEMBER_TICK,
                            "INSERT OR REPLACE INTO process_tick (tick, process, rss_anon, rss_file, rss_shmem, threads,"
                            " heap_used, heap_free, allocated_bytes, allocated_calls, freed_bytes, freed_calls, before_bytes,"
                            " live_bytes, samples) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                            "iiuuuiuuuuuuiiu", (int64_t)t->process.tick, (int64_t)m->member, m->rss_anon, m->rss_file,
                            m->rss_shmem, (int64_t)m->threads, m->heap_used, m->heap_free, m->allocated_bytes,
                            m->allocated_calls, m->freed_bytes, m->freed_calls, m->before_bytes, m->live_bytes, m->samples);
        }
        return rc;
}

static int write_naming(struct store *store, const struct rec_tick *t)
{
        int rc = SQLITE_OK;

        for (size_t i = 0; i < t->n_source_files && rc == SQLITE_OK; i++) {
                const struct rec_source_file *f = &t->source_files[i];

                rc = db_run(store, W_SOURCE_FILE,
                            "INSERT OR REPLACE INTO source_file (module, path, size, mtime_ns, md5) VALUES (?, ?, ?, ?, ?)",
                            "isuus", (int64_t)f->module, or_empty(f->path), f->size, f->mtime_ns, or_empty(f->md5));
        }
        for (size_t i = 0; i < t->n_module_files && rc == SQLITE_OK; i++)
                rc = db_run(store, W_MODULE_FILE,
                            "INSERT OR REPLACE INTO module_file (module, size, mtime_ns) VALUES (?, ?, ?)", "iuu",
                            (int64_t)t->module_files[i].module, t->module_files[i].size, t->module_files[i].mtime_ns);
        for (size_t i = 0; i < t->n_naming && rc == SQLITE_OK; i++)
                rc = db_run(store, W_NAMING,
                            "INSERT OR REPLACE INTO naming (tick, asked, named, waiting, fetched_bytes, fetching)"
                            " VALUES (?, ?, ?, ?, ?, ?)",
                            "iiiius", (int64_t)t->process.tick, (int64_t)t->naming[i].asked, (int64_t)t->naming[i].named,
                            (int64_t)t->naming[i].waiting, t->naming[i].fetched_bytes, or_empty(t->naming[i].fetching));
        return rc;
}

static int write_threads(struct store *store, const struct rec_tick *t)
{
        int rc = SQLITE_OK;

        for (size_t i = 0; i < t->n_threads && rc == SQLITE_OK; i++)
                rc = db_run(store, W_THREAD, "INSERT OR REPLACE INTO thread (tick, tid, comm) VALUES (?, ?, ?)", "iis",
                            (int64_t)t->process.tick, (int64_t)t->threads[i].tid, or_empty(t->threads[i].comm));
        return rc;
}

/* After the tick's new marks: one of them may be meant. */
static int edit_marks(struct store *store, const struct rec_tick *t)
{
        int rc = SQLITE_OK;

        for (size_t i = 0; i < t->n_mark_edits && rc == SQLITE_OK; i++) {
                const struct rec_mark_edit *edit = &t->mark_edits[i];

                rc = edit->name ? db_run(store, W_RENAME_MARK, "UPDATE mark SET name = ?2 WHERE id = ?1", "is", (int64_t)edit->id,
                                         edit->name)
                                : db_run(store, W_DELETE_MARK, "DELETE FROM mark WHERE id = ?", "i", (int64_t)edit->id);
        }
        return rc;
}

static int write_happenings(struct store *store, const struct rec_tick *t)
{
        int64_t tick = t->process.tick;
        int rc = SQLITE_OK;

        for (size_t i = 0; i < t->n_events && rc == SQLITE_OK; i++)
                rc = db_run(store, W_EVENT, "INSERT INTO event (tick, time_ns, kind, text) VALUES (?, ?, ?, ?)", "iuis",
                            tick, t->events[i].time_ns, (int64_t)t->events[i].kind, or_empty(t->events[i].text));
        for (size_t i = 0; i < t->n_gaps && rc == SQLITE_OK; i++)
                rc = db_run(store, W_GAP, "INSERT INTO gap (tick, from_ns, to_ns, lost_samples, why) VALUES (?, ?, ?, ?, ?)",
                            "iuuus", tick, t->gaps[i].from_ns, t->gaps[i].to_ns, t->gaps[i].lost_samples,
                            or_empty(t->gaps[i].why));
        for (size_t i = 0; i < t->n_marks && rc == SQLITE_OK; i++)
                rc = db_run(store, W_MARK, "INSERT OR REPLACE INTO mark (id, tick, time_ns, name) VALUES (?, ?, ?, ?)",
                            "iius", (int64_t)t->marks[i].id, tick, t->marks[i].time_ns, or_empty(t->marks[i].name));
        if (rc == SQLITE_OK)
                rc = edit_marks(store, t);
        for (size_t i = 0; i < t->n_answered && rc == SQLITE_OK; i++)
                rc = db_run(store, W_ANSWER, "UPDATE request SET tick = ?2 WHERE id = ?1", "ii", (int64_t)t->answered[i],
                            tick);
        return rc;
}

static int write_tick(struct store *store, const struct rec_tick *tick)
{
        int rc = write_process(store, &tick->process);

        if (rc == SQLITE_OK)
                rc = write_names(store, tick);
        if (rc == SQLITE_OK)
                rc = write_changes(store, tick);
        if (rc == SQLITE_OK)
                rc = write_blocks(store, tick);
        if (rc == SQLITE_OK)
                rc = write_memory(store, tick);
        if (rc == SQLITE_OK)
                rc = write_members(store, tick);
        if (rc == SQLITE_OK)
                rc = write_naming(store, tick);
        if (rc == SQLITE_OK)
                rc = write_threads(store, tick);
        if (rc == SQLITE_OK)
                rc = write_happenings(store, tick);
        if (rc == SQLITE_OK && store->limit_bytes)
                rc = rollup_step(store, &tick->process);
        return rc;
}

int store_write_tick(struct store *store, const struct rec_tick *tick, struct err *err)
{
        struct rollup before = store->rollup;
        int rc;

        if (tick->process.tick == 0 || tick->process.tick > INT32_MAX)
                return err_set(err, EINVAL, "tick %u cannot be stored", (unsigned)tick->process.tick);
        live_renew(store->live_fd);
        rc = db_begin(store);
        if (rc == SQLITE_OK)
                rc = db_commit(store, write_tick(store, tick));
        if (rc == SQLITE_OK)
                return 0;
        store->rollup = before; /* what was thinned and said has been undone too */
        return db_fail(store, rc, "write", err);
}

/* ---- requests ---- */

int store_requests(struct store *store, int (*fn)(void *ctx, const struct rec_request *row), void *ctx)
{
        enum { AT_ONCE = 16 };
        struct rec_request rows[AT_ONCE];
        char *texts[AT_ONCE] = { 0 };
        sqlite3_stmt *stmt;
        size_t n = 0;
        int rc, r = 0;

        rc = db_prepare(store, W_REQUESTS, "SELECT id, kind, text, number FROM request WHERE tick = 0 ORDER BY id LIMIT 16",
                        &stmt);
        if (rc != SQLITE_OK)
                return db_errno(store->db, rc);
        while ((rc = sqlite3_step(stmt)) == SQLITE_ROW && n < AT_ONCE) {
                const char *text = db_text_or_null(stmt, 2);

                texts[n] = text ? xstrdup(text) : NULL;
                rows[n] = (struct rec_request){ .id = db_id(stmt, 0), .kind = db_id(stmt, 1), .text = texts[n],
                                                .number = db_u64(stmt, 3) };
                n++;
        }
        sqlite3_reset(stmt); /* no open read transaction while the caller works */
        if (rc != SQLITE_DONE && rc != SQLITE_ROW)
                r = db_errno(store->db, rc);
        for (size_t i = 0; i < n && r == 0; i++)
                r = fn(ctx, &rows[i]);
        for (size_t i = 0; i < n; i++)
                free(texts[i]);
        return r;
}
