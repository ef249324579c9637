#include "target/wanted.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/exit.h"
#include "base/io.h"
#include "base/text.h"
#include "target/proc.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SMALL_FILE ((size_t)64 << 10)
#define MOUNTS_MAX ((size_t)4 << 20)

enum { COMM_CUT = 15, ID_DIGITS = 64, ID_PREFIX = 4, GROUP_MAX = 512, LISTED = 8 };

/* A process that fits the description. */
struct match {
        struct wanted_process process;
        pid_t parent;
        char group[GROUP_MAX]; /* the cgroup down to the unit, or the container's whole id; "" for names */
};

struct search {
        const char *proc;
        const struct wanted *wanted;
        char unit[NAME_MAX + 16];
        struct match *v;
        size_t n, cap;
};

/* ---- what can be asked for ---- */

static bool has_suffix(const char *text)
{
        static const char *const suffixes[] = { ".service", ".scope", ".slice", ".socket", ".mount", ".swap" };
        const char *dot = strrchr(text, '.');

        for (size_t i = 0; dot && i < array_len(suffixes); i++) {
                if (strcmp(dot, suffixes[i]) == 0)
                        return true;
        }
        return false;
}

int wanted_check(const struct wanted *wanted, struct err *err)
{
        size_t len = strlen(wanted->text), hex = strspn(wanted->text, "0123456789abcdef");
        char *clean = text_clean(wanted->text);
        int r = 0;

        if (wanted->kind == WANTED_CONTAINER && (hex != len || len < ID_PREFIX || len > ID_DIGITS))
                r = err_set_exit(err, EINVAL, EXIT_USAGE,
                                 "'%s' does not begin a container's id: %d to %d of 0-9 and a-f are needed", clean,
                                 ID_PREFIX, ID_DIGITS);
        else if (len == 0 || len > NAME_MAX || strchr(wanted->text, '/'))
                r = err_set_id(err, ERROR_VALUE, EINVAL, "'%s' is no name of a %s", clean,
                                 wanted->kind == WANTED_UNIT ? "unit" : "process; it is the last part of a path");
        free(clean);
        return r;
}

const char *wanted_words(const struct wanted *wanted, char *ret, size_t size)
{
        static const char *const before[] = { "", "unit ", "container " };

        snprintf(ret, size, "%s%s", before[wanted->kind], wanted->text);
        return ret;
}

/* ---- does a process fit? ---- */

static char *read_text(const struct search *search, pid_t pid, const char *name, size_t max)
{
        char path[PATH_MAX], *text = NULL;

        if (snprintf(path, sizeof path, "%s/%d/%s", search->proc, (int)pid, name) >= (int)sizeof path ||
            io_read_file(path, max, &text, NULL) < 0)
                return NULL;
        return text;
}

static bool exe_is(const struct search *search, pid_t pid, const char *name)
{
        static const char deleted[] = " (deleted)";
        char path[PATH_MAX], exe[PATH_MAX];
        const char *base;
        ssize_t n;

        snprintf(path, sizeof path, "%s/%d/exe", search->proc, (int)pid);
        n = readlink(path, exe, sizeof exe - 1);
        if (n <= 0)
                return false; /* another user's: its name must do */
        exe[n] = '\0';
        base = strrchr(exe, '/');
        base = base ? base + 1 : exe;
        n = (ssize_t)strlen(name);
        return strncmp(base, name, (size_t)n) == 0 && (base[n] == '\0' || strcmp(base + n, deleted) == 0);
}

/* The kernel cuts a name after 15 bytes. */
static bool fits_name(const struct search *search, const struct proc_stat *stat)
{
        const char *name = search->wanted->text;

        if (strlen(name) <= COMM_CUT ? strcmp(stat->comm, name) == 0
                                     : strlen(stat->comm) == COMM_CUT && strncmp(stat->comm, name, COMM_CUT) == 0)
                return true;
        return exe_is(search, stat->pid, name);
}

/* Where UNIT ends in PATH as a whole component, or 0. */
static size_t unit_ends(const char *path, const char *unit)
{
        size_t len = strlen(unit);

        for (const char *at = path; (at = strchr(at, '/')); at++) {
                if (strncmp(at + 1, unit, len) == 0 && (at[1 + len] == '/' || at[1 + len] == '\0'))
                        return (size_t)(at - path) + 1 + len;
        }
        return 0;
}

