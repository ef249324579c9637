#include "live/names.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "live/rows.h"
#include "target/dwarf_process.h"
#include "target/naming.h"
#include "target/runtime.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

enum { LOOK_S = 10 };

struct question {
        uint64_t addr;
        uint32_t module, frame;
        bool exact;
};

/* A ring of questions. */
struct queue {
        struct question v[NAMES_QUEUE];
        size_t first, n;
};

struct named_module {
        struct naming *naming; /* NULL: its file could not be opened */
        char *path;
        uint32_t key;
};

struct names {
        pthread_t thread;
        struct dwarf_process *lines; /* only the thread asks it */
        uint64_t worked_ns;          /* when it last did; the thread's own */
        pthread_mutex_t lock;
        pthread_cond_t work;     /* a question, room for an answer, or the end */
        bool ending, started, busy;
        struct queue urgent, others;
        struct names_answer *answers; /* [NAMES_ANSWERS], a ring */
        size_t first_answer, n_answers;
        /* Grows under the lock; the thread copies an element before it works on it. */
        struct { struct named_module *v; size_t n, cap; } modules;
};

static bool take_question(struct queue *queue, struct question *ret)
{
        if (queue->n == 0)
                return false;
        *ret = queue->v[queue->first];
        queue->first = (queue->first + 1) % NAMES_QUEUE;
        queue->n--;
        return true;
}

static void copy_one(const struct naming_frame *from, struct stacks_name *ret)
{
        *ret = (struct stacks_name){ from->func ? xstrdup(from->func) : NULL, from->file ? xstrdup(from->file) : NULL,
                                   from->line, from->nearest };
}

static void answer_question(const struct named_module *module, const struct question *question,
                            struct names_answer *ret)
{
        struct naming_frame found[NAMES_INLINED_MAX];
        size_t n = 0;

        *ret = (struct names_answer){ .frame = question->frame };
        if (module->naming)
                n = naming_lookup(module->naming, question->addr, question->exact, found, NAMES_INLINED_MAX);
        ret->runtime = runtime_is(module->path, n ? found[n - 1].func : NULL);
        ret->engine = !ret->runtime && runtime_is_engine(module->path, n ? found[n - 1].func : NULL);
        for (size_t i = n; i-- > 0;) { /* naming tells the innermost first */
                if (ret->runtime && i + 1 < n)
                        ret->runtime = runtime_is(module->path, found[i].func);
                copy_one(&found[i], &ret->names[ret->n++]);
        }
}

static void free_answer(struct names_answer *answer)
{
        for (size_t i = 0; i < answer->n; i++) {
                free(answer->names[i].func);
                free(answer->names[i].file);
        }
}

/* Waits for work. When none comes for long the child that reads debug information is ended: it holds what it has read.
 * The lock is held. */
static void wait_for_work(struct names *names)
{
        struct timespec until;
        uint64_t idle_ns;

        if (dwarf_process_pid(names->lines) == 0) {
                pthread_cond_wait(&names->work, &names->lock);
                return;
        }
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += LOOK_S;
        if (pthread_cond_timedwait(&names->work, &names->lock, &until) != ETIMEDOUT)
                return;
        idle_ns = clock_boottime_ns() - names->worked_ns;
        pthread_mutex_unlock(&names->lock);
        dwarf_process_rest(names->lines, idle_ns);
        pthread_mutex_lock(&names->lock);
}

static void *run(void *arg)
{
        struct names *names = arg;

        pthread_mutex_lock(&names->lock);
        while (!names->ending) {
                struct names_answer answer;
                struct named_module module;
                struct question question;

                if (names->n_answers == NAMES_ANSWERS ||
                    (!take_question(&names->urgent, &question) && !take_question(&names->others, &question))) {
                        wait_for_work(names);
                        continue;
                }
                module = names->modules.v[question.module];
                names->busy = true;
                pthread_mutex_unlock(&names->lock);
                answer_question(&module, &question, &answer);
                pthread_mutex_lock(&names->lock);
                names->busy = false;
                names->worked_ns = clock_boottime_ns();
                names->answers[(names->first_answer + names->n_answers++) % NAMES_ANSWERS] = answer;
        }
        pthread_mutex_unlock(&names->lock);
        return NULL;
}

