/* Better names for a session that has ended: all of them, or the file as it was. */
#include "session.h"
#include "unit.h"

#include "base/alloc.h"
#include "store/live.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sample sample;

static const char *make(const char *name)
{
        const char *path = session_path(name);

        session_write(path, &sample);
        return path;
}

struct found {
        struct rec_frame rows[4];
        char func[4][32];
        size_t n;
        uint32_t wanted[4], site_frame;
};

static int find_frame(void *ctx, const struct rec_frame *row)
{
        struct found *found = ctx;

        for (size_t i = 0; i < array_len(found->wanted); i++) {
                if (found->wanted[i] != row->id)
                        continue;
                found->rows[i] = *row;
                snprintf(found->func[i], sizeof found->func[i], "%s", row->func ? row->func : "");
                found->n++;
        }
        return 0;
}

static int find_site(void *ctx, const struct rec_site *row)
{
        struct found *found = ctx;

        if (row->id == 1)
                found->site_frame = row->frame;
        return 0;
}

static void look(const char *path, struct found *found)
{
        struct store *store = session_open(path);
        const struct history *history = store_history(store);

        found->n = 0;
        assert_int_equal(history->frames(history->arg, 0, 0, find_frame, found), 0);
        assert_int_equal(history->sites(history->arg, 0, find_site, found), 0);
        store_close(store);
}

#define NEW_ID 1000000

static int rename_some(const char *path, const char *func, struct err *err)
{
        const struct rec_frame frames[] = {
                { .id = 1, .func = func, .file = "/src/a.c", .line = 7, .flags = REC_FRAME_NAMED },
                { .id = NEW_ID, .module = sample.frames[0].module, .offset = sample.frames[0].offset, .func = "inlined",
                  .file = "/src/b.h", .line = 8, .inlined_in = 1, .flags = REC_FRAME_NAMED },
        };
        const struct rec_site sites[] = { { .id = 1, .frame = 2 } };
        const struct store_names names = { frames, array_len(frames), sites, array_len(sites) };

        return store_rename(path, &names, err);
}

static void frames_and_sites_are_renamed(void **state)
{
        const char *path = make("renamed");
        struct found found = { .wanted = { 1, NEW_ID } };

        assert_int_equal(rename_some(path, "renamed", NULL), 0);
        look(path, &found);
        assert_int_equal(found.n, 2);
        assert_string_equal(found.func[0], "renamed");
        assert_int_equal(found.rows[0].line, 7);
        assert_int_equal(found.rows[0].offset, sample.frames[0].offset);
        assert_string_equal(found.func[1], "inlined");
        assert_int_equal(found.rows[1].inlined_in, 1);
        assert_int_equal(found.site_frame, 2);
}

static void one_that_is_being_written_is_refused(void **state)
{
        const char *path = make("live");
        char *side = live_path(path);
        struct err err = { 0 };
        int status, pipes[2];
        pid_t child;

        assert_int_equal(pipe(pipes), 0);
        child = fork();
        if (child == 0) {
                if (live_take(side) < 0 || write(pipes[1], "x", 1) != 1)
                        _exit(1);
                pause();
        }
        assert_int_equal(read(pipes[0], &status, 1), 1);
        assert_int_equal(rename_some(path, "renamed", &err), -EBUSY);
        assert_non_null(strstr(err.text, "still being recorded"));
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        assert_int_equal(rename_some(path, "renamed", NULL), 0);
        unlink(side);
        free(side);
        close(pipes[0]);
        close(pipes[1]);
}

static void one_that_is_read_only_is_refused_also_by_root(void **state)
{
        const char *path = make("readonly");
        struct err err = { 0 };

        chmod(path, 0400);
        assert_int_equal(rename_some(path, "renamed", &err), -EACCES);
        assert_non_null(strstr(err.text, "read-only"));
}

static void a_full_disk_leaves_it_as_it_was(void **state)
{
        const char *path = make("full");
        struct rec_frame *frames = xcalloc(2000, sizeof *frames);
        const struct store_names names = { .frames = frames, .n_frames = 2000 };
        struct found found = { .wanted = { 1 } };
        size_t before_len, after_len;
        unsigned char *before = session_bytes(path, &before_len), *after;
        struct rlimit limit, whole;
        char func[2000];
        struct err err = { 0 };

        memset(func, 'x', sizeof func - 1);
        func[sizeof func - 1] = '\0';
        for (uint32_t i = 0; i < 2000; i++)
                frames[i] = (struct rec_frame){ .id = NEW_ID + i, .func = func, .inlined_in = 1 };
        getrlimit(RLIMIT_FSIZE, &whole);
        limit = whole;
        limit.rlim_cur = before_len + 65536;
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        assert_int_equal(store_rename(path, &names, &err), -ENOSPC);
        setrlimit(RLIMIT_FSIZE, &whole);
        assert_true(err.code < 0);
        look(path, &found);
        assert_string_equal(found.func[0], sample.frames[0].func ? sample.frames[0].func : "");
        after = session_bytes(path, &after_len);
        assert_int_equal(after_len, before_len);
        assert_memory_equal(after, before, before_len);
        free(before);
        free(after);
        free(frames);
}

