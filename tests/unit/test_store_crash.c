#include "unit.h"

#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int ignore_change(void *ctx, const struct rec_stack_tick *row)
{
        return 0;
}

/* A child that writes ticks and says so on a pipe after each. */
static pid_t start_writer(const char *path, const struct sample *s, int *ret_fd)
{
        int fds[2];
        pid_t pid;

        assert_int_equal(pipe(fds), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                struct err err = { 0 };
                struct store *store;

                close(fds[0]);
                if (store_create(path, (uid_t)-1, &store, &err) < 0 || store_write_session(store, &s->session, &err) < 0)
                        _exit(1);
                for (uint32_t i = 0; i < s->n_ticks; i++)
                        if (store_write_tick(store, &s->ticks[i], &err) < 0 || write(fds[1], "x", 1) != 1)
                                _exit(1);
                if (s->session.end_reason)
                        (void)store_finish(store, 77, s->session.end_reason, &err);
                pause();
                _exit(0);
        }
        close(fds[1]);
        *ret_fd = fds[0];
        return pid;
}

static uint32_t read_reports(int fd, uint32_t most)
{
        uint32_t n = 0;
        char c;

        while (n < most && read(fd, &c, 1) == 1)
                n++;
        return n;
}

static void end_child(pid_t pid)
{
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void killing_the_writer_loses_at_most_the_tick_at_hand(void **state)
{
        uint64_t random = 2026;
        struct sample s;

        sample_init(&s, 11, 40, 60, 20);
        for (int round = 0; round < 100; round++) {
                const char *path = session_path("kill.heaptop");
                volatile uint64_t spin;
                struct rec_session session;
                const struct history *h;
                uint32_t reported, last = 0;
                struct store *store;
                int fd;
                pid_t pid = start_writer(path, &s, &fd);

                reported = read_reports(fd, 1 + (uint32_t)sample_random(&random, 20));
                for (spin = sample_random(&random, 300000); spin; spin--)
                        ;
                end_child(pid);
                reported += read_reports(fd, UINT32_MAX);
                close(fd);
                store = session_open(path);
                h = store_history(store);
                assert_false(store_is_live(store));
                assert_int_equal(h->session(h->arg, &session), 0);
                assert_int_equal(session.ended_ns, 0);
                assert_null(session.end_reason);
                assert_int_equal(h->last_tick(h->arg, &last), 0);
                assert_in_range(last, reported, reported + 1);
                assert_int_equal(h->changes_at(h->arg, last, ignore_change, NULL), 0);
                store_close(store);
        }
        sample_done(&s);
}

static void killing_the_writer_while_it_ends_leaves_every_tick(void **state)
{
        uint64_t random = 77;
        struct sample s;

        sample_init(&s, 19, 3, 20, 5);
        s.session.end_reason = "detached";
        for (int round = 0; round < 40; round++) {
                const char *path = session_path("end.heaptop");
                struct rec_session session;
                const struct history *h;
                volatile uint64_t spin;
                struct store *store;
                uint32_t last = 0;
                int fd;
                pid_t pid = start_writer(path, &s, &fd);

                assert_int_equal(read_reports(fd, 3), 3);
                for (spin = sample_random(&random, 3000000); spin; spin--)
                        ;
                end_child(pid);
                close(fd);
                store = session_open(path);
                h = store_history(store);
                assert_int_equal(h->session(h->arg, &session), 0);
                assert_true(session.ended_ns == 0 || session.ended_ns == 77);
                assert_int_equal(h->last_tick(h->arg, &last), 0);
                assert_int_equal(last, 3);
                assert_int_equal(h->changes_at(h->arg, last, ignore_change, NULL), 0);
                store_close(store);
        }
        sample_done(&s);
}

/* As an ordinary user, who cannot write the folder of a killed recorder's session. */
static int last_tick_as_stranger(const char *path)
{
        struct err err = { 0 };
        struct store *store;
        uint32_t last = 0;

        if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
                return 200;
        if (store_open(path, &store, &err) < 0)
                return 201;
        if (store_history(store)->last_tick(store_history(store)->arg, &last) < 0)
                return 202;
        store_close(store);
        return (int)last;
}

static int exit_status_of(int (*fn)(const char *path), const char *path)
{
        pid_t pid = fork();
        int status;

        assert_true(pid >= 0);
        if (pid == 0)
                _exit(fn(path));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

/* The folder above lets strangers through. */
static void set_modes(const char *path, const char *folder, mode_t files, mode_t folders)
{
        static const char *const suffixes[] = { "", "-wal", "-shm" };
        char name[300];

        for (int i = 0; i < 3; i++) {
                snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
                chmod(name, files);
        }
        snprintf(name, sizeof name, "%s/..", folder);
        chmod(name, 0755);
        chmod(folder, folders);
}

static void a_dead_session_opens_in_a_folder_that_cannot_be_written(void **state)
{
        const char *path = session_path("frozen/kill.heaptop");
        char folder[256], name[300];
        struct sample s;
        pid_t pid;
        int fd;

        snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
        assert_int_equal(mkdir(folder, 0755), 0);
        sample_init(&s, 12, 10, 20, 5);
        pid = start_writer(path, &s, &fd);
        assert_int_equal(read_reports(fd, 10), 10);
        end_child(pid);
        close(fd);
        set_modes(path, folder, 0444, 0555);
        assert_int_equal(exit_status_of(last_tick_as_stranger, path), 10);
        set_modes(path, folder, 0444, 0755);
        snprintf(name, sizeof name, "%s-shm", path);
        assert_int_equal(unlink(name), 0);
        set_modes(path, folder, 0444, 0555);
        assert_int_equal(exit_status_of(last_tick_as_stranger, path), 0); /* only what had reached the main file */
        chmod(folder, 0755);
        sample_done(&s);
}

/* ---- a full disk ---- */

static struct sample big;

/* A file may not grow beyond 600 kB in this child, as on a full disk. Returns how many ticks were written. */
static int write_until_full(const char *path)
{
        struct rlimit limit = { 600 << 10, 600 << 10 };
        struct err err = { 0 };
        struct store *store;
        int r = 0, n = 0;

        signal(SIGXFSZ, SIG_IGN);
        if (store_create(path, (uid_t)-1, &store, &err) < 0 || store_write_session(store, &big.session, &err) < 0)
                return 200;
        if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
                return 201;
        for (n = 0; n < (int)big.n_ticks && r == 0; n++)
                r = store_write_tick(store, &big.ticks[n], &err);
        if (r != -ENOSPC || !strstr(err.text, "the disk is full"))
                return 202;
        err = (struct err){ 0 };
        if (store_finish(store, 77, "disk full", &err) < 0)
                return 203;
        store_close(store);
        return n - 1;
}

static void a_full_disk_is_said_in_words_and_the_file_stays_readable(void **state)
{
        const char *path = session_path("full.heaptop");
        struct rec_session session;
        const struct history *h;
        struct store *store;
        uint32_t last = 0;
        int written;

        sample_init(&big, 13, 190, 400, 200);
        written = exit_status_of(write_until_full, path);
        assert_in_range(written, 5, 189);
        store = session_open(path);
        h = store_history(store);
        assert_int_equal(h->last_tick(h->arg, &last), 0);
        assert_int_equal(last, written);
        assert_int_equal(h->session(h->arg, &session), 0);
        assert_string_equal(session.end_reason, "disk full");
        assert_int_equal(h->changes_at(h->arg, last, ignore_change, NULL), 0);
        store_close(store);
        sample_done(&big);
}

/* ---- readers beside a writer ---- */

static struct sample shared;

static int newest_change(void *ctx, const struct rec_stack_tick *row)
{
        uint32_t *at = ctx;

        for (size_t i = 0; i < shared.n_changes; i++)
                if (shared.changes[i].stack == row->stack && shared.changes[i].tick > row->tick && shared.changes[i].tick <= *at)
                        return -EUCLEAN;
        return row->tick > *at ? -EUCLEAN : 0;
}

/* Watches until the session has ended; every picture must be that of one tick. */
static int watch(const char *path)
{
        struct rec_session session = { 0 };
        struct err err = { 0 };
        const struct history *h;
        struct store *store;
        uint32_t last = 0, before = 0;

        if (store_open(path, &store, &err) < 0)
                return 1;
        h = store_history(store);
        do {
                if (h->session(h->arg, &session) < 0 || h->last_tick(h->arg, &last) < 0 || last < before)
                        return 2;
                if (h->changes_at(h->arg, last, newest_change, &last) < 0)
                        return 3;
                before = last;
        } while (session.ended_ns == 0);
        store_close(store);
        return last == shared.n_ticks ? 0 : 4;
}

/* Starts watching when a byte comes on FD. */
static pid_t start_watcher(const char *path, int fds[2])
{
        pid_t pid = fork();
        char c;

        assert_true(pid >= 0);
        if (pid == 0) {
                close(fds[1]);
                _exit(read(fds[0], &c, 1) == 1 ? watch(path) : 9);
        }
        return pid;
}

static void readers_see_whole_ticks_while_they_are_written(void **state)
{
        const char *path = session_path("watch.heaptop");
        struct err err = { 0 };
        struct store *store;
        pid_t readers[2];
        int status, fds[2];
        char wal[300];

        sample_init(&shared, 14, 150, 40, 10);
        assert_int_equal(pipe(fds), 0);
        for (int i = 0; i < 2; i++)
                readers[i] = start_watcher(path, fds); /* before: a connection must not be carried over a fork */
        store = session_create(path, &shared);
        assert_int_equal(write(fds[1], "go", 2), 2);
        close(fds[0]);
        close(fds[1]);
        session_write_ticks(store, &shared, 0, shared.n_ticks);
        assert_int_equal(store_finish(store, 1, "detached", &err), 0);
        store_close(store);
        for (int i = 0; i < 2; i++) {
                assert_int_equal(waitpid(readers[i], &status, 0), readers[i]);
                assert_int_equal(status, 0);
        }
        snprintf(wal, sizeof wal, "%s-wal", path);
        assert_int_equal(access(wal, F_OK), -1); /* whoever left last made one plain file of it */
        sample_done(&shared);
}

static int is_live(const char *path)
{
        struct err err = { 0 };
        struct store *store;
        int live;

        if (store_open(path, &store, &err) < 0)
                return 9;
        live = store_is_live(store);
        store_close(store);
        return live;
}

static void live_is_who_holds_the_lock_not_who_left_files_behind(void **state)
{
        const char *path = session_path("live.heaptop");
        struct sample s;
        pid_t pid;
        int fd;

        sample_init(&s, 15, 3, 4, 1);
        pid = start_writer(path, &s, &fd);
        assert_int_equal(read_reports(fd, 3), 3);
        assert_int_equal(is_live(path), 1);
        assert_int_equal(exit_status_of(is_live, path), 1);
        end_child(pid);
        close(fd);
        assert_int_equal(is_live(path), 0);
        sample_done(&s);
}

/* The recorder forks a viewer, and is killed. */
static void a_forked_child_does_not_keep_a_dead_recorder_alive(void **state)
{
        const char *path = session_path("orphan.heaptop");
        struct sample s;
        int fds[2], lifeline[2];
        pid_t pid;
        char c;

        sample_init(&s, 16, 3, 4, 1);
        assert_int_equal(pipe(fds), 0);
        assert_int_equal(pipe(lifeline), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                struct store *store = session_create(path, &s);

                session_write_ticks(store, &s, 0, 1);
                if (fork() == 0) {
                        close(lifeline[1]);
                        (void)!read(lifeline[0], &c, 1); /* until the test lets go */
                        _exit(0);
                }
                (void)!write(fds[1], "x", 1);
                pause();
        }
        assert_int_equal(read(fds[0], &c, 1), 1);
        assert_int_equal(is_live(path), 1);
        end_child(pid);
        assert_int_equal(is_live(path), 0);
        close(lifeline[1]);
        close(lifeline[0]);
        close(fds[0]);
        close(fds[1]);
        sample_done(&s);
}

/* ---- creating ---- */

static void a_new_session_is_private_and_its_owners(void **state)
{
        const char *path = session_path("mode.heaptop");
        uid_t owner = geteuid() == 0 ? 65534 : (uid_t)-1;
        struct err err = { 0 };
        struct store *store;
        struct sample s;
        struct stat st;
        mode_t old = umask(0);
        char name[300];

        sample_init(&s, 17, 3, 4, 1);
        snprintf(name, sizeof name, "%.*s", (int)(strrchr(path, '/') - path), path);
        assert_int_equal(chmod(name, 0777), 0);
        if (store_create(path, owner, &store, &err) < 0)
                fail_msg("%s", err.text);
        session_write_ticks(store, &s, 0, 3);
        for (int i = 0; i < 3; i++) {
                static const char *const suffixes[] = { "", "-wal", "-live" };

                snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
                assert_int_equal(stat(name, &st), 0);
                assert_int_equal(st.st_mode & 07777, 0600);
                assert_int_equal(st.st_uid, owner == (uid_t)-1 ? geteuid() : owner);
        }
        assert_int_equal(store_finish(store, 1, "detached", &err), 0);
        store_close(store);
        for (int i = 0; i < 3; i++) {
                static const char *const suffixes[] = { "-shm", "-wal", "-live" };

                snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
                assert_int_equal(access(name, F_OK), -1);
        }
        umask(old);
        sample_done(&s);
}

static void expect_refused(const char *path, int code, const char *words)
{
        struct store *store = NULL;
        struct err err = { 0 };

        assert_int_equal(store_create(path, (uid_t)-1, &store, &err), code);
        assert_null(store);
        if (!strstr(err.text, words))
                fail_msg("\"%s\" does not say \"%s\"", err.text, words);
}

static void creating_follows_no_link_and_overwrites_nothing(void **state)
{
        static const char *const suffixes[] = { "-wal", "-shm", "-journal" };
        const char *victim = session_path("victim"), *path = session_path("link.heaptop");
        unsigned char *bytes;
        struct sample s;
        char name[300];
        size_t len;

        session_put_bytes(victim, "precious", 8);
        assert_int_equal(symlink(victim, path), 0);
        expect_refused(path, -EEXIST, "of that name already");
        path = session_path("planted.heaptop");
        for (int i = 0; i < 3; i++) {
                snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
                assert_int_equal(symlink(victim, name), 0);
                expect_refused(path, -EEXIST, "remove it");
                unlink(name);
        }
        snprintf(name, sizeof name, "%s-live", path);
        assert_int_equal(symlink(victim, name), 0);
        sample_init(&s, 18, 3, 4, 1);
        session_write(path, &s);
        sample_done(&s);
        bytes = session_bytes(victim, &len);
        assert_int_equal(len, 8);
        assert_memory_equal(bytes, "precious", 8);
        free(bytes);
}

static void a_missing_folder_is_named(void **state)
{
        const char *path = session_path("nowhere/x.heaptop");

        expect_refused(path, -ENOENT, "there is no folder");
        expect_refused(path, -ENOENT, "nowhere");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(killing_the_writer_loses_at_most_the_tick_at_hand),
                cmocka_unit_test(killing_the_writer_while_it_ends_leaves_every_tick),
                cmocka_unit_test(a_dead_session_opens_in_a_folder_that_cannot_be_written),
                cmocka_unit_test(a_full_disk_is_said_in_words_and_the_file_stays_readable),
                cmocka_unit_test(readers_see_whole_ticks_while_they_are_written),
                cmocka_unit_test(live_is_who_holds_the_lock_not_who_left_files_behind),
                cmocka_unit_test(a_forked_child_does_not_keep_a_dead_recorder_alive),
                cmocka_unit_test(a_new_session_is_private_and_its_owners),
                cmocka_unit_test(creating_follows_no_link_and_overwrites_nothing),
                cmocka_unit_test(a_missing_folder_is_named),
        };

        return cmocka_run_group_tests(tests, session_make_folder, session_remove_folder);
}
