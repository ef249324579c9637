#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/db.h"
#include "store/live.h"
#include "store/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* SQLite on Debian 12 refuses names above 512 bytes, and it appends "-journal". */
enum { PATH_LENGTH_MAX = 500 };

enum {
        R_ANSWERED = DB_STATEMENTS - 1, /* the other slots are query.c's */
        STATEMENTS_A_LOOK = 64,
};

/* ---- opening ---- */

/* A FIFO would block, a device could do anything: only a plain file is opened. */
static int check_kind(const char *path, struct err *err)
{
        struct stat st;

        if (strlen(path) > PATH_LENGTH_MAX)
                return err_set(err, ENAMETOOLONG, "cannot open %.60s...: the name is too long", path);
        if (stat(path, &st) < 0)
                return err_set_id(err, ERROR_NO_FILE, errno, "cannot open %s: %s", path, strerror(errno));
        if (S_ISDIR(st.st_mode))
                return err_set_id(err, ERROR_NO_SESSION, EINVAL, "%s is a folder, not a session", path);
        if (!S_ISREG(st.st_mode))
                return err_set_id(err, ERROR_NO_SESSION, EINVAL,
                                  "%s is not a plain file, so it is no session", path);
        if (st.st_size == 0)
                return err_set_id(err, ERROR_NO_SESSION, EINVAL, "%s is empty, so it is no session", path);
        if (access(path, R_OK) < 0)
                return err_set_id(err, ERROR_NO_FILE, errno, "cannot read %s: %s", path, strerror(errno));
        return 0;
}

/* How many units of work a query on this file may take: a row is never smaller than a few bytes, a step of a tree walk costs
 * tens of operations. What needs more than 64 a byte goes in circles. */
static int64_t step_limit(const struct store *store)
{
        struct stat st, wal;
        char *name = xasprintf("%s-wal", store->path);
        int64_t bytes = stat(store->path, &st) == 0 ? st.st_size : 0;

        if (stat(name, &wal) == 0)
                bytes += wal.st_size;
        free(name);
        return 200 + bytes * 64 / DB_STEP_UNIT;
}

static int count_steps(void *arg)
{
        struct store *store = arg;

        return --store->steps_left < 0;
}

/* The file only grows, and slowly: it is looked at now and then. */
void db_reset_steps(struct store *store)
{
        if (store->statements_run++ % STATEMENTS_A_LOOK == 0)
                store->steps_limit = step_limit(store);
        store->steps_left = store->steps_limit;
}

static int identify(struct store *store, struct err *err)
{
        int64_t id = 0, version = 0;
        int rc;

        rc = db_number(store->db, "PRAGMA application_id", &id);
        if (rc == SQLITE_OK)
                rc = db_number(store->db, "PRAGMA user_version", &version);
        if (rc == SQLITE_NOTADB || (rc == SQLITE_OK && id != STORE_APPLICATION_ID))
                return err_set_id(err, ERROR_NO_SESSION, EINVAL,
                                  "%s is not a session of heaptop", store->path);
        if (rc != SQLITE_OK)
                return db_fail(store, rc, "read", err);
        if (version > STORE_VERSION)
                return err_set_id(err, ERROR_NEWER_FORMAT, EPROTONOSUPPORT,
                                  "%s was written by a newer heaptop (format %lld, this one reads up to %d): use that one",
                                  store->path, (long long)version, STORE_VERSION);
        if (version < 1)
                return err_set_id(err, ERROR_DAMAGED, EBADMSG,
                                  "cannot read %s: the file is damaged (no format number)", store->path);
        store->version = (int)version;
        return 0;
}

/* Our tables must be literally ours: a view, a virtual table, a generated column or a check under the same name could
 * make a plain SELECT do anything. What else is in the file is never touched. */