/* Signals are the business of the thread that runs the recorder. */
static int start_thread(struct names *names)
{
        sigset_t all, before;
        int r;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        r = pthread_create(&names->thread, NULL, run, names);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return -r;
}

int names_new(struct names **ret)
{
        struct names *names = xcalloc(1, sizeof *names);
        pthread_condattr_t attributes;
        int r;

        pthread_mutex_init(&names->lock, NULL);
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(&names->work, &attributes);
        pthread_condattr_destroy(&attributes);
        names->answers = xcalloc(NAMES_ANSWERS, sizeof *names->answers);
        names->lines = dwarf_process_new();
        runtime_is("", NULL); /* reads its rules now, while there is one thread */
        r = start_thread(names);
        if (r < 0) {
                names_free(names);
                return r;
        }
        names->started = true;
        *ret = names;
        return 0;
}

void names_free(struct names *names)
{
        if (!names)
                return;
        if (names->started) {
                pthread_mutex_lock(&names->lock);
                names->ending = true;
                pthread_cond_signal(&names->work);
                pthread_mutex_unlock(&names->lock);
                pthread_join(names->thread, NULL);
        }
        for (size_t i = 0; i < names->n_answers; i++)
                free_answer(&names->answers[(names->first_answer + i) % NAMES_ANSWERS]);
        for (size_t i = 0; i < names->modules.n; i++) {
                naming_close(names->modules.v[i].naming);
                free(names->modules.v[i].path);
        }
        dwarf_process_free(names->lines);
        free(names->modules.v);
        free(names->answers);
        pthread_cond_destroy(&names->work);
        pthread_mutex_destroy(&names->lock);
        free(names);
}

/* The module of KEY, or NULL. Only the caller's thread changes modules, so it may look at them without the lock. */
static struct named_module *find_module(const struct names *names, uint32_t key)
{
        for (size_t i = 0; i < names->modules.n; i++)
                if (names->modules.v[i].key == key)
                        return &names->modules.v[i];
        return NULL;
}

uint32_t names_module(struct names *names, const struct image *image, const char *path, uint32_t key)
{
        struct named_module *known = find_module(names, key);
        struct naming *naming = NULL;
        uint32_t number;

        if (image && (!known || !known->naming) && naming_open(image, names->lines, &naming) < 0)
                naming = NULL;
        pthread_mutex_lock(&names->lock);
        if (!known) {
                rows_add(&names->modules, (struct named_module){ .path = xstrdup(path), .key = key });
                known = &names->modules.v[names->modules.n - 1];
        }
        if (naming)
                known->naming = naming;
        number = (uint32_t)(known - names->modules.v);
        pthread_mutex_unlock(&names->lock);
        return number;
}

bool names_ask(struct names *names, uint32_t module, uint64_t addr, bool exact, uint32_t frame, bool urgent)
{
        struct queue *queue = urgent ? &names->urgent : &names->others;
        bool room;

        pthread_mutex_lock(&names->lock);
        room = queue->n < NAMES_QUEUE;
        if (room) {
                queue->v[(queue->first + queue->n++) % NAMES_QUEUE] = (struct question){ addr, module, frame, exact };
                pthread_cond_signal(&names->work);
        }
        pthread_mutex_unlock(&names->lock);
        return room;
}

size_t names_collect(struct names *names, struct names_answer *ret, size_t max)
{
        size_t n = 0;

        pthread_mutex_lock(&names->lock);
        if (names->n_answers == NAMES_ANSWERS)
                pthread_cond_signal(&names->work);
        for (; n < max && names->n_answers > 0; n++, names->n_answers--) {
                ret[n] = names->answers[names->first_answer];
                names->first_answer = (names->first_answer + 1) % NAMES_ANSWERS;
        }
        pthread_mutex_unlock(&names->lock);
        return n;
}

bool names_idle(struct names *names)
{
        bool idle;

        pthread_mutex_lock(&names->lock);
        idle = !names->busy && names->urgent.n == 0 && names->others.n == 0 && names->n_answers == 0;
        pthread_mutex_unlock(&names->lock);
        return idle;
}

void names_cost(const struct names *names, uint64_t *ret_cpu_ns, uint64_t *ret_rss_bytes)
{
        dwarf_process_cost(names->lines, ret_cpu_ns, ret_rss_bytes);
}
