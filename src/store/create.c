/* The beginning and the end of a session file. */
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

enum { C_FINISH = DB_CREATE_SLOTS };

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
                r = err_set_id(err, ERROR_EXISTS, EEXIST,
                               "cannot create %s: there is something of that name already; choose another with -o",
                               path);
        else if (e == ENOENT || stat(folder, &st) < 0)
                r = err_set_id(err, ERROR_CANNOT_CREATE, e,
                               "cannot create %s: there is no folder %s", path, folder);
        else
                r = err_set_id(err, ERROR_CANNOT_CREATE, e, "cannot create %s: %s", path, strerror(e));
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
                        r = err_set_id(err, ERROR_EXISTS, EEXIST,
                                       "cannot create %s: %s lies there from an earlier session; remove it",
                                       path, name);
                free(name);
        }
        return r;
}

/* The file exists before SQLite opens it, so that its mode is right from the start and no link is followed. */
int db_create_file(const char *path, uid_t owner, struct err *err)
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
                                "PRAGMA journal_size_limit=8388608; PRAGMA cache_size=-2048; PRAGMA temp_store=MEMORY;"
                                "BEGIN IMMEDIATE");
        for (size_t i = 0; i < array_len(schema_parts) && rc == SQLITE_OK; i++)
                rc = db_exec(store->db, schema_parts[i]);
        if (rc == SQLITE_OK) {
                snprintf(sql, sizeof sql, "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT", STORE_APPLICATION_ID,
                         STORE_VERSION);
                rc = db_exec(store->db, sql);
        }
        return rc;
}

static int create(struct store *store, struct err *err)
{
        int r, rc;

        r = db_create_file(store->path, store->owner, err);
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
                db_checkpoint(store);
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
        snprintf(sql, sizeof sql, "PRAGMA max_page_count=%llu", bytes ? (unsigned long long)bytes / PAGE_SIZE + 1 : 1073741823ull);
        return db_errno(store->db, db_exec(store->db, sql));
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
        int rc = db_begin(store);

        if (rc == SQLITE_OK)
                rc = db_commit(store, db_run(store, C_FINISH, "UPDATE session SET ended_ns = ?, end_reason = ?", "us", ended_ns,
                                          reason ? reason : ""));
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
