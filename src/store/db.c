#include "store/db.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/fmt.h"
#include "base/log.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* SQLite takes some names for something else (":memory:", "file:..."); one with a slash in front is only a file. */
static char *plain_name(const char *path)
{
        return path[0] == '/' ? xstrdup(path) : xasprintf("./%s", path);
}

static char *immutable_name(const char *path)
{
        struct buf uri = { 0 };

        buf_puts(&uri, path[0] == '/' ? "file:" : "file:./");
        for (const char *p = path; *p; p++) {
                if (isalnum((unsigned char)*p) || strchr("/._-", *p))
                        buf_putc(&uri, *p);
                else
                        buf_printf(&uri, "%%%02x", (unsigned char)*p);
        }
        buf_puts(&uri, "?immutable=1");
        return buf_take(&uri);
}

int db_connect(const char *path, int flags, bool immutable, sqlite3 **ret)
{
        char *name = immutable ? immutable_name(path) : plain_name(path);
        sqlite3 *db = NULL;
        int rc;

        rc = sqlite3_open_v2(name, &db, flags | SQLITE_OPEN_NOMUTEX | (immutable ? SQLITE_OPEN_URI : 0), NULL);
        free(name);
        if (!db)
                return SQLITE_NOMEM;
        sqlite3_extended_result_codes(db, 1);
        sqlite3_busy_timeout(db, DB_BUSY_MS);
        sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
        sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
        sqlite3_limit(db, SQLITE_LIMIT_LENGTH, DB_LENGTH_MAX);
        sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
        *ret = db; /* also after an error, which can be asked for its text */
        return rc;
}

/* The disk, the user's share of it, or the largest file allowed. */
static bool is_full(int e)
{
        return e == ENOSPC || e == EDQUOT || e == EFBIG;
}

/* What is behind a code that only says "I/O error". */
static int io_errno(sqlite3 *db, int rc)
{
        int e = sqlite3_system_errno(db);

        if (rc == SQLITE_IOERR_SHORT_READ || rc == SQLITE_IOERR_CORRUPTFS)
                return -EBADMSG;
        if (is_full(e))
                return -ENOSPC;
        return rc == SQLITE_IOERR_NOMEM ? -ENOMEM : -EIO;
}

int db_errno(sqlite3 *db, int rc)
{
        int e;

        switch (rc & 0xff) {
        case SQLITE_OK:
        case SQLITE_ROW:
        case SQLITE_DONE:
                return 0;
        case SQLITE_FULL:
                return -ENOSPC;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                return -EBUSY;
        case SQLITE_NOMEM:
                return -ENOMEM;
        case SQLITE_PERM:
        case SQLITE_AUTH:
                return -EACCES;
        case SQLITE_READONLY:
                return -EROFS;
        case SQLITE_IOERR:
                return io_errno(db, rc);
        case SQLITE_CANTOPEN:
                e = sqlite3_system_errno(db);
                return e > 0 ? -e : -EACCES;
        case SQLITE_CONSTRAINT:
        case SQLITE_MISUSE:
                return -EINVAL;
        default: /* CORRUPT, NOTADB, a schema that is not ours, too big, a query that does not end */
                return -EBADMSG;
        }
}

