/* fuzz_cgroup: what the kernel's files say about limits and freezing, with names that anybody chose, in files of our own.
 *
 * The input is the contents of each file in turn: /proc/1/cgroup, limits, status and mountinfo, then meminfo, then a cgroup's files,
 * /proc/1/stat, vmstat and the counters of OOM kills, with a 0 between them. */
#include "target/freezer.h"
#include "target/limits.h"
#include "target/oom.h"
#include "target/wanted.h"

#include "base/alloc.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const files[] = {
        "proc/1/cgroup", "proc/1/limits", "proc/1/status", "proc/1/mountinfo", "proc/meminfo", "cgroup/memory.max",
        "cgroup/memory.current", "cgroup/cgroup.freeze", "cgroup/cgroup.events", "cgroup/a/memory.max", "cgroup/a/cgroup.freeze",
        "proc/1/stat", "proc/vmstat", "cgroup/memory.events", "cgroup/a/memory.events",
};
static const char *const folders[] = { "proc", "proc/1", "cgroup", "cgroup/a" };
static char root[] = "/tmp/fuzz_cgroup.XXXXXX";

static char *under(const char *name)
{
        return xasprintf("%s/%s", root, name);
}

static void remove_all(void)
{
        char *path;

        for (size_t i = 0; i < array_len(files); i++, free(path))
                unlink(path = under(files[i]));
        for (size_t i = array_len(folders); i-- > 0; free(path))
                rmdir(path = under(folders[i]));
        rmdir(root);
}

static void set_up(void)
{
        static bool done;
        char *path;

        if (done)
                return;
        done = true;
        if (!mkdtemp(root))
                abort();
        for (size_t i = 0; i < array_len(folders); i++, free(path))
                if (mkdir(path = under(folders[i]), 0700) < 0)
                        abort();
        atexit(remove_all);
}

static void write_file(const char *name, const uint8_t *data, size_t n)
{
        char *path = under(name);
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        if (fd < 0 || write(fd, data, n) != (ssize_t)n)
                abort();
        close(fd);
        free(path);
}

/* Who is meant, and what killed it. */
static void look_for(const char *proc, const char *cgroup)
{
        static const struct wanted all[] = {
                { .kind = WANTED_NAME, .text = "shopd" },
                { .kind = WANTED_UNIT, .text = "shop" },
                { .kind = WANTED_CONTAINER, .text = "4f5a" },
        };
        struct wanted_process found;
        struct oom_evidence evidence;
        struct oom oom;

        for (size_t i = 0; i < array_len(all); i++) {
                struct err err = { 0 };

                if (wanted_find_from(proc, &all[i], NULL, NULL, &found, &err) == 0 &&
                    !memchr(found.comm, '\0', sizeof found.comm))
                        abort();
        }
        oom_init_from(proc, cgroup, &oom, 1);
        oom_look(&oom, &evidence);
        oom_done(&oom);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *proc, *cgroup, remedy[700];
        struct limits limits;
        struct freezer freezer;

        set_up();
        for (size_t i = 0; i < array_len(files); i++) {
                const uint8_t *end = size ? memchr(data, '\0', size) : NULL;
                size_t n = end ? (size_t)(end - data) : size;

                write_file(files[i], data, n);
                data += n + (end != NULL);
                size -= n + (end != NULL);
        }
        proc = under("proc");
        cgroup = under("cgroup");
        if (limits_read_from(proc, cgroup, 1, &limits) == 0 && !memchr(limits.source, '\0', sizeof limits.source))
                abort();
        if (freezer_look_from(proc, cgroup, 1, &freezer))
                freezer_remedy(&freezer, remedy, sizeof remedy);
        look_for(proc, cgroup);
        free(proc);
        free(cgroup);
        return 0;
}
