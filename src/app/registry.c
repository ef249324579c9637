#include "app/registry.h"

#include "base/exit.h"
#include "inject/lock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct walk {
        int (*fn)(void *ctx, const struct registry_entry *entry);
        void *ctx;
};

static int pass_on(void *ctx, const struct inject_lock *lock)
{
        struct registry_entry entry = { .pid = lock->target, .start_time = lock->start_time, .recorder = lock->recorder };
        const struct walk *walk = ctx;

        if (lock->session[0] != '/' || snprintf(entry.path, sizeof entry.path, "%s", lock->session) >= (int)sizeof entry.path)
                return 0; /* it has only begun */
        return walk->fn(walk->ctx, &entry);
}

int registry_walk(int (*fn)(void *ctx, const struct registry_entry *entry), void *ctx)
{
        struct walk walk = { .fn = fn, .ctx = ctx };

        return inject_lock_list(pass_on, &walk);
}

struct walk_waiting {
        int (*fn)(void *ctx, const struct registry_waiting *entry);
        void *ctx;
};

static int pass_waiting(void *ctx, const struct inject_lock *lock)
{
        struct registry_waiting entry = { .heaptop = lock->target };
        const struct walk_waiting *walk = ctx;
        size_t len = strlen(REGISTRY_WAITING);

        if (lock->target != lock->recorder || strncmp(lock->session, REGISTRY_WAITING, len) != 0)
                return 0;
        snprintf(entry.followed, sizeof entry.followed, "%.299s", lock->session + len);
        return walk->fn(walk->ctx, &entry);
}

int registry_walk_waiting(int (*fn)(void *ctx, const struct registry_waiting *entry), void *ctx)
{
        struct walk_waiting walk = { .fn = fn, .ctx = ctx };

        return inject_lock_list(pass_waiting, &walk);
}

struct search {
        pid_t pid;
        size_t found;
        struct registry_entry *ret;
};

static int match(void *ctx, const struct registry_entry *entry)
{
        struct search *search = ctx;

        if (search->pid == 0 || search->pid == entry->pid) {
                *search->ret = *entry;
                search->found++;
        }
        return 0;
}

int registry_find(pid_t pid, struct registry_entry *ret, struct err *err)
{
        struct search search = { .pid = pid, .ret = ret };

        registry_walk(match, &search);
        if (search.found == 1)
                return 0;
        if (search.found > 1)
                return err_set_id(err, ERROR_SEVERAL_RECORDERS, EINVAL,
                                  "%zu recorders are running; say which PID (heaptop list shows them)",
                                  search.found);
        if (pid)
                return err_set_id(err, ERROR_NO_RECORDER, ENOENT,
                                  "no heaptop records process %d; to begin: heaptop -p %d", (int)pid, (int)pid);
        return err_set_id(err, ERROR_NO_RECORDER, ENOENT,
                          "no heaptop is recording; to begin: heaptop -p PID");
}
