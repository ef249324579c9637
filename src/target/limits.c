#include "target/limits.h"

#include "base/alloc.h"
#include "base/io.h"
#include "target/proc.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX   ((size_t)256 << 10)
#define NO_LIMIT   UINT64_MAX
#define V1_NO_LIMIT (1ull << 62) /* cgroup v1 writes "no limit" as LONG_MAX rounded down to pages */
#define LEVELS_MAX 64

/* How a memory controller spells its files. */
struct controller {
        const char *root;       /* below the cgroup mount */
        const char *max, *high; /* high may be NULL */
        const char *current;
        const char *reclaimable; /* key in memory.stat */
};

static const struct controller v2 = { "", "memory.max", "memory.high", "memory.current", "inactive_file " };
static const struct controller v2_hybrid = { "/unified", "memory.max", "memory.high", "memory.current",
                                             "inactive_file " };
static const struct controller v1 = { "/memory", "memory.limit_in_bytes", NULL, "memory.usage_in_bytes",
                                      "total_inactive_file " };

static char *read_text(const char *dir, const char *path, const char *name)
{
        char *full = xasprintf("%s%s/%s", dir, path, name), *text = NULL;

        if (io_read_file(full, FILE_MAX, &text, NULL) < 0)
                text = NULL;
        free(full);
        return text;
}

/* A file that holds one number, or "max". */
static uint64_t read_number(const char *dir, const char *path, const char *name, uint64_t missing)
{
        char *text = name ? read_text(dir, path, name) : NULL, *end;
        uint64_t value = missing;

        if (text && text[0] >= '0' && text[0] <= '9') {
                errno = 0;
                value = strtoull(text, &end, 10);
                if (errno != 0 || end == text)
                        value = missing;
        }
        free(text);
        return value;
}

static uint64_t number_after(const char *text, const char *key)
{
        size_t n = strlen(key);

        for (const char *line = text; line; line = strchr(line, '\n')) {
                if (*line == '\n')
                        line++;
                if (strncmp(line, key, n) == 0)
                        return strtoull(line + n, NULL, 10);
        }
        return 0;
}

/* Pages of files that the kernel would drop first do not count as used: they make room by themselves. */
static uint64_t used_by(const char *dir, const char *path, const struct controller *c)
{
        uint64_t current = read_number(dir, path, c->current, 0), reclaimable = 0;
        char *stat = read_text(dir, path, "memory.stat");

        if (stat)
                reclaimable = number_after(stat, c->reclaimable);
        free(stat);
        return current > reclaimable ? current - reclaimable : 0;
}

static void consider(struct limits *limits, uint64_t limit, uint64_t used, const char *what, const char *which)
{
        if (limit >= limits->limit_bytes)
                return;
        limits->limit_bytes = limit;
        limits->used_bytes = used;
        snprintf(limits->source, sizeof limits->source, "%s%s", what, which);
}

/* Every level above a cgroup limits it too. PATH is cut level by level. */
static void walk_cgroups(const char *mount, char *path, const struct controller *c, struct limits *limits)
{
        char *dir = xasprintf("%s%s", mount, c->root);

        for (int level = 0; level < LEVELS_MAX; level++) {
                uint64_t max, high, used;
                char *slash;

                max = read_number(dir, path, c->max, NO_LIMIT);
                high = read_number(dir, path, c->high, NO_LIMIT);
                if (high < max)
                        max = high;
                if (max < V1_NO_LIMIT) {
                        used = used_by(dir, path, c);
                        consider(limits, max, used, "cgroup ", path[0] ? path : "/");
                        if (limits->room_bytes > (max > used ? max - used : 0))
                                limits->room_bytes = max > used ? max - used : 0;
                }
                slash = strrchr(path, '/');
                if (!slash)
                        break;
                *slash = '\0';
        }
        free(dir);
}

static bool has_word(const char *list, size_t len, const char *word)
{
        size_t n = strlen(word);

        for (size_t i = 0; i + n <= len; i++)
                if (strncmp(list + i, word, n) == 0 && (i == 0 || list[i - 1] == ',') &&
                    (i + n == len || list[i + n] == ','))
                        return true;
        return false;
}

/* A line of /proc/PID/cgroup: "id:controllers:path"; v2 has no controllers. A path outside of our own cgroup namespace begins with
 * "/.."; its files are out of reach. */
static void consider_cgroup_line(const char *mount, char *line, struct limits *limits)
{
        char *list = strchr(line, ':'), *path;

        if (!list || !(path = strchr(list + 1, ':')))
                return;
        list++;
        *path++ = '\0';
        if (path[0] != '/' || strstr(path, "/..") || strlen(path) >= PATH_MAX)
                return;
        if (strcmp(path, "/") == 0)
                path[0] = '\0';
        if (list[0] == '\0') {
                char *copy = xstrdup(path);

                walk_cgroups(mount, path, &v2, limits);
                walk_cgroups(mount, copy, &v2_hybrid, limits);
                free(copy);
        } else if (has_word(list, strlen(list), "memory")) {
                walk_cgroups(mount, path, &v1, limits);
        }
}

static void consider_cgroups(const char *dir, const char *mount, struct limits *limits)
{
        char *text = read_text(dir, "", "cgroup"), *next;

        for (char *line = text; line && *line; line = next) {
                next = strchr(line, '\n');
                if (next)
                        *next++ = '\0';
                consider_cgroup_line(mount, line, limits);
        }
        free(text);
}

/* The soft limit on the line that starts with NAME. */
static uint64_t rlimit_of(const char *text, const char *name)
{
        const char *line = strstr(text, name);

        if (!line)
                return NO_LIMIT;
        line += strlen(name);
        while (*line == ' ')
                line++;
        return *line >= '0' && *line <= '9' ? strtoull(line, NULL, 10) : NO_LIMIT;
}

static void consider_rlimits(const char *dir, const struct proc_status *status, struct limits *limits)
{
        char *text = read_text(dir, "", "limits");

        if (text) {
                consider(limits, rlimit_of(text, "Max address space"), status->vm_size_bytes, "RLIMIT_AS", "");
                consider(limits, rlimit_of(text, "Max data size"), status->vm_data_bytes, "RLIMIT_DATA", "");
        }
        free(text);
}

int limits_read_from(const char *proc, const char *cgroup, pid_t pid, struct limits *ret)
{
        struct limits limits = { .limit_bytes = NO_LIMIT, .room_bytes = UINT64_MAX };
        struct proc_status status;
        char *dir = xasprintf("%s/%d", proc, (int)pid);
        char *text = NULL, *meminfo = NULL;
        int r = -ESRCH;

        text = read_text(dir, "", "status");
        if (!text)
                goto out;
        r = proc_status_parse(text, &status);
        if (r < 0)
                goto out;
        meminfo = read_text(proc, "", "meminfo");
        if (meminfo)
                limits.ram_bytes = number_after(meminfo, "MemTotal:") * 1024;
        if (limits.ram_bytes > 0)
                consider(&limits, limits.ram_bytes, status.rss_bytes, "RAM", "");
        consider_rlimits(dir, &status, &limits);
        consider_cgroups(dir, cgroup, &limits);
        *ret = limits;
out:
        free(meminfo);
        free(text);
        free(dir);
        return r;
}

int limits_read(pid_t pid, struct limits *ret)
{
        return limits_read_from("/proc", "/sys/fs/cgroup", pid, ret);
}