static int check_schema(struct store *store, struct err *err)
{
        sqlite3 *ours = NULL;
        sqlite3_stmt *expected = NULL, *found = NULL;
        int rc;

        rc = sqlite3_open_v2(":memory:", &ours, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX, NULL);
        for (int i = 0; i < store->version && rc == SQLITE_OK; i++)
                rc = db_exec(ours, schema_parts[i]);
        if (rc == SQLITE_OK)
                rc = sqlite3_prepare_v2(ours, "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL", -1, &expected,
                                        NULL);
        if (rc != SQLITE_OK) {
                rc = SQLITE_NOMEM; /* nothing else can go wrong here */
                goto out;
        }
        rc = sqlite3_prepare_v2(store->db, "SELECT 1 FROM sqlite_schema WHERE name = ?1 AND sql = ?2", -1, &found, NULL);
        while (rc == SQLITE_OK && sqlite3_step(expected) == SQLITE_ROW) {
                rc = db_bind(found, "ss", db_text(expected, 0), db_text(expected, 1));
                if (rc == SQLITE_OK)
                        rc = sqlite3_step(found);
                rc = rc == SQLITE_ROW ? SQLITE_OK : rc == SQLITE_DONE ? SQLITE_SCHEMA : rc;
                sqlite3_reset(found);
        }
out:
        sqlite3_finalize(expected);
        sqlite3_finalize(found);
        sqlite3_close(ours);
        if (rc == SQLITE_SCHEMA)
                return err_set_id(err, ERROR_DAMAGED, EBADMSG,
                                  "cannot read %s: the file is damaged (its tables are not those of a session)",
                                  store->path);
        return rc == SQLITE_OK ? 0 : db_fail(store, rc, "read", err);
}

static int connect_reader(struct store *store, bool immutable)
{
        int64_t ignored;
        int rc = db_connect(store->path, SQLITE_OPEN_READONLY, immutable, &store->db);

        if (rc != SQLITE_OK)
                return rc;
        db_reset_steps(store);
        sqlite3_progress_handler(store->db, DB_STEP_UNIT, count_steps, store);
        rc = db_exec(store->db, "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA query_only=ON;"
                                "PRAGMA cache_size=-1024; PRAGMA temp_store=MEMORY");
        if (rc == SQLITE_OK)
                rc = db_number(store->db, "SELECT count(*) FROM sqlite_schema", &ignored); /* opens the file for real */
        return rc;
}

/* A WAL session whose folder we may not write, and whose -shm is gone: SQLite cannot put the -wal together there. Then what
 * has reached the main file is shown, which is consistent, but can be some ticks short. */
static bool wants_immutable(int rc)
{
        return (rc & 0xff) == SQLITE_CANTOPEN || (rc & 0xff) == SQLITE_READONLY;
}

/* A journal can end with the name of one that many databases share; SQLite removes the file of that name when it has
 * put everything back. A session never has one, so such a journal was made by somebody who wants a file removed. */
static bool names_other_file(struct store *store)
{
        static const uint8_t magic[] = { 0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7 };
        char *path = xasprintf("%s-journal", sqlite3_db_filename(store->db, "main"));
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        uint8_t end[sizeof magic];
        bool names = fd < 0 && errno != ENOENT; /* gone: somebody else has put everything back */
        struct stat st;

        if (fd >= 0) {
                names = fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
                        (pread(fd, end, sizeof end, st.st_size - (off_t)sizeof end) == (ssize_t)sizeof end &&
                         memcmp(end, magic, sizeof end) == 0);
                close(fd);
        }
        free(path);
        return names;
}

/* Who was changing the file died in the middle: the journal beside it has what was there before, and whoever may write puts it
 * back. */
static int roll_back(struct store *store)
{
        int64_t ignored;
        int rc;

        if (names_other_file(store))
                return SQLITE_READONLY_ROLLBACK;
        sqlite3_close(store->db);
        store->db = NULL;
        rc = db_connect(store->path, SQLITE_OPEN_READWRITE, false, &store->db);
        if (rc == SQLITE_OK)
                rc = db_number(store->db, "SELECT count(*) FROM sqlite_schema", &ignored);
        log_info("%s: a change that was not completed is undone", store->path);
        sqlite3_close(store->db);
        store->db = NULL;
        return rc == SQLITE_OK ? connect_reader(store, false) : rc;
}

