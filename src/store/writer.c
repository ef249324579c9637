#include "base/alloc.h"
#include "base/log.h"
#include "store/db.h"
#include "store/live.h"
#include "store/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
        W_SESSION, W_TARGET, W_TICK, W_MODULE, W_FRAME, W_STACK, W_SITE, W_STACK_TICK, W_CLASS_TICK, W_SITE_STATE,
        W_BLOCK, W_DEATH, W_MARK, W_EVENT, W_GAP, W_ANSWER, W_REQUESTS, W_FINISH, W_BEGIN, W_COMMIT, W_ROLLBACK,
};

_Static_assert((int)W_ROLLBACK < (int)DB_ROLLUP_SLOTS, "a slot for every statement");

#define LIMIT_BYTES (256ull << 20)
#define FULL_TICKS  3600

#define PAGE_SIZE_TEXT "4096"
#define PAGE_SIZE      4096
#define WAL_CHECKPOINT_PAGES "1000" /* about 4 MB of -wal at most, when no reader holds an old picture */

/* ---- acting as the owner ---- */

/* While root creates or removes files in a folder that belongs to somebody else, it does so with that user's rights:
 * a symbolic link planted there (SQLite opens -wal and -shm by name) then leads nowhere the user could not go. The kernel
 * changes the file system uid for the calling thread only; it also forgets PR_SET_PDEATHSIG and PR_SET_DUMPABLE, which are
 * put back. */
struct as_owner {
        bool changed;
        int death_signal, dumpable;
};

static void act_as_owner(const struct store *store, struct as_owner *as)
{
        struct passwd *pw;

        as->changed = store->owner != (uid_t)-1 && store->owner != 0 && geteuid() == 0;
        if (!as->changed)
                return;
        as->dumpable = prctl(PR_GET_DUMPABLE);
        as->death_signal = 0;
        (void)prctl(PR_GET_PDEATHSIG, &as->death_signal);
        pw = getpwuid(store->owner);
        if (pw)
                (void)setfsgid(pw->pw_gid);
        (void)setfsuid(store->owner);
}

static void act_as_ourselves(const struct as_owner *as)
{
        if (!as->changed)
                return;
        (void)setfsuid(geteuid());
        (void)setfsgid(getegid());
        if (as->death_signal)
                (void)prctl(PR_SET_PDEATHSIG, as->death_signal);
        if (as->dumpable == 1)
                (void)prctl(PR_SET_DUMPABLE, 1);
}

/* ---- creating ---- */

/* The folder of PATH in words, for messages. The caller frees it. */
static char *folder_of(const char *path)
{
        char *copy = xstrdup(path);
        char *folder = xstrdup(dirname(copy));

        free(copy);
        return folder;
}

static int cannot_create(const char *path, int e, struct err *err)
{
        char *folder = folder_of(path);
        struct stat st;
        int r;

        if (e == EEXIST || e == ELOOP)
                r = err_set(err, EEXIST, "cannot create %s: there is something of that name already; choose another with -o",
                            path);
        else if (e == ENOENT || stat(folder, &st) < 0)
                r = err_set(err, e, "cannot create %s: there is no folder %s", path, folder);
        else
                r = err_set(err, e, "cannot create %s: %s", path, strerror(e));
        free(folder);
        return r;
}

/* A -wal or -journal that lies there would be taken for ours. */
static int refuse_leftovers(const char *path, struct err *err)
{
        static const char *const suffixes[] = { "-wal", "-shm", "-journal" };
        int r = 0;

        for (size_t i = 0; i < array_len(suffixes) && r == 0; i++) {
                char *name = xasprintf("%s%s", path, suffixes[i]);
                struct stat st;

                if (lstat(name, &st) == 0)
                        r = err_set(err, EEXIST, "cannot create %s: %s lies there from an earlier session; remove it",
                                    path, name);
                free(name);
        }
        return r;
}

/* The file exists before SQLite opens it, so that its mode is right from the start and no link is followed. */
static int create_file(const char *path, uid_t owner, struct err *err)
{
        int r = refuse_leftovers(path, err);
        int fd;

        if (r < 0)
                return r;
        fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return cannot_create(path, errno, err);
        if (fchmod(fd, 0600) < 0 || (owner != (uid_t)-1 && fchown(fd, owner, (gid_t)-1) < 0)) {
                r = err_set(err, errno, "cannot give %s to its owner: %s", path, strerror(errno));
                unlink(path);
        }
        close(fd);
        return r;
}

/* synchronous=FULL: one fsync of the -wal a tick. With NORMAL a kill -9 would lose nothing either, but a power cut would lose
 * whatever the kernel had not written yet, some 30 ticks; we promise at most one. The fsync is the storing thread's, never the
 * draining one's. */
static int set_up(struct store *store)
{
        char sql[128];
        int rc;

        sqlite3_busy_timeout(store->db, DB_PATIENCE_MS);
        rc = db_exec(store->db, "PRAGMA page_size=" PAGE_SIZE_TEXT "; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                                "PRAGMA wal_autocheckpoint=" WAL_CHECKPOINT_PAGES ";"
                                "PRAGMA journal_size_limit=8388608; PRAGMA cache_size=-8192; PRAGMA temp_store=MEMORY;"
                                "BEGIN IMMEDIATE");
        if (rc == SQLITE_OK)
                rc = db_exec(store->db, schema_sql);
        if (rc == SQLITE_OK) {
                snprintf(sql, sizeof sql, "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT", STORE_APPLICATION_ID,
                         STORE_VERSION);
                rc = db_exec(store->db, sql);
        }
        return rc;
}