static bool is_hex(char c)
{
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* An id of 64 digits in LINE that begins with PREFIX, with BEFORE right in front of it ("" = whatever). */
static const char *find_id(const char *line, const char *before, const char *prefix)
{
        size_t n = strlen(before);

        for (const char *at = line; *at; at++) {
                size_t digits = 0;

                if ((at > line && is_hex(at[-1])) || ((size_t)(at - line) < n) || strncmp(at - n, before, n) != 0)
                        continue;
                while (digits <= ID_DIGITS && is_hex(at[digits]))
                        digits++;
                if (digits == ID_DIGITS && strncmp(at, prefix, strlen(prefix)) == 0)
                        return at;
        }
        return NULL;
}

/* A line of /proc/PID/cgroup is "id:controllers:path". systemd's own tree is the one without controllers (version
 * 2) or the one called name=systemd; containers are in all of them. */
static bool fits_cgroup(const struct search *search, char *line, struct match *ret)
{
        char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;
        const char *id;
        size_t end;

        if (!path)
                return false;
        *path++ = '\0';
        if (search->wanted->kind == WANTED_CONTAINER) {
                id = find_id(path, "", search->wanted->text);
                if (id)
                        snprintf(ret->group, sizeof ret->group, "%.*s", ID_DIGITS, id);
                return id != NULL;
        }
        if (list[1] != '\0' && strcmp(list + 1, "name=systemd") != 0)
                return false;
        end = unit_ends(path, search->unit);
        if (end)
                snprintf(ret->group, sizeof ret->group, "%.*s", (int)end, path);
        return end > 0;
}

static bool fits_a_cgroup(const struct search *search, pid_t pid, struct match *ret)
{
        char *text = read_text(search, pid, "cgroup", SMALL_FILE), *next;
        bool fits = false;

        for (char *line = text; line && *line && !fits; line = next) {
                next = strchr(line, '\n');
                if (next)
                        *next++ = '\0';
                fits = fits_cgroup(search, line, ret);
        }
        free(text);
        return fits;
}

/* A line of /proc/PID/mountinfo is "id parent device root point ...": what is mounted, and where. */
static const char *find_mounted_id(char *line, const char *prefix)
{
        char *root = line;

        for (int i = 0; i < 3 && root; i++) {
                root = strchr(root, ' ');
                root = root ? root + 1 : NULL;
        }
        if (!root)
                return NULL;
        root[strcspn(root, " ")] = '\0';
        return find_id(root, "containers/", prefix);
}

/* In a cgroup namespace of its own a container's id is not to be seen there; the files that its engine mounts into
 * it (hostname, resolv.conf) still come from a folder of that name. Outside, what is mounted on such a folder (its /dev/shm) is
 * seen by every process of the machine, and tells nothing. */
static bool fits_mounts(const struct search *search, pid_t pid, struct match *ret)
{
        char *text = read_text(search, pid, "mountinfo", MOUNTS_MAX), *next;
        const char *id = NULL;

        for (char *line = text; line && *line && !id; line = next) {
                next = strchr(line, '\n');
                if (next)
                        *next++ = '\0';
                id = find_mounted_id(line, search->wanted->text);
        }
        if (id)
                snprintf(ret->group, sizeof ret->group, "%.*s", ID_DIGITS, id);
        free(text);
        return id != NULL;
}

static bool fits(const struct search *search, const struct proc_stat *stat, struct match *ret)
{
        if (stat->kernel_thread || strchr("ZXx", stat->state) || stat->pid == getpid())
                return false;
        *ret = (struct match){ .process = { .pid = stat->pid, .start_time = stat->start_time }, .parent = stat->ppid };
        snprintf(ret->process.comm, sizeof ret->process.comm, "%s", stat->comm);
        switch (search->wanted->kind) {
        case WANTED_NAME:
                return fits_name(search, stat);
        case WANTED_UNIT:
                return fits_a_cgroup(search, stat->pid, ret);
        case WANTED_CONTAINER:
                return fits_a_cgroup(search, stat->pid, ret) || fits_mounts(search, stat->pid, ret);
        }
        return false;
}

static int collect(struct search *search, bool (*accept)(void *ctx, pid_t pid), void *ctx)
{
        DIR *dir = opendir(search->proc);
        struct dirent *entry;

        if (!dir)
                return -errno;
        while ((entry = readdir(dir))) {
                struct proc_stat stat;
                struct match match;
                char *text;
                bool good;

                if (!isdigit((unsigned char)entry->d_name[0]))
                        continue;
                text = read_text(search, (pid_t)strtol(entry->d_name, NULL, 10), "stat", SMALL_FILE);
                good = text && proc_stat_parse(text, strlen(text), &stat) == 0 && fits(search, &stat, &match) &&
                       (!accept || accept(ctx, stat.pid));
                free(text);
                if (!good)
                        continue;
                array_grow(search->v, search->n, search->cap);
                search->v[search->n++] = match;
        }
        closedir(dir);
        return 0;
}

/* ---- which of those that fit? ---- */

static int oldest_first(const void *a, const void *b)
{
        const struct wanted_process *x = &((const struct match *)a)->process, *y = &((const struct match *)b)->process;

        if (x->start_time != y->start_time)
                return x->start_time < y->start_time ? -1 : 1;
        return (x->pid > y->pid) - (x->pid < y->pid);
}

static const struct match *find_match(const struct search *search, pid_t pid)
{
        for (size_t i = 0; i < search->n; i++) {
                if (search->v[i].process.pid == pid)
                        return &search->v[i];
        }
        return NULL;
}

/* Keeps those whose parent does not fit as well, in the same group. */
static void keep_parents(struct search *search)
{
        struct match *kept = xcalloc(search->n + 1, sizeof *kept);
        size_t n = 0;

        for (size_t i = 0; i < search->n; i++) {
                const struct match *parent = find_match(search, search->v[i].parent);

                if (!parent || strcmp(parent->group, search->v[i].group) != 0)
                        kept[n++] = search->v[i];
        }
        if (n > 0) {
                memcpy(search->v, kept, n * sizeof *kept);
                search->n = n;
        }
        free(kept);
}

/* Of a unit or container the oldest is left. */
static void keep_oldest(struct search *search)
{
        size_t n = 0;

        for (size_t i = 0; i < search->n; i++) {
                bool first = true;

                for (size_t j = 0; j < n; j++)
                        first &= strcmp(search->v[j].group, search->v[i].group) != 0;
                if (first)
                        search->v[n++] = search->v[i];
        }
        search->n = n;
}

static int complain(const struct search *search, struct err *err)
{
        char words[NAME_MAX + 16], *text, *clean;
        struct buf list = { 0 };

        wanted_words(search->wanted, words, sizeof words);
        for (size_t i = 0; i < search->n && i < LISTED; i++) {
                const struct match *m = &search->v[i];

                buf_printf(&list, "%s%d %s%s%s", i ? ", " : "", (int)m->process.pid, m->process.comm,
                           m->group[0] ? " in " : "", m->group);
        }
        if (search->n > LISTED)
                buf_printf(&list, " and %zu more", search->n - LISTED);
        text = xasprintf("%zu processes are meant by %s: %s; say which one with -p PID", search->n, words, list.data);
        clean = text_clean(text);
        err_set_id(err, ERROR_SEVERAL, ENOTUNIQ, "%s", clean);
        free(clean);
        free(text);
        buf_done(&list);
        return -ENOTUNIQ;
}

static int choose(struct search *search, struct wanted_process *ret, struct err *err)
{
        char words[NAME_MAX + 16], *clean;

        if (search->n == 0) {
                clean = text_clean(wanted_words(search->wanted, words, sizeof words));
                err_set_id(err, ERROR_NO_PROCESS, ENOENT, "there is no process of %s", clean);
                free(clean);
                return -ENOENT;
        }
        qsort(search->v, search->n, sizeof *search->v, oldest_first);
        if (search->wanted->kind != WANTED_NAME || search->wanted->parent)
                keep_parents(search);
        if (search->wanted->kind != WANTED_NAME)
                keep_oldest(search);
        if (search->n > 1)
                return complain(search, err);
        *ret = search->v[0].process;
        return 0;
}

int wanted_find_from(const char *proc, const struct wanted *wanted, bool (*accept)(void *ctx, pid_t pid), void *ctx,
                     struct wanted_process *ret, struct err *err)
{
        struct search search = { .proc = proc, .wanted = wanted };
        int r;

        r = wanted_check(wanted, err);
        if (r < 0)
                return r;
        snprintf(search.unit, sizeof search.unit, "%s%s", wanted->text, has_suffix(wanted->text) ? "" : ".service");
        r = collect(&search, accept, ctx);
        if (r < 0)
                err_set(err, -r, "cannot read %s: %s", proc, strerror(-r));
        else
                r = choose(&search, ret, err);
        free(search.v);
        return r;
}

int wanted_find(const struct wanted *wanted, bool (*accept)(void *ctx, pid_t pid), void *ctx,
                struct wanted_process *ret, struct err *err)
{
        return wanted_find_from("/proc", wanted, accept, ctx, ret, err);
}