static int open_reader(struct store *store, struct err *err)
{
        int r, rc;

        r = check_kind(store->path, err);
        if (r < 0)
                return r;
        rc = connect_reader(store, false);
        if (rc == SQLITE_READONLY_ROLLBACK)
                rc = roll_back(store);
        if (rc == SQLITE_READONLY_ROLLBACK)
                return err_set_id(err, ERROR_JOURNAL, EACCES,
                                  "cannot read %s: a change of it was cut off, and the journal beside it cannot be"
                                  " used to undo that (it must be a plain file of that session, in a folder that you may"
                                  " write)", store->path);
        if (wants_immutable(rc)) {
                log_info("%s: its folder cannot be written; opened as it is, without its -wal", store->path);
                sqlite3_close(store->db);
                store->db = NULL;
                rc = connect_reader(store, true);
        }
        if (rc == SQLITE_NOTADB)
                return err_set_id(err, ERROR_NO_SESSION, EINVAL,
                                  "%s is not a session of heaptop", store->path);
        if (rc != SQLITE_OK)
                return db_fail(store, rc, "read", err);
        r = identify(store, err);
        return r < 0 ? r : check_schema(store, err);
}

int store_open(const char *path, struct store **ret, struct err *err)
{
        struct store *store = xcalloc(1, sizeof *store);
        int r;

        store->path = xstrdup(path);
        store->live_fd = -1;
        store->owner = (uid_t)-1;
        store->reads = true;
        r = open_reader(store, err);
        if (r < 0) {
                store_close(store);
                return r;
        }
        store->live_path = live_path(path);
        store->live_fd = live_look(store->live_path);
        store->was_live = live_is_held(store->live_fd);
        query_init(store);
        *ret = store;
        return 0;
}

const struct history *store_history(struct store *store)
{
        return &store->history;
}

bool store_is_live(struct store *store)
{
        if (store->writes)
                return !store->finished;
        return live_is_held(store->live_fd);
}

/* ---- asking the recorder ---- */

/* A second connection that lives for one statement. */
static int write_once(struct store *store, const char *sql, const char *format, ...)
{
        sqlite3_stmt *stmt = NULL;
        sqlite3 *db = NULL;
        va_list ap;
        int rc;

        rc = db_connect(store->path, SQLITE_OPEN_READWRITE, false, &db);
        if (rc == SQLITE_OK)
                rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
        if (rc == SQLITE_OK) {
                va_start(ap, format);
                rc = db_bind_list(stmt, format, ap);
                va_end(ap);
        }
        if (rc == SQLITE_OK)
                rc = sqlite3_step(stmt);
        rc = rc == SQLITE_DONE ? SQLITE_OK : rc == SQLITE_ROW ? SQLITE_MISUSE : rc;
        if (rc == SQLITE_OK)
                store->inserted = sqlite3_last_insert_rowid(db);
        store->changed = rc == SQLITE_OK ? sqlite3_changes(db) : 0;
        sqlite3_finalize(stmt);
        sqlite3_close(db);
        return rc;
}

int store_request(struct store *store, const struct rec_request *request, uint32_t *ret_id, struct err *err)
{
        int rc;

        if (!store_is_live(store))
                return err_set_id(err, ERROR_RECORDER_GONE, ESRCH, "nobody records %s any more", store->path);
        rc = write_once(store, "INSERT INTO request (kind, text, number, asked_ns) VALUES (?, ?, ?, ?)", "isuu",
                        (int64_t)request->kind, request->text, request->number, clock_boottime_ns());
        if (rc != SQLITE_OK)
                return db_fail(store, rc, "write a request to", err);
        *ret_id = (uint32_t)store->inserted;
        return 0;
}

