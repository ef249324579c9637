/* db: what the files of store share: one SQLite connection, its statements and its errors. Private to this folder.
 *
 * A session file may come from anybody. So a reading connection is opened read-only and made deaf to what a schema can
 * do to its reader (triggers, views, functions in expressions), its tables must be literally the ones heaptop creates, no
 * value may be longer than DB_LENGTH_MAX, a query may not take more steps than a file of that size can need (a damaged
 * tree of pages can have cycles), and nothing is mapped (a file that shrinks would be a SIGBUS). */
#pragma once

#include "base/err.h"
#include "store/store.h"

#include <sqlite3.h>
#include <stdarg.h>

enum {
        DB_LENGTH_MAX = 1 << 20, /* bytes of one row or statement */
        DB_TEXT_MAX = 64 << 10,  /* bytes of one text we write */
        DB_BUSY_MS = 5000,       /* how long to wait for the other writer */
        DB_PATIENCE_MS = 60000,  /* the recorder waits longer: its data queues up, a viewer's user only waits */
        DB_STATEMENTS = 72,
};

/* Which files of a writer use which statements; writer.c has the first ones. A reader has query.c's and reader.c's. */
enum { DB_CREATE_SLOTS = 32, DB_BEGIN, DB_COMMIT, DB_ROLLBACK, DB_ROLLUP_SLOTS = 40 };

#define DB_ID_MAX ((int64_t)UINT32_MAX)

struct store {
        char *path; /* as given */
        sqlite3 *db;
        struct history history;
        sqlite3_stmt *statements[DB_STATEMENTS]; /* writer: see below; reader: enum in query.c */
        bool reads, writes;
        int version;  /* reader: of the file's format; tables of newer ones are not there */
        bool finished;
        uid_t owner;

        /* who writes: see live.h */
        char *live_path;
        int live_fd;
        bool was_live; /* when it was opened */

        uint64_t limit_bytes; /* writer; 0 = none */
        struct rollup {
                uint32_t full_ticks; /* these newest ticks are left alone */
                unsigned level;      /* how coarse we are by now */
                uint32_t cursor;     /* everything before is as coarse as LEVEL */
                uint32_t floor;      /* everything before is as coarse as it gets */
                uint32_t said;       /* bit LEVEL: the event has been written */
                int64_t block;       /* next block id to look at */
        } rollup;
        int system_errno;     /* behind the first failure of a statement; SQLite forgets it with the next call */

        /* reader: the steps left for the statement that runs, in units of DB_STEP_UNIT */
        int64_t steps_left, steps_limit;
        unsigned statements_run;
        int64_t inserted; /* rowid of the last request or mark */
        int changed;      /* rows that it changed */
        char *session_text[12]; /* strings of the last history.session() */
};

enum { DB_STEP_UNIT = 10000 };

/* Opens a connection with FLAGS (SQLITE_OPEN_*); with IMMUTABLE the file is taken as it is, without looking at a -wal. */
int db_connect(const char *path, int flags, bool immutable, sqlite3 **ret);

/* Creates the empty file of a session, mode 0600, which must not be there; OWNER as store_create(). */
int db_create_file(const char *path, uid_t owner, struct err *err);

/* The negative errno for the last error RC of DB, a code of SQLite. */
int db_errno(sqlite3 *db, int rc);

/* The same, and says it in words: WHAT is "write", "read", ... */
int db_fail(struct store *store, int rc, const char *what, struct err *err);

int db_exec(sqlite3 *db, const char *sql); /* returns a code of SQLite */

/* One whole number from SQL; a code of SQLite. */
int db_number(sqlite3 *db, const char *sql, int64_t *ret);

/* The statement SLOT of STORE, prepared from SQL at its first use. A code of SQLite. */
int db_prepare(struct store *store, unsigned slot, const char *sql, sqlite3_stmt **ret);

/* Binds the arguments as FORMAT says: 'i' int64_t, 'u' uint64_t (what does not fit becomes INT64_MAX), 'd' double, 's' const
 * char * (NULL = NULL; cut at DB_TEXT_MAX). A code of SQLite. */
int db_bind(sqlite3_stmt *stmt, const char *format, ...);
int db_bind_list(sqlite3_stmt *stmt, const char *format, va_list ap);

/* Prepares, binds, runs to the end and resets. A code of SQLite. */
int db_run(struct store *store, unsigned slot, const char *sql, const char *format, ...);

/* A writing transaction. db_commit() commits when RC, what was done inside, is SQLITE_OK, else undoes it; returns what went
 * wrong first. */
int db_begin(struct store *store);
int db_commit(struct store *store, int rc);

/* Copies the -wal into the main file as far as readers allow, so that the main file alone says something. */
void db_checkpoint(struct store *store);

/* Whole numbers of a row, forced into what a reader may rely on. */
int64_t db_int(sqlite3_stmt *stmt, int column, int64_t min, int64_t max);
uint64_t db_u64(sqlite3_stmt *stmt, int column);           /* [0, INT64_MAX] */
uint32_t db_id(sqlite3_stmt *stmt, int column);            /* [0, INT32_MAX] */
double db_double(sqlite3_stmt *stmt, int column);          /* finite, not negative */
const char *db_text(sqlite3_stmt *stmt, int column);       /* never NULL */
const char *db_text_or_null(sqlite3_stmt *stmt, int column);

void db_finalize_all(struct store *store);

/* Gives the next statement of a reading STORE its full number of steps; call it before each (reader.c). */
void db_reset_steps(struct store *store);

/* Fills the history functions of a store that reads (query.c). */
void query_init(struct store *store);

/* Thins old detail when the session comes near its size limit (rollup.c): a bounded piece of work inside the transaction that
 * writes PROCESS's tick. A code of SQLite. */
int rollup_step(struct store *store, const struct rec_process *process);
