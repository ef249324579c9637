/* detach: ends recorders, and takes out what dead ones left in their targets. */
#include "app/commands.h"
#include "app/registry.h"
#include "app/say.h"
#include "app/whom.h"
#include "base/exit.h"
#include "base/text.h"
#include "inject/inject.h"
#include "target/proc.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATIENCE_MS = 10000, LOOK_MS = 20 };

/* Ends ENTRY's recorder and waits until it has restored its target. */
static int end_recorder(const struct registry_entry *entry, struct err *err)
{
        struct registry_entry still;

        if (kill(entry->recorder, SIGTERM) < 0 && errno != ESRCH)
                return err_set(err, errno, "cannot end the recorder (pid %d) of %d: %s%s", (int)entry->recorder,
                               (int)entry->pid, strerror(errno), errno == EPERM ? "; try sudo" : "");
        for (int waited = 0; registry_find(entry->pid, &still, &(struct err){ 0 }) == 0 && still.recorder == entry->recorder;
             waited += LOOK_MS) {
                if (waited >= PATIENCE_MS)
                        return err_set_id(err, ERROR_NOT_ENDING, EAGAIN,
                                          "the recorder (pid %d) of %d has not ended after %d s; try again",
                                          (int)entry->recorder, (int)entry->pid, PATIENCE_MS / 1000);
                poll(NULL, 0, LOOK_MS);
        }
        say("%d: recorder ended; saved %s", (int)entry->pid, entry->path);
        return 0;
}

/* For hooks that nobody looks after. Returns how many there were or a negative errno. */
static int repair(pid_t pid, struct err *err)
{
        int r = inject_repair(pid, err);

        if (r > 0)
                say("%d: %d hooks of a heaptop that died were removed", (int)pid, r);
        return r;
}

static int detach_one(pid_t pid, struct err *err)
{
        struct registry_entry entry;
        struct proc_stat stat;
        int r;

        if (registry_find(pid, &entry, &(struct err){ 0 }) == 0)
                return end_recorder(&entry, err);
        r = proc_stat_read(pid, &stat);
        if (r < 0)
                return err_set_id(err, ERROR_NO_PROCESS, -r, "there is no process %d", (int)pid);
        r = repair(pid, err);
        if (r == 0)
                say("%d: nothing to remove", (int)pid);
        return r < 0 ? err_set(err, -r, "cannot repair %d: %s", (int)pid, strerror(-r)) : 0;
}

struct sweep {
        struct err err;
        size_t n;
};

static int sweep_recorder(void *ctx, const struct registry_entry *entry)
{
        struct sweep *sweep = ctx;
        struct err err = { 0 };

        sweep->n++;
        if (end_recorder(entry, &err) < 0) {
                say_error(&err);
                if (sweep->err.code == 0)
                        sweep->err = err;
        }
        return 0;
}

struct waiting {
        const char *followed;
        size_t n;
};

static int end_waiting(void *ctx, const struct registry_waiting *entry)
{
        struct waiting *waiting = ctx;

        if (waiting->followed && strcmp(entry->followed, waiting->followed) != 0)
                return 0;
        waiting->n++;
        if (kill(entry->heaptop, SIGTERM) < 0)
                say("cannot end heaptop (pid %d), which waits for %s: %s", (int)entry->heaptop, entry->followed,
                    strerror(errno));
        else
                say("heaptop (pid %d) does not wait for %s any more", (int)entry->heaptop, entry->followed);
        return 0;
}

static int detach_all(void)
{
        struct waiting waiting = { 0 };
        struct sweep sweep = { 0 };
        pid_t *pids = NULL;
        size_t n = 0;

        registry_walk(sweep_recorder, &sweep);
        registry_walk_waiting(end_waiting, &waiting);
        sweep.n += waiting.n;
        if (proc_pids(&pids, &n) == 0) {
                for (size_t i = 0; i < n; i++) {
                        struct err err = { 0 };

                        if (!inject_is_hooked(pids[i]))
                                continue;
                        sweep.n++;
                        if (repair(pids[i], &err) < 0) {
                                say_error(&err);
                                sweep.err = err;
                        }
                }
        }
        free(pids);
        if (sweep.n == 0)
                say("nothing to remove");
        return sweep.err.code ? err_exit_status(&sweep.err) : EXIT_GOOD;
}

/* There is no such process, but somebody may be waiting for it. */
static bool detach_waiting(const struct options *options)
{
        struct waiting waiting = { 0 };
        struct wanted wanted;
        char words[300], *clean;

        if (!whom_is_given(options) || whom_wanted(options, &wanted, &(struct err){ 0 }) < 0)
                return false;
        clean = text_clean(wanted_words(&wanted, words, sizeof words));
        waiting.followed = clean;
        registry_walk_waiting(end_waiting, &waiting);
        free(clean);
        return waiting.n > 0;
}

int command_detach(const struct subcommand *subcommand, struct options *options)
{
        struct err err = { 0 };
        int r;

        r = commands_need_recorded(subcommand, options, &err);
        if (r == -ENOENT && detach_waiting(options))
                return EXIT_GOOD;
        if (r == 0 && !options->all && options->pid == 0)
                r = err_set_id(&err, ERROR_NO_OPERAND, EINVAL,
                               "which process? try: heaptop detach PID, or --all");
        if (r == 0 && options->all)
                return detach_all();
        if (r == 0)
                r = detach_one(options->pid, &err);
        return r < 0 ? say_error(&err) : EXIT_GOOD;
}
