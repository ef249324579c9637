#include "inject/heirs.h"

#include "base/clock.h"
#include "inject/inject.h"
#include "inject/sys.h"
#include "inject/undo.h"
#include "target/maps.h"
#include "target/proc.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

/* A fork that begins during a pass is found by the next. */
enum { PASSES = 4, LOOKS = 8 };
#define PATIENCE_NS (4 * NS_PER_S)

static uint64_t file_at(const struct maps *maps, const struct wire_area *area)
{
        const struct mapping *mapping = maps_find(maps, area->addr);

        return mapping ? mapping->inode : 0;
}

enum heirs_kind heirs_look(pid_t pid, uint64_t *ret_file)
{
        enum heirs_kind kind = HEIRS_NOTHING;
        struct maps maps = { 0 };
        struct remains remains;
        int r = -EINVAL;

        for (int i = 0; i < LOOKS && r == -EINVAL; i++) /* it changed while it was read */
                r = sys_maps(pid, &maps);
        if (r == 0 && remains_find(&maps, &remains)) {
                kind = remains.n_shared > 0 ? HEIRS_HOOKED : HEIRS_PASSIVE;
                if (ret_file)
                        *ret_file = file_at(&maps, remains.n_shared > 0 ? &remains.shared[0] : &remains.areas[0]);
        }
        maps_done(&maps);
        return kind;
}

static bool is_one_of(const uint64_t *files, size_t n, uint64_t file)
{
        for (size_t i = 0; i < n; i++) {
                if (files[i] == file)
                        return true;
        }
        return false;
}

int heirs_find(const uint64_t *files, size_t n, uint64_t since_ns, int (*fn)(void *ctx, pid_t pid, uint64_t file), void *ctx)
{
        uint64_t ticks = (uint64_t)sysconf(_SC_CLK_TCK), since = since_ns / (NS_PER_S / ticks);
        pid_t *pids = NULL;
        size_t n_pids = 0;
        int r;

        r = proc_pids(&pids, &n_pids);
        for (size_t i = 0; i < n_pids && r == 0; i++) {
                struct proc_stat stat;
                uint64_t file = 0;

                if (proc_stat_read(pids[i], &stat) < 0 || stat.kernel_thread || stat.start_time + 1 < since)
                        continue;
                if (heirs_look(pids[i], &file) == HEIRS_PASSIVE && is_one_of(files, n, file))
                        r = fn(ctx, pids[i], file);
        }
        free(pids);
        return r;
}

struct cleaning {
        struct heirs_cleaned *ret;
        uint32_t n_failed;
        uint64_t end_ns;
        bool found;
};

static int clean_one(void *ctx, pid_t pid, uint64_t file)
{
        struct cleaning *cleaning = ctx;
        int r;

        (void)file;
        if (clock_boottime_ns() > cleaning->end_ns) {
                cleaning->n_failed++;
                return 0;
        }
        r = inject_repair(pid, NULL);
        if (r > 0) {
                cleaning->ret->n++;
                cleaning->found = true;
        } else if (r < 0 && r != -ESRCH && r != -EBUSY) { /* busy: somebody else takes care of it */
                cleaning->n_failed++;
        }
        return 0;
}

void heirs_clean(const uint64_t *files, size_t n, uint64_t since_ns, struct heirs_cleaned *ret)
{
        struct cleaning cleaning = { .ret = ret, .end_ns = clock_boottime_ns() + PATIENCE_NS };

        *ret = (struct heirs_cleaned){ 0 };
        for (int pass = 0; pass < PASSES && n > 0; pass++) {
                cleaning.found = false;
                cleaning.n_failed = 0;
                if (heirs_find(files, n, since_ns, clean_one, &cleaning) < 0 || !cleaning.found)
                        break;
        }
        ret->n_left = cleaning.n_failed;
}
