/* Names of a finished session that have become better: one transaction, all of it or nothing. */
#include "base/alloc.h"
#include "store/db.h"
#include "store/live.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { N_FRAME, N_INLINED, N_SITE, N_SOURCE, SOURCES_SINCE = 3 /* the format */ };

static int write_frame(struct store *store, const struct rec_frame *f)
{
        if (f->inlined_in == 0)
                return db_run(store, N_FRAME,
                              "UPDATE frame SET func = ?2, file = ?3, line = ?4, flags = ?5 WHERE id = ?1", "issii",
                              (int64_t)f->id, f->func, f->file, (int64_t)f->line, (int64_t)f->flags);
        /* the same tick as that of the frame it is inlined in, so that it is seen where that one is */
        return db_run(store, N_INLINED,
                      "INSERT OR REPLACE INTO frame (id, module, offset, func, file, line, inlined_in, flags, tick)"
                      " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, tick FROM frame WHERE id = ?7",
                      "iiussiii", (int64_t)f->id, (int64_t)f->module, f->offset, f->func, f->file, (int64_t)f->line,
                      (int64_t)f->inlined_in, (int64_t)f->flags);
}

static int write_all(struct store *store, const struct store_names *names)
{
        int64_t version = 0;
        int rc = db_number(store->db, "PRAGMA user_version", &version);

        for (size_t i = 0; i < names->n_frames && rc == SQLITE_OK; i++)
                rc = write_frame(store, &names->frames[i]);
        for (size_t i = 0; i < names->n_sites && rc == SQLITE_OK; i++)
                rc = db_run(store, N_SITE, "UPDATE site SET frame = ?2 WHERE id = ?1", "ii",
                            (int64_t)names->sites[i].id, (int64_t)names->sites[i].frame);
        for (size_t i = 0; i < names->n_sources && rc == SQLITE_OK && version >= SOURCES_SINCE; i++) {
                const struct rec_source_file *f = &names->sources[i];

                rc = db_run(store, N_SOURCE,
                            "INSERT OR IGNORE INTO source_file (module, path, size, mtime_ns, md5)"
                            " VALUES (?, ?, ?, ?, ?)",
                            "isuus", (int64_t)f->module, f->path, f->size, f->mtime_ns, f->md5);
        }
        return rc;
}

/* A connection that writes to a session that has been looked at by store_open(): its tables are ours. */
static int connect_writer(const char *path, struct store **ret, struct err *err)
{
        struct store *store = xcalloc(1, sizeof *store);
        int rc;

        store->path = xstrdup(path);
        store->live_fd = -1;
        store->owner = (uid_t)-1;
        rc = db_connect(path, SQLITE_OPEN_READWRITE, false, &store->db);
        if (rc == SQLITE_OK) {
                *ret = store;
                return 0;
        }
        rc = db_fail(store, rc, "write", err);
        store_close(store);
        return rc;
}

static bool is_live(const char *path)
{
        char *side = live_path(path);
        int fd = live_look(side);
        bool live = live_is_held(fd);

        if (fd >= 0)
                close(fd);
        free(side);
        return live;
}

int store_may_rename(const char *path, struct err *err)
{
        struct stat st;

        if (is_live(path))
                return err_set_id(err, ERROR_STILL_RECORDED, EBUSY,
                                  "%s is still being recorded; try again when that has ended (heaptop list)",
                                  path);
        /* root may write everything, but that is not what the file says */
        if (stat(path, &st) == 0 && (st.st_mode & 0222) == 0)
                return err_set_id(err, ERROR_READ_ONLY, EACCES,
                                  "%s is read-only; -o FILE writes a copy", path);
        if (access(path, W_OK) < 0)
                return err_set_id(err, ERROR_READ_ONLY, errno,
                                  "cannot write %s: %s; -o FILE writes a copy", path, strerror(errno));
        return 0;
}

int store_rename(const char *path, const struct store_names *names, struct err *err)
{
        struct store *store = NULL;
        int r, rc;

        r = store_may_rename(path, err);
        if (r == 0)
                r = connect_writer(path, &store, err);
        if (r < 0)
                return r;
        rc = db_begin(store);
        if (rc == SQLITE_OK)
                rc = db_commit(store, write_all(store, names));
        if (rc != SQLITE_OK)
                r = db_fail(store, rc, "write", err);
        store_close(store);
        return r;
}

/* ---- a copy ---- */

static int copy_pages(struct store *from, struct store *to)
{
        sqlite3_backup *backup = sqlite3_backup_init(to->db, "main", from->db, "main");
        int rc;

        if (!backup)
                return sqlite3_extended_errcode(to->db);
        db_reset_steps(from);
        rc = sqlite3_backup_step(backup, -1);
        sqlite3_backup_finish(backup);
        if (rc != SQLITE_DONE)
                return rc;
        return db_exec(to->db, "PRAGMA journal_mode=DELETE"); /* it was a WAL file if its recorder was killed */
}

int store_copy(struct store *store, const char *path, struct err *err)
{
        struct store *copy = NULL;
        int r, rc;

        r = db_create_file(path, (uid_t)-1, err);
        if (r < 0)
                return r;
        r = connect_writer(path, &copy, err);
        if (r == 0) {
                rc = copy_pages(store, copy);
                if (rc != SQLITE_OK)
                        r = db_fail(copy, rc, "write", err);
                store_close(copy);
        }
        if (r < 0)
                unlink(path);
        return r;
}