bool store_is_answered(struct store *store, uint32_t id)
{
        sqlite3_stmt *stmt;
        bool answered;

        db_reset_steps(store);
        if (db_prepare(store, R_ANSWERED, "SELECT tick FROM request WHERE id = ? AND tick != 0", &stmt) != SQLITE_OK)
                return false;
        (void)db_bind(stmt, "i", (int64_t)id);
        answered = sqlite3_step(stmt) == SQLITE_ROW;
        sqlite3_reset(stmt);
        return answered;
}

int store_add_mark(struct store *store, uint32_t tick, uint64_t time_ns, const char *name, struct err *err)
{
        int rc;

        if (store_is_live(store))
                return err_set_id(err, ERROR_STILL_RECORDED, EBUSY,
                                  "%s is being recorded: ask the recorder for a mark", store->path);
        rc = write_once(store, "INSERT INTO mark (tick, time_ns, name) VALUES (?, ?, ?)", "ius", (int64_t)tick, time_ns, name);
        return rc == SQLITE_OK ? 0 : db_fail(store, rc, "write a mark to", err);
}

/* CHANGED says in a word what should happen to mark ID. */
static int edit_mark(struct store *store, uint32_t id, const char *changed, int rc, struct err *err)
{
        char what[32];

        snprintf(what, sizeof what, "%s a mark in", changed);
        if (rc != SQLITE_OK)
                return db_fail(store, rc, what, err);
        return store->changed ? 0 : err_set(err, ENOENT, "there is no mark %u in %s any more", (unsigned)id, store->path);
}

int store_rename_mark(struct store *store, uint32_t id, const char *name, struct err *err)
{
        if (store_is_live(store))
                return err_set_id(err, ERROR_STILL_RECORDED, EBUSY,
                                  "%s is being recorded: ask the recorder to rename a mark", store->path);
        return edit_mark(store, id, "rename", write_once(store, "UPDATE mark SET name = ?2 WHERE id = ?1", "is", (int64_t)id, name),
                         err);
}

int store_delete_mark(struct store *store, uint32_t id, struct err *err)
{
        if (store_is_live(store))
                return err_set_id(err, ERROR_STILL_RECORDED, EBUSY,
                                  "%s is being recorded: ask the recorder to delete a mark", store->path);
        return edit_mark(store, id, "delete", write_once(store, "DELETE FROM mark WHERE id = ?", "i", (int64_t)id), err);
}

/* ---- closing ---- */

/* The recorder could not fold the -wal in while we looked; now we leave, and the last one can. */
static void tidy(const char *path)
{
        sqlite3 *db = NULL;

        if (db_connect(path, SQLITE_OPEN_READWRITE, false, &db) == SQLITE_OK) {
                sqlite3_busy_timeout(db, 0);
                (void)db_exec(db, "PRAGMA journal_mode=DELETE");
        }
        sqlite3_close(db);
}

static bool has_ended(struct store *store)
{
        int64_t ended = 0;

        db_reset_steps(store);
        return db_number(store->db, "SELECT ended_ns FROM session", &ended) == SQLITE_OK && ended != 0;
}

void store_close(struct store *store)
{
        bool tidy_up;

        if (!store)
                return;
        tidy_up = store->reads && store->was_live && !live_is_held(store->live_fd) && has_ended(store);
        db_finalize_all(store);
        sqlite3_close(store->db);
        if (tidy_up)
                tidy(store->path);
        if (store->writes)
                live_drop(store->live_path, store->live_fd);
        else if (store->live_fd >= 0)
                close(store->live_fd);
        for (size_t i = 0; i < array_len(store->session_text); i++)
                free(store->session_text[i]);
        free(store->live_path);
        free(store->path);
        free(store);
}

const char *store_path(const struct store *store)
{
        return store->path;
}