/* So that the main file alone already says what it is, whatever becomes of its -wal. */
static void copy_to_main_file(struct store *store)
{
        (void)sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

static int create(struct store *store, struct err *err)
{
        int r, rc;

        r = create_file(store->path, store->owner, err);
        if (r < 0)
                return r;
        store->live_path = live_path(store->path);
        store->live_fd = live_take(store->live_path);
        if (store->live_fd < 0) {
                r = err_set(err, -store->live_fd, "cannot create %s: %s", store->live_path, strerror(-store->live_fd));
                unlink(store->path);
                return r;
        }
        rc = db_connect(store->path, SQLITE_OPEN_READWRITE, false, &store->db);
        if (rc == SQLITE_OK)
                rc = set_up(store);
        if (rc == SQLITE_OK && store_set_limit(store, LIMIT_BYTES, FULL_TICKS) == 0) {
                copy_to_main_file(store);
                return 0;
        }
        r = db_fail(store, rc, "write", err);
        unlink(store->path); /* it holds nothing yet */
        return r;
}

int store_create(const char *path, uid_t owner, struct store **ret, struct err *err)
{
        struct store *store = xcalloc(1, sizeof *store);
        struct as_owner as;
        int r;

        store->path = xstrdup(path);
        store->owner = owner;
        store->live_fd = -1;
        store->writes = true;
        act_as_owner(store, &as);
        r = create(store, err);
        act_as_ourselves(&as);
        if (r < 0) {
                store_close(store);
                return r;
        }
        *ret = store;
        return 0;
}

int store_set_limit(struct store *store, uint64_t bytes, uint32_t full_ticks)
{
        char sql[64];

        store->limit_bytes = bytes;
        store->rollup.full_ticks = full_ticks;
        snprintf(sql, sizeof sql, "PRAGMA max_page_count=%llu", bytes ? (unsigned long long)bytes / PAGE_SIZE + 1 : 4294967294ull);
        return db_errno(store->db, db_exec(store->db, sql));
}

/* ---- transactions ---- */

static int begin(struct store *store)
{
        return db_run(store, W_BEGIN, "BEGIN IMMEDIATE", "");
}

/* Ends the transaction: commits when RC is SQLITE_OK. Returns what went wrong first. */
static int commit(struct store *store, int rc)
{
        if (rc == SQLITE_OK)
                rc = db_run(store, W_COMMIT, "COMMIT", "");
        if (rc != SQLITE_OK && !sqlite3_get_autocommit(store->db))
                (void)db_run(store, W_ROLLBACK, "ROLLBACK", "");
        return rc;
}

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

int store_write_session(struct store *store, const struct rec_session *session, struct err *err)
{
        int rc = begin(store);

        if (rc == SQLITE_OK)
                rc = commit(store, write_session(store, session));
        if (rc != SQLITE_OK)
                return db_fail(store, rc, "write", err);
        copy_to_main_file(store);
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
                rc = write_happenings(store, tick);
        if (rc == SQLITE_OK && store->limit_bytes)
                rc = rollup_step(store, &tick->process);
        return rc;
}

int store_write_tick(struct store *store, const struct rec_tick *tick, struct err *err)
{
        int rc;

        if (tick->process.tick == 0 || tick->process.tick > INT32_MAX)
                return err_set(err, EINVAL, "tick %u cannot be stored", (unsigned)tick->process.tick);
        live_renew(store->live_fd);
        rc = begin(store);
        if (rc == SQLITE_OK)
                rc = commit(store, write_tick(store, tick));
        return rc == SQLITE_OK ? 0 : db_fail(store, rc, "write", err);
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

/* ---- the end ---- */

/* Turns WAL into one plain file. Viewers that still look at it prevent that; then it stays a valid WAL file, and the last
 * of them tidies up (store_close()). */
static void fold_wal(struct store *store)
{
        (void)sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        sqlite3_busy_timeout(store->db, 1000);
        if (db_exec(store->db, "PRAGMA journal_mode=DELETE") != SQLITE_OK)
                log_debug("%s stays in WAL mode: %s", store->path, sqlite3_errmsg(store->db));
}

static int write_end(struct store *store, uint64_t ended_ns, const char *reason)
{
        int rc = begin(store);

        if (rc == SQLITE_OK)
                rc = commit(store, db_run(store, W_FINISH, "UPDATE session SET ended_ns = ?, end_reason = ?", "us", ended_ns,
                                          or_empty(reason)));
        return rc;
}

int store_finish(struct store *store, uint64_t ended_ns, const char *reason, struct err *err)
{
        struct as_owner as;
        int r = 0, rc;

        act_as_owner(store, &as);
        rc = write_end(store, ended_ns, reason);
        if (rc != SQLITE_OK) { /* most likely the disk is full */
                live_make_room(store->live_fd);
                (void)sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
                store->system_errno = 0;
                rc = write_end(store, ended_ns, reason);
        }
        if (rc != SQLITE_OK)
                r = db_fail(store, rc, "end", err);
        db_finalize_all(store);
        fold_wal(store);
        live_drop(store->live_path, store->live_fd);
        store->live_fd = -1;
        store->finished = true;
        act_as_ourselves(&as);
        return r;
}
