#include "target/oom.h"

#include "base/alloc.h"
#include "base/io.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX ((size_t)256 << 10)

static const char key[] = "oom_kill ";

/* The number behind "oom_kill" in PATH, as all three files write it. */
static bool count_kills(const char *path, uint64_t *ret)
{
        const char *line;
        char *text = NULL;
        bool found = false;

        if (!path || io_read_file(path, FILE_MAX, &text, NULL) < 0)
                return false;
        for (line = text; line && !found; line = strchr(line, '\n')) {
                if (*line == '\n')
                        line++;
                found = strncmp(line, key, sizeof key - 1) == 0;
                if (found)
                        *ret = strtoull(line + sizeof key - 1, NULL, 10);
        }
        free(text);
        return found;
}

/* Takes PATH, frees it when nothing is counted there. */
static bool try_path(struct oom *oom, char *path)
{
        if (count_kills(path, &oom->before)) {
                oom->path = path;
                return true;
        }
        free(path);
        return false;
}

static bool has_memory(const char *list, size_t len)
{
        static const char memory[] = "memory";
        size_t n = sizeof memory - 1;

        for (size_t at = 0; at < len; at += strcspn(list + at, ",:") + 1) {
                if (strcspn(list + at, ",:") == n && strncmp(list + at, memory, n) == 0)
                        return true;
        }
        return false;
}

/* A line of /proc/PID/cgroup: "id:controllers:path", no controllers in version 2. A path that leads out of our
 * cgroup namespace begins with "/..". */
static bool try_line(struct oom *oom, const char *cgroup, char *line)
{
        char *list = strchr(line, ':'), *path = list ? strchr(++list, ':') : NULL;

        if (!path || path[1] != '/' || strstr(path, "/..") || strlen(path) >= PATH_MAX)
                return false;
        *path++ = '\0';
        if (list[0] == '\0')
                return try_path(oom, xasprintf("%s%s/memory.events", cgroup, path)) ||
                       try_path(oom, xasprintf("%s/unified%s/memory.events", cgroup, path));
        return has_memory(list, strlen(list)) &&
               try_path(oom, xasprintf("%s/memory%s/memory.oom_control", cgroup, path));
}

void oom_init_from(const char *proc, const char *cgroup, struct oom *oom, pid_t pid)
{
        char *file = xasprintf("%s/%d/cgroup", proc, (int)pid), *text = NULL, *next;
        bool found = false;

        *oom = (struct oom){ .machine = xasprintf("%s/vmstat", proc) };
        if (io_read_file(file, FILE_MAX, &text, NULL) < 0)
                text = NULL;
        for (char *line = text; line && *line && !found; line = next) {
                next = strchr(line, '\n');
                if (next)
                        *next++ = '\0';
                found = try_line(oom, cgroup, line);
        }
        if (!count_kills(oom->machine, &oom->machine_before)) {
                free(oom->machine);
                oom->machine = NULL;
        }
        free(text);
        free(file);
}

void oom_init(struct oom *oom, pid_t pid)
{
        oom_init_from("/proc", "/sys/fs/cgroup", oom, pid);
}

void oom_done(struct oom *oom)
{
        free(oom->path);
        free(oom->machine);
        *oom = (struct oom){ 0 };
}

void oom_look(const struct oom *oom, struct oom_evidence *ret)
{
        *ret = (struct oom_evidence){ .source = "" };
        if (count_kills(oom->path, &ret->now)) {
                ret->source = oom->path;
                ret->before = oom->before;
        } else if (count_kills(oom->machine, &ret->now)) {
                ret->source = oom->machine;
                ret->before = oom->machine_before;
        }
}
