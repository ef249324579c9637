/* The files are those of linux/Documentation/admin-guide/cgroup-v2.rst (cgroup.freeze) and cgroup-v1/freezer-subsystem.rst
 * (freezer.self_freezing, freezer.state). Freezing a cgroup freezes all below it. */
#include "target/freezer.h"

#include "base/alloc.h"
#include "base/io.h"
#include "base/text.h"
#include "target/proc.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX ((size_t)64 << 10)
enum { LEVELS_MAX = 64 };

static bool holds_one(const char *path)
{
        char *text = NULL;
        bool one = io_read_file(path, FILE_MAX, &text, NULL) == 0 && text[0] == '1';

        free(text);
        return one;
}

/* From DIR/PATH upwards: the first folder whose file NAME holds a 1. PATH is cut level by level. */
static bool find_frozen(const char *dir, char *path, const char *name, const char *switch_name, const char *value,
                        struct freezer *ret)
{
        for (int level = 0; level < LEVELS_MAX; level++) {
                char *slash, *file = xasprintf("%s%s/%s", dir, path, name);
                bool found = holds_one(file);

                free(file);
                if (found) {
                        ret->frozen = true;
                        ret->value = value;
                        if ((size_t)snprintf(ret->file, sizeof ret->file, "%s%s/%s", dir, path, switch_name) >=
                            sizeof ret->file)
                                ret->file[0] = '\0';
                        return true;
                }
                slash = strrchr(path, '/');
                if (!slash)
                        return false;
                *slash = '\0';
        }
        return false;
}

/* A line of /proc/PID/cgroup: "id:controllers:path"; v2 has no controllers. */
static bool look_at_line(const char *cgroup, char *line, struct freezer *ret)
{
        static const char *const v2_mounts[] = { "", "/unified" };
        char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;
        bool found = false;

        if (!path)
                return false;
        *path++ = '\0';
        list++;
        if (path[0] != '/' || strstr(path, "/..") || strlen(path) >= PATH_MAX)
                return false;
        for (size_t i = 0; list[0] == '\0' && i < 2 && !found; i++) {
                char *dir = xasprintf("%s%s", cgroup, v2_mounts[i]), *copy = xstrdup(path);

                found = find_frozen(dir, copy, "cgroup.freeze", "cgroup.freeze", "0", ret);
                free(copy);
                free(dir);
        }
        if (!strcmp(list, "freezer")) {
                char *dir = xasprintf("%s/freezer", cgroup);

                found = find_frozen(dir, path, "freezer.self_freezing", "freezer.state", "THAWED", ret);
                free(dir);
        }
        return found;
}

/* Where no cgroup files are mounted, the place where the leader sleeps tells (v2 only): it is not stopped, and waits in the
 * kernel where only stopped and frozen threads do. */
static bool sleeps_frozen(const char *proc, pid_t pid)
{
        char *path = xasprintf("%s/%d/wchan", proc, (int)pid), *where = NULL;
        char *stat_path = xasprintf("%s/%d/stat", proc, (int)pid), *text = NULL;
        struct proc_stat stat;
        size_t n = 0;
        bool frozen;

        frozen = io_read_file(path, FILE_MAX, &where, NULL) == 0 && io_read_file(stat_path, FILE_MAX, &text, &n) == 0 &&
                 proc_stat_parse(text, n, &stat) == 0 && stat.state == 'S' &&
                 (!strcmp(where, "do_freezer_trap") || !strcmp(where, "get_signal"));
        free(path);
        free(where);
        free(stat_path);
        free(text);
        return frozen;
}

bool freezer_look_from(const char *proc, const char *cgroup, pid_t pid, struct freezer *ret)
{
        char *path = xasprintf("%s/%d/cgroup", proc, (int)pid), *text = NULL, *save = NULL;

        *ret = (struct freezer){ 0 };
        if (io_read_file(path, FILE_MAX, &text, NULL) == 0)
                for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
                        if (look_at_line(cgroup, line, ret))
                                break;
        free(path);
        free(text);
        if (!ret->frozen)
                ret->frozen = sleeps_frozen(proc, pid);
        return ret->frozen;
}

bool freezer_look(pid_t pid, struct freezer *ret)
{
        return freezer_look_from("/proc", "/sys/fs/cgroup", pid, ret);
}

const char *freezer_remedy(const struct freezer *freezer, char *buffer, size_t size)
{
        char *file = text_clean(freezer->file);

        if (file[0])
                snprintf(buffer, size, "thaw it first (docker unpause, systemctl thaw, or: echo %s >%s)", freezer->value, file);
        else
                snprintf(buffer, size, "thaw it first (docker unpause, podman unpause, systemctl thaw)");
        free(file);
        return buffer;
}
