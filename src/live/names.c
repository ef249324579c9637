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
        uint32_t sites;
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
        struct fetching *fetching; /* the thread's own; NULL: nothing is fetched */
        struct names_progress progress;
        char *note;
        bool again; /* frames are being named again */
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

static void copy_one(const struct naming_frame *from, const char *module, struct stacks_name *ret)
{
        *ret = (struct stacks_name){ from->func ? xstrdup(from->func) : NULL, from->file ? xstrdup(from->file) : NULL,
                                   from->line, from->nearest, runtime_is(module, from->func), from->source };
}

static void answer_question(const struct named_module *module, const struct question *question,
                            struct names_answer *ret)
{
        struct naming_frame found[NAMES_INLINED_MAX];
        size_t n = 0;

        *ret = (struct names_answer){ .frame = question->frame };
        if (module->naming)
                n = naming_lookup(module->naming, question->addr, question->exact, found, NAMES_INLINED_MAX);
        ret->runtime = n > 0 || runtime_is(module->path, NULL);
        ret->engine = runtime_is_engine(module->path, n ? found[n - 1].func : NULL);
        for (size_t i = n; i-- > 0;) { /* naming tells the innermost first */
                copy_one(&found[i], module->path, &ret->names[ret->n]);
                ret->runtime &= ret->names[ret->n++].runtime;
        }
        ret->engine = ret->engine && !ret->runtime;
}

static void free_answer(struct names_answer *answer)
{
        for (size_t i = 0; i < answer->n; i++) {
                free(answer->names[i].func);
                free(answer->names[i].file);
        }
}

/* What the other thread may see of fetching. The lock is held. */
static void publish(struct names *names)
{
        fetching_look(names->fetching, &names->progress.fetching);
        if (!names->note)
                names->note = fetching_take_note(names->fetching);
}

/* Fetching is looked after when its time has come. The lock is held, but not while that goes on. */
static void look_after_fetching(struct names *names)
{
        uint64_t now_ns = clock_boottime_ns();
        bool quiet = names->urgent.n + names->others.n == 0;

        if (!names->fetching || now_ns < fetching_due_ns(names->fetching))
                return;
        for (uint32_t i = 0; i < names->modules.n; i++)
                fetching_weigh(names->fetching, i, names->modules.v[i].sites);
        pthread_mutex_unlock(&names->lock);
        fetching_step(names->fetching, now_ns, quiet);
        pthread_mutex_lock(&names->lock);
        publish(names);
}

/* Until when there is nothing to do but for questions; 0 = for ever. The lock is held. */
static uint64_t next_look_ns(const struct names *names)
{
        uint64_t due_ns = names->fetching ? fetching_due_ns(names->fetching) : UINT64_MAX;
        uint64_t rest_ns = dwarf_process_pid(names->lines) ? clock_boottime_ns() + LOOK_S * NS_PER_S : UINT64_MAX;

        return due_ns < rest_ns ? due_ns : rest_ns;
}

/* Waits for work. When none comes for long the child that reads debug information is ended: it holds what it has read.
 * The lock is held. */
static void wait_for_work(struct names *names)
{
        uint64_t now_ns = clock_boottime_ns(), look_ns = next_look_ns(names), idle_ns;
        struct timespec until;

        if (look_ns == UINT64_MAX) {
                pthread_cond_wait(&names->work, &names->lock);
                return;
        }
        look_ns = look_ns > now_ns ? look_ns - now_ns : 1;
        clock_gettime(CLOCK_MONOTONIC, &until);
        look_ns += (uint64_t)until.tv_nsec;
        until.tv_sec += (time_t)(look_ns / NS_PER_S);
        until.tv_nsec = (long)(look_ns % NS_PER_S);
        if (pthread_cond_timedwait(&names->work, &names->lock, &until) != ETIMEDOUT)
                return;
        idle_ns = clock_boottime_ns() - names->worked_ns;
        pthread_mutex_unlock(&names->lock);
        dwarf_process_rest(names->lines, idle_ns);
        pthread_mutex_lock(&names->lock);
}

/* The next question: what decides a site first, what has been answered before last. The lock is held. */
static bool next_question(struct names *names, struct question *ret)
{
        struct fetching_frame frame;

        names->again = false;
        if (take_question(&names->urgent, ret) || take_question(&names->others, ret))
                return true;
        if (!names->fetching || !fetching_again(names->fetching, &frame))
                return false;
        names->again = true;
        *ret = (struct question){ frame.addr, frame.module, frame.frame, frame.exact };
        return true;
}

/* Answered without lines, a frame may be asked about again later. */
static void remember(struct names *names, const struct named_module *module, const struct question *question,
                     const struct names_answer *answer)
{
        const struct fetching_frame frame = { question->addr, question->module, question->frame, question->exact };

        if (names->fetching && module->naming && answer->n == 1 && !answer->names[0].file)
                fetching_missed(names->fetching, module->naming, module->path, &frame);
}

static void *run(void *arg)
{
        struct names *names = arg;

        pthread_mutex_lock(&names->lock);
        while (!names->ending) {
                struct names_answer answer;
                struct named_module module;
                struct question question;

                look_after_fetching(names);
                if (names->ending)
                        break;
                if (names->n_answers == NAMES_ANSWERS || !next_question(names, &question)) {
                        wait_for_work(names);
                        continue;
                }
                module = names->modules.v[question.module];
                names->busy = true;
                pthread_mutex_unlock(&names->lock);
                answer_question(&module, &question, &answer);
                remember(names, &module, &question, &answer);
                pthread_mutex_lock(&names->lock);
                names->busy = false;
                names->progress.named += !names->again;
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
        fetching_free(names->fetching);
        free(names->note);
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
                names->progress.asked++;
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
        idle = !names->busy && names->urgent.n == 0 && names->others.n == 0 && names->n_answers == 0 && !names->again;
        pthread_mutex_unlock(&names->lock);
        return idle;
}

void names_fetch(struct names *names, const struct debuginfod_options *options)
{
        pthread_mutex_lock(&names->lock);
        names->fetching = fetching_new(options);
        pthread_mutex_unlock(&names->lock);
}

void names_site(struct names *names, uint32_t key)
{
        struct named_module *module = find_module(names, key);

        if (!module)
                return;
        pthread_mutex_lock(&names->lock);
        module->sites++;
        pthread_mutex_unlock(&names->lock);
}

void names_progress(struct names *names, struct names_progress *ret)
{
        pthread_mutex_lock(&names->lock);
        *ret = names->progress;
        pthread_mutex_unlock(&names->lock);
}

char *names_take_note(struct names *names)
{
        char *note;

        pthread_mutex_lock(&names->lock);
        note = names->note;
        names->note = NULL;
        pthread_mutex_unlock(&names->lock);
        return note;
}

void names_cost(const struct names *names, uint64_t *ret_cpu_ns, uint64_t *ret_rss_bytes)
{
        dwarf_process_cost(names->lines, ret_cpu_ns, ret_rss_bytes);
}
