#include "app/candidates.h"

#include "app/list.h"
#include "app/registry.h"
#include "app/user.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "base/errors.h"
#include "base/exit.h"
#include "base/fmt.h"
#include "base/text.h"
#include "store/store.h"
#include "target/proc.h"

#include <ctype.h>
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_SESSIONS = 100 };

/* Whether SEEN, words parted by newlines, has WORD; now it has. */
static bool is_seen(struct buf *seen, const char *word)
{
        char *line = xasprintf("\n%s\n", word);
        bool known;

        if (!seen->data)
                buf_putc(seen, '\n');
        known = strstr(seen->data, line);
        if (!known)
                buf_puts(seen, line + 1);
        free(line);
        return known;
}

/* Nothing that means something to a shell. */
static bool is_harmless(const char *word)
{
        for (const char *c = word; *c; c++) {
                if (!isalnum((unsigned char)*c) && !strchr("/._-+,@%", *c) && !(*c & 0x80))
                        return false;
        }
        return *word && *word != '-';
}

static void print(const char *word, const char *what)
{
        char *clean = text_clean(word), *clean_what = text_clean(what);

        if (is_harmless(clean))
                printf("%s\t%s\n", clean, clean_what);
        free(clean);
        free(clean_what);
}

static void print_pid(pid_t pid)
{
        struct proc_stat stat;
        char number[16];

        snprintf(number, sizeof number, "%d", (int)pid);
        if (pid != getpid() && proc_stat_read(pid, &stat) == 0 && !stat.kernel_thread)
                print(number, stat.comm);
}

static void print_name(pid_t pid, struct buf *seen)
{
        struct proc_stat stat;

        if (pid != getpid() && proc_stat_read(pid, &stat) == 0 && !stat.kernel_thread && !is_seen(seen, stat.comm))
                print(stat.comm, "process");
}

static void print_processes(bool names)
{
        struct buf seen = { 0 };
        pid_t *pids = NULL;
        size_t n = 0;

        if (proc_pids(&pids, &n) < 0)
                return;
        for (size_t i = 0; i < n; i++) {
                if (names)
                        print_name(pids[i], &seen);
                else
                        print_pid(pids[i]);
        }
        buf_done(&seen);
        free(pids);
}

static void print_units(void)
{
        static const char *const where[] = { "/sys/fs/cgroup/*.slice/*.service", "/sys/fs/cgroup/systemd/*.slice/*.service",
                                             "/sys/fs/cgroup/*.slice/*/*/*.slice/*.service" };
        struct buf seen = { 0 };
        glob_t found;

        for (size_t i = 0; i < array_len(where); i++) {
                if (glob(where[i], 0, NULL, &found) != 0)
                        continue;
                for (size_t j = 0; j < found.gl_pathc; j++) {
                        const char *name = strrchr(found.gl_pathv[j], '/') + 1;

                        if (!is_seen(&seen, name))
                                print(name, "unit");
                }
                globfree(&found);
        }
        buf_done(&seen);
}

static int print_recorded(void *ctx, const struct registry_entry *entry)
{
        print_pid(entry->pid);
        return 0;
}

static void print_sessions(const struct user *user, const char *begin)
{
        struct picker_session *sessions = xcalloc(MAX_SESSIONS, sizeof *sessions);
        char *folder = user_state_dir(user), age[FMT_MAX];
        size_t n = folder ? list_sessions(folder, sessions, MAX_SESSIONS) : 0;

        for (size_t i = 0; i < n; i++) {
                const char *slash = strrchr(sessions[i].path, '/');
                const char *name = slash ? slash + 1 : sessions[i].path;

                if (strncmp(sessions[i].path, begin, strlen(begin)) == 0 || strncmp(name, begin, strlen(begin)) == 0)
                        print(sessions[i].path, fmt_bytes(age, sessions[i].bytes));
        }
        free(folder);
        free(sessions);
}

static int print_mark(void *ctx, const struct rec_mark *mark)
{
        if (!is_seen(ctx, mark->name))
                print(mark->name, "mark");
        return 0;
}

static void print_moments(const char *path)
{
        struct store *store = NULL;
        struct buf seen = { 0 };
        struct err err = { 0 };

        if (store_open(path, &store, &err) == 0) {
                const struct history *history = store_history(store);

                history->marks(history->arg, UINT32_MAX, print_mark, &seen);
                print("start", "the beginning");
                print("end", "the end");
        }
        store_close(store);
        buf_done(&seen);
}

static void print_errors(void)
{
        char id[16];

        for (const struct error_entry *e = errors_all(); e->id != ERROR_NONE; e++) {
                snprintf(id, sizeof id, "E%d", (int)e->id);
                print(id, e->title);
        }
}

int candidates_print(const char *kind, const char *word)
{
        struct err err = { 0 };
        struct user user;

        user_find(&user);
        if (strcmp(kind, "recorded") == 0) /* before privileges go: those of root are in root's folder */
                registry_walk(print_recorded, NULL);
        if (user_drop(&user, &err) < 0)
                return err_exit_status(&err);
        if (strcmp(kind, "processes") == 0)
                print_processes(false);
        else if (strcmp(kind, "names") == 0)
                print_processes(true);
        else if (strcmp(kind, "units") == 0)
                print_units();
        else if (strcmp(kind, "sessions") == 0)
                print_sessions(&user, word);
        else if (strcmp(kind, "moments") == 0)
                print_moments(word);
        else if (strcmp(kind, "errors") == 0)
                print_errors();
        return fflush(stdout) == 0 ? EXIT_GOOD : EXIT_CANT_WRITE;
}
