#include "app/followed.h"

#include "base/clock.h"
#include "inject/inject.h"
#include "target/proc.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { MOST = 256, FILES = 1024 };

struct followed {
        char words[FOLLOWED_WORDS];
        uint64_t since_ns;
        uint32_t n_files;     /* ever; of more than FILES the newest are kept */
        uint64_t files[FILES];
        struct {
                int32_t pid;  /* 0 = free; written last */
                uint64_t start_time;
        } v[MOST];
};

struct followed *followed_new(void)
{
        struct followed *followed;

        followed = mmap(NULL, sizeof *followed, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (followed == MAP_FAILED)
                return NULL;
        followed->since_ns = clock_boottime_ns() - NS_PER_S;
        return followed;
}

void followed_free(struct followed *followed)
{
        if (followed)
                munmap(followed, sizeof *followed);
}

void followed_say(struct followed *followed, const char *words)
{
        if (followed)
                snprintf(followed->words, sizeof followed->words, "%s", words);
}

/* It may change while it is read, and is whole again when it is read next. */
void followed_hear(const struct followed *followed, char ret[FOLLOWED_WORDS])
{
        ret[0] = '\0';
        if (followed)
                memcpy(ret, followed->words, FOLLOWED_WORDS);
        ret[FOLLOWED_WORDS - 1] = '\0';
}

static void note_file(struct followed *followed, pid_t pid)
{
        uint64_t file;

        if (heirs_look(pid, &file) == HEIRS_NOTHING)
                return;
        for (uint32_t i = 0; i < followed->n_files && i < FILES; i++) {
                if (followed->files[i] == file)
                        return;
        }
        followed->files[followed->n_files % FILES] = file;
        followed->n_files++;
}

static void begin(struct followed *followed, pid_t pid, uint64_t start_time)
{
        for (size_t i = 0; i < MOST; i++) {
                if (followed->v[i].pid == pid)
                        return;
        }
        for (size_t i = 0; i < MOST; i++) {
                if (followed->v[i].pid != 0)
                        continue;
                followed->v[i].start_time = start_time;
                __atomic_store_n(&followed->v[i].pid, pid, __ATOMIC_RELEASE);
                return;
        }
}

void followed_note(void *arg, pid_t pid, uint64_t start_time, bool ends)
{
        struct followed *followed = arg;

        if (!followed)
                return;
        if (!ends) {
                begin(followed, pid, start_time);
                return;
        }
        for (size_t i = 0; i < MOST; i++) {
                if (followed->v[i].pid == pid)
                        followed->v[i].pid = 0;
        }
}

void followed_look(struct followed *followed, pid_t target)
{
        if (!followed)
                return;
        note_file(followed, target);
        for (size_t i = 0; i < MOST; i++) {
                if (followed->v[i].pid && proc_is_same(followed->v[i].pid, followed->v[i].start_time))
                        note_file(followed, followed->v[i].pid);
        }
}

void followed_repair(struct followed *followed, struct followed_repaired *ret)
{
        struct heirs_cleaned cleaned;
        size_t n_files;

        *ret = (struct followed_repaired){ 0 };
        if (!followed)
                return;
        for (size_t i = 0; i < MOST; i++) {
                pid_t pid = followed->v[i].pid;
                int r;

                if (!pid || !proc_is_same(pid, followed->v[i].start_time) || !inject_is_hooked(pid))
                        continue;
                r = inject_repair(pid, NULL);
                ret->n += r > 0;
                ret->n_left += r < 0 && proc_is_same(pid, followed->v[i].start_time);
        }
        n_files = followed->n_files < FILES ? followed->n_files : FILES;
        heirs_clean(followed->files, n_files, followed->since_ns, &cleaned);
        ret->n += cleaned.n;
        ret->n_left += cleaned.n_left;
}