/* Dies in the middle of a change so large that parts of it are in the file already. */
static void die_while_writing(const char *path)
{
        sqlite3 *db;

        if (sqlite3_open(path, &db) != SQLITE_OK ||
            sqlite3_exec(db, "PRAGMA cache_size=1; PRAGMA synchronous=OFF; BEGIN; UPDATE frame SET func = hex(zeroblob(2000));"
                             "UPDATE frame SET file = hex(zeroblob(2000))", NULL, NULL, NULL) != SQLITE_OK)
                _exit(1);
        _exit(0);
}

static void a_change_that_was_cut_off_is_undone(void **state)
{
        const char *path = make("killed");
        struct found found = { .wanted = { 1 } };
        struct stat st;
        char *journal;
        int status;
        pid_t child = fork();

        if (child == 0)
                die_while_writing(path);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        journal = xasprintf("%s-journal", path);
        assert_true(stat(journal, &st) == 0 && st.st_size > 0);
        free(journal);
        look(path, &found);
        assert_string_equal(found.func[0], sample.frames[0].func ? sample.frames[0].func : "");
        assert_int_equal(rename_some(path, "renamed", NULL), 0);
}

/* What SQLite takes for a journal that is to be played back, and that belongs to a change of several databases: NAME is the
 * journal of all of them. */
static void write_journal(const char *path, const char *name)
{
        static const uint8_t magic[] = { 0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7 };
        char *journal = xasprintf("%s-journal", path);
        uint32_t len = htonl((uint32_t)strlen(name)), sum = 0;
        FILE *f = fopen(journal, "we");

        assert_non_null(f);
        for (const char *c = name; *c; c++)
                sum += (uint32_t)*c;
        sum = htonl(sum);
        fwrite("xxxxxxxxxxxxxxxxxxxx", 1, 20, f);
        fwrite(name, 1, strlen(name), f);
        fwrite(&len, 1, sizeof len, f);
        fwrite(&sum, 1, sizeof sum, f);
        fwrite(magic, 1, sizeof magic, f);
        assert_int_equal(fclose(f), 0);
        free(journal);
}

static void a_journal_that_names_another_file_removes_nothing(void **state)
{
        const char *path = make("hostile"), *victim = session_path("victim");
        struct store *store;
        struct err err = { 0 };
        FILE *f = fopen(victim, "we");

        assert_non_null(f);
        assert_true(fputs("precious\n", f) >= 0);
        assert_int_equal(fclose(f), 0);
        write_journal(path, victim);
        assert_true(store_open(path, &store, &err) < 0);
        assert_true(err.code < 0);
        assert_int_equal(access(victim, F_OK), 0);
        assert_int_equal(unlink(victim), 0);
}

static void a_copy_can_be_renamed_instead(void **state)
{
        const char *path = make("original"), *copy = session_path("copy");
        struct store *store = session_open(path);
        struct found found = { .wanted = { 1 } };
        struct stat st;

        assert_int_equal(store_copy(store, copy, NULL), 0);
        assert_int_equal(store_copy(store, copy, NULL), -EEXIST);
        store_close(store);
        assert_int_equal(stat(copy, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_int_equal(rename_some(copy, "renamed", NULL), 0);
        look(copy, &found);
        assert_string_equal(found.func[0], "renamed");
        look(path, &found);
        assert_string_not_equal(found.func[0], "renamed");
}

static int set_up(void **state)
{
        sample_init(&sample, 7, 20, 400, 20);
        return session_make_folder(state);
}

static int tear_down(void **state)
{
        sample_done(&sample);
        return session_remove_folder(state);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(frames_and_sites_are_renamed),
                cmocka_unit_test(one_that_is_being_written_is_refused),
                cmocka_unit_test(one_that_is_read_only_is_refused_also_by_root),
                cmocka_unit_test(a_full_disk_leaves_it_as_it_was),
                cmocka_unit_test(a_change_that_was_cut_off_is_undone),
                cmocka_unit_test(a_journal_that_names_another_file_removes_nothing),
                cmocka_unit_test(a_copy_can_be_renamed_instead),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