/* SQLite has one code for the disk and for max_page_count. */
static bool is_at_limit(struct store *store)
{
        int64_t bytes = 0;

        if (!store->limit_bytes ||
            db_number(store->db, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", &bytes) != SQLITE_OK)
                return false;
        return (uint64_t)bytes >= store->limit_bytes / 8 * 7;
}

int db_fail(struct store *store, int rc, const char *what, struct err *err)
{
        int r = db_errno(store->db, rc);
        char size[FMT_MAX];

        if (r == -EIO && is_full(store->system_errno))
                r = -ENOSPC;
        store->system_errno = 0;
        log_debug("cannot %s %s: SQLite %d: %s", what, store->path, rc, sqlite3_errmsg(store->db));
        switch (-r) {
        case ENOSPC:
                if (is_at_limit(store))
                        return err_set_id(err, ERROR_SIZE_LIMIT, ENOSPC,
                                          "cannot %s %s: it has reached its size limit of %s; what was written before can be "
                                          "replayed",
                                          what, store->path, fmt_bytes(size, store->limit_bytes));
                return err_set_id(err, ERROR_DISK_FULL, ENOSPC,
                                  "cannot %s %s: the disk is full; what was written before can be replayed", what,
                                  store->path);
        case EBUSY:
                return err_set_id(err, ERROR_FILE_LOCKED, EBUSY,
                                  "cannot %s %s: another program has held it locked for %d s; if that is a stopped "
                                  "heaptop or sqlite3, end it",
                                  what, store->path, (store->writes ? DB_PATIENCE_MS : DB_BUSY_MS) / 1000);
        case EROFS:
                return err_set_id(err, ERROR_READ_ONLY, EROFS,
                                  "cannot %s %s: it is on a read-only file system, or not yours to write", what,
                                  store->path);
        case EBADMSG:
                return err_set_id(err, ERROR_DAMAGED, EBADMSG,
                                  "cannot %s %s: the file is damaged (%s)", what, store->path,
                                  rc == SQLITE_INTERRUPT ? "its pages go round in a circle" : sqlite3_errstr(rc));
        default:
                return err_set(err, -r, "cannot %s %s: %s", what, store->path, strerror(-r));
        }
}

int db_exec(sqlite3 *db, const char *sql)
{
        return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

int db_number(sqlite3 *db, const char *sql, int64_t *ret)
{
        sqlite3_stmt *stmt = NULL;
        int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

        if (rc != SQLITE_OK)
                return rc;
        rc = sqlite3_step(stmt);
        if (rc == SQLITE_ROW) {
                *ret = sqlite3_column_int64(stmt, 0);
                rc = SQLITE_OK;
        } else if (rc == SQLITE_DONE) {
                rc = SQLITE_CORRUPT;
        }
        sqlite3_finalize(stmt);
        return rc;
}

int db_prepare(struct store *store, unsigned slot, const char *sql, sqlite3_stmt **ret)
{
        int rc;

        if (!store->statements[slot]) {
                rc = sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &store->statements[slot], NULL);
                if (rc != SQLITE_OK)
                        return rc;
        }
        *ret = store->statements[slot];
        return SQLITE_OK;
}

int db_bind_list(sqlite3_stmt *stmt, const char *format, va_list ap)
{
        int rc = SQLITE_OK;

        for (int i = 1; *format && rc == SQLITE_OK; format++, i++) {
                uint64_t u;
                double d;
                const char *s;

                switch (*format) {
                case 'i':
                        rc = sqlite3_bind_int64(stmt, i, va_arg(ap, int64_t));
                        break;
                case 'u':
                        u = va_arg(ap, uint64_t);
                        rc = sqlite3_bind_int64(stmt, i, u > INT64_MAX ? INT64_MAX : (int64_t)u);
                        break;
                case 'd':
                        d = va_arg(ap, double);
                        rc = sqlite3_bind_double(stmt, i, isnan(d) ? 0 : d); /* SQLite would make NULL of NAN */
                        break;
                default:
                        s = va_arg(ap, const char *);
                        rc = sqlite3_bind_text(stmt, i, s, s ? (int)strnlen(s, DB_TEXT_MAX) : 0, SQLITE_STATIC);
                }
        }
        return rc;
}

int db_bind(sqlite3_stmt *stmt, const char *format, ...)
{
        va_list ap;
        int rc;

        va_start(ap, format);
        rc = db_bind_list(stmt, format, ap);
        va_end(ap);
        return rc;
}

int db_run(struct store *store, unsigned slot, const char *sql, const char *format, ...)
{
        sqlite3_stmt *stmt;
        va_list ap;
        int rc = db_prepare(store, slot, sql, &stmt);

        if (rc != SQLITE_OK)
                return rc;
        va_start(ap, format);
        rc = db_bind_list(stmt, format, ap);
        va_end(ap);
        errno = 0;
        while (rc == SQLITE_OK || rc == SQLITE_ROW)
                rc = sqlite3_step(stmt);
        if (rc != SQLITE_DONE && !store->system_errno) /* a COMMIT that fails leaves it only in errno */
                store->system_errno = sqlite3_system_errno(store->db) ? sqlite3_system_errno(store->db) : errno;
        sqlite3_reset(stmt);
        return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int db_begin(struct store *store)
{
        return db_run(store, DB_BEGIN, "BEGIN IMMEDIATE", "");
}

int db_commit(struct store *store, int rc)
{
        if (rc == SQLITE_OK)
                rc = db_run(store, DB_COMMIT, "COMMIT", "");
        if (rc != SQLITE_OK && !sqlite3_get_autocommit(store->db))
                (void)db_run(store, DB_ROLLBACK, "ROLLBACK", "");
        return rc;
}

void db_checkpoint(struct store *store)
{
        (void)sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

int64_t db_int(sqlite3_stmt *stmt, int column, int64_t min, int64_t max)
{
        int64_t n = sqlite3_column_int64(stmt, column);

        return n < min ? min : n > max ? max : n;
}

uint64_t db_u64(sqlite3_stmt *stmt, int column)
{
        return (uint64_t)db_int(stmt, column, 0, INT64_MAX);
}

uint32_t db_id(sqlite3_stmt *stmt, int column)
{
        return (uint32_t)db_int(stmt, column, 0, INT32_MAX);
}

double db_double(sqlite3_stmt *stmt, int column)
{
        double d = sqlite3_column_double(stmt, column);

        return isfinite(d) && d >= 0 ? d : 0;
}

const char *db_text_or_null(sqlite3_stmt *stmt, int column)
{
        return (const char *)sqlite3_column_text(stmt, column);
}

const char *db_text(sqlite3_stmt *stmt, int column)
{
        const char *s = db_text_or_null(stmt, column);

        return s ? s : "";
}

void db_finalize_all(struct store *store)
{
        for (size_t i = 0; i < DB_STATEMENTS; i++) {
                sqlite3_finalize(store->statements[i]);
                store->statements[i] = NULL;
        }
}
