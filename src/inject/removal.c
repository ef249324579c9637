/* The jumps go first, at once: from then on no thread enters. Then the root becomes 0, so that whoever is inside passes
 * through. Memory is given back only when no thread's program counter or signal frame points into it and no stack holds a
 * frame of the probe; until then the target runs, and we look again after 2 ms, then less and less often. */
#include "inject/removal.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "inject/frames.h"
#include "inject/moving.h"
#include "inject/remote.h"
#include "inject/stacks.h"
#include "inject/sys.h"
#include "inject/worker.h"
#include "target/proc.h"
#include "target/unwind.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
        RETRY_NS = 2000000,
        RETRY_MAX_NS = 64000000,
        GIVE_UP_MS = 10000, /* with hooks still in: a busy machine needs that */
        PATIENCE_MS = 5000, /* once the jumps are gone: then nobody is harmed by waiting */
        FDS_MAX = 8,
        PAGE = 4096,
};

struct job {
        pid_t pid;
        uint64_t start_time, expect_shared;
        struct process process;
        struct undo undo;
        uint64_t gadget, restorers[PROCESS_RESTORERS]; /* of the first attempt */
        size_t n_restorers;
        int fds[FDS_MAX];    /* descriptors of the memfd that an attach cut short left open */
        size_t n_fds;
        bool restored;       /* the jumps are gone */
        bool nothing;        /* nothing of heaptop was there */
        bool busy;           /* a thread is inside */
        bool suspect;        /* a word on its stack says that it might be */
        bool diverted;       /* another tool patched over our jump, and may have kept a copy of it */
        bool frozen;         /* by its cgroup, when last looked: then no call can be borrowed */
        struct unwinder *unwinder; /* for a forked child, once made */
        struct removal *ret;
        struct err *err;
};

/* True when descriptor FD of the process is the memory file of an attach to it. A heaptop has those of other processes open,
 * for a moment; what is in the file (nothing yet, perhaps) tells. */
static bool is_leftover(const struct process *process, int fd)
{
        char path[64], link[64];
        uint32_t pid = 0;
        uint64_t start_time = 0;
        ssize_t n;
        int file, r;

        snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)process->view, fd);
        n = readlink(path, link, sizeof link - 1);
        if (n <= 0)
                return false;
        link[n] = '\0';
        if (strcmp(link, "/memfd:" WIRE_MEMFD_NAME " (deleted)") != 0)
                return false;
        file = sys_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
        if (file < 0)
                return false;
        r = sys_read(file, offsetof(struct wire_shared, pid), &pid, sizeof pid);
        if (r == 0)
                r = sys_read(file, offsetof(struct wire_shared, start_time), &start_time, sizeof start_time);
        close(file);
        return (r == 0 || r == -EFAULT) && (pid == 0 || pid == (uint32_t)process->ns_pid) &&
               (start_time == 0 || start_time == process->start_time);
}

static void find_fds(struct job *job)
{
        char path[64];
        struct dirent *entry;
        DIR *dir;

        snprintf(path, sizeof path, "/proc/%d/fd", (int)job->process.view);
        dir = opendir(path);
        while (dir && (entry = readdir(dir)) && job->n_fds < FDS_MAX) {
                int fd = atoi(entry->d_name);

                if (entry->d_name[0] != '.' && is_leftover(&job->process, fd))
                        job->fds[job->n_fds++] = fd;
        }
        if (dir)
                closedir(dir);
}

/* Which of the mappings belong to the injection that is to be removed. */
static int look(struct job *job)
{
        bool expected = job->expect_shared == 0;

        if (!undo_read(&job->process, &job->undo) && job->n_fds == 0) {
                job->nothing = true;
                return 0;
        }
        for (size_t i = 0; i < job->undo.remains.n_shared; i++)
                expected |= job->undo.remains.shared[i].addr == job->expect_shared;
        if (!expected)
                return -ESRCH;
        return 0;
}

/* What tools like ours begin with: jmp, short or near or through memory, call, int3, push imm32, mov imm64 to a register. */
static bool is_diversion(const uint8_t *bytes)
{
        return bytes[0] == 0xe9 || bytes[0] == 0xeb || bytes[0] == 0xe8 || bytes[0] == 0xcc || bytes[0] == 0x68 ||
               (bytes[0] == 0xff && bytes[1] == 0x25) || ((bytes[0] & 0xfe) == 0x48 && (bytes[1] & 0xf8) == 0xb8);
}

static void restore_bytes(struct job *job)
{
        struct process *process = &job->process;
        uint64_t zero = 0;

        job->ret->n_foreign = 0;
        job->diverted = false;
        /* The newest first: a library that was unloaded and loaded again at the same place was hooked twice. */
        for (uint32_t i = job->undo.n_hooks; i-- > 0;) {
                const struct wire_hook_record *hook = &job->undo.hooks[i];
                uint8_t bytes[WIRE_PATCH_MAX];

                if (process_read(process, hook->entry, bytes, hook->length) < 0)
                        continue; /* the module was unloaded */
                if (memcmp(bytes, hook->patch, hook->length) != 0) {
                        if (memcmp(bytes, hook->saved, hook->length) != 0) {
                                job->ret->n_foreign++;
                                job->diverted |= is_diversion(bytes);
                        }
                        continue;
                }
                if (process_write(process, hook->entry, hook->saved, hook->length) == 0)
                        job->ret->n_hooks++;
        }
        if (job->undo.remains.root != 0)
                process_write(process, job->undo.remains.root, &zero, sizeof zero);
}

/* True when a jump of ours is still in place: then nothing may be unmapped. */
static bool jump_remains(struct job *job)
{
        for (uint32_t i = 0; i < job->undo.n_hooks; i++) {
                const struct wire_hook_record *hook = &job->undo.hooks[i];
                uint8_t bytes[WIRE_PATCH_MAX];

                if (process_read(&job->process, hook->entry, bytes, hook->length) == 0 &&
                    !memcmp(bytes, hook->patch, hook->length))
                        return true;
        }
        return false;
}

static void move_frame_back(void *ctx, struct thread *thread, uint64_t addr, uint64_t word, bool saved_pc)
{
        struct job *job = ctx;

        (void)thread;
        for (uint32_t i = 0; saved_pc && i < job->undo.n_hooks; i++) {
                const struct wire_hook_record *hook = &job->undo.hooks[i];

                for (uint32_t k = 0; k < hook->n_steps; k++)
                        if (word == hook->original + hook->to[k]) {
                                uint64_t to = hook->entry + hook->from[k];

                                if (process_write(&job->process, addr, &to, sizeof to) == 0)
                                        return;
                        }
        }
        if (!remains_in_code(&job->undo.remains, word))
                return;
        job->busy |= saved_pc;
        job->suspect |= !saved_pc;
}

static bool overflow_was_used(const struct job *job, uint64_t shared)
{
        struct wire_slot slot;
        const uint8_t *bytes = (const uint8_t *)&slot;

        if (process_read(&job->process, shared + offsetof(struct wire_shared, overflow), &slot, sizeof slot) < 0)
                return true;
        for (size_t i = 0; i < sizeof slot; i++)
                if (bytes[i] != 0)
                        return true;
        return false;
}

/* A word on its stack points into our code. It may be stale: event loops keep large buffers on the stack that they never
 * clear. The probe calls out of its code only while the thread's slot is marked (the lowest bit of its key) or counts the call
 * (`inside`), so a thread that has a slot without either has no frame of ours. Nor has one without a slot, unless some thread had to share the
 * overflow slot: then we believe the word. A forked child has no slots; there the frames tell. */
static bool is_inside(struct job *job, const struct thread *thread)
{
        uint64_t tp = regs_thread_pointer(&thread->regs);
        const struct remains *remains = &job->undo.remains;
        bool known = remains->n_shared > 0 && job->undo.version == WIRE_VERSION; /* else the slots are somewhere else */
        bool has_slot = false;

        if (!known)
                return !frames_are_clear(&job->process, job->unwinder, thread, remains);
        for (size_t i = 0; i < remains->n_shared; i++) {
                uint64_t slots = remains->shared[i].addr + offsetof(struct wire_shared, slots);

                for (uint64_t k = 0; k < WIRE_SLOTS; k++) {
                        struct wire_slot slot;

                        if (process_read(&job->process, slots + k * sizeof slot, &slot, offsetof(struct wire_slot, classes)) < 0)
                                return true;
                        /* A thread that has lost its slot (live/slots.c) may be the one inside. */
                        if (slot.key == (tp | 1) || slot.key == 1 ||
                            (slot.inside != 0 && (slot.key == tp || slot.key == 0)))
                                return true;
                        has_slot |= tp != 0 && slot.key == tp;
                }
                known &= !overflow_was_used(job, remains->shared[i].addr);
        }
        return !has_slot && !known;
}

_Static_assert(offsetof(struct wire_shared, slots) == offsetof(struct wire_shared, overflow) + sizeof(struct wire_slot),
               "the overflow slot stands in front of all others");

/* A function of a pool may set its caller aside (a coroutine that waits): then no thread's stack shows that it will return to us. */
static bool pool_is_inside(const struct job *job)
{
        const struct remains *remains = &job->undo.remains;
        bool pools = false;

        for (uint32_t i = 0; i < job->undo.n_hooks; i++)
                pools |= job->undo.hooks[i].kind >= WIRE_POOL_GET && job->undo.hooks[i].kind <= WIRE_POOL_PUT_SECOND;
        for (size_t i = 0; pools && job->undo.version == WIRE_VERSION && i < remains->n_shared; i++) {
                uint64_t first = remains->shared[i].addr + offsetof(struct wire_shared, overflow), inside;

                for (uint64_t k = 0; k <= WIRE_SLOTS; k++)
                        if (process_read(&job->process, first + k * sizeof(struct wire_slot) + offsetof(struct wire_slot, inside),
                                         &inside, sizeof inside) < 0 || inside != 0)
                                return true;
        }
        return false;
}

static void code_range(const struct remains *remains, uint64_t *low, uint64_t *high)
{
        *low = UINT64_MAX;
        *high = 0;
        for (size_t i = 0; i < remains->n_areas; i++) {
                uint64_t end = remains->areas[i].addr + remains->areas[i].length;

                if (remains->areas[i].addr < *low)
                        *low = remains->areas[i].addr;
                if (end > *high)
                        *high = end;
        }
}

/* Leads threads out of the copies and finds out whether one is still inside. */
static void check_threads(struct job *job)
{
        struct stop *stop = &job->process.stop;
        uint64_t low, high;

        job->busy = pool_is_inside(job);
        for (uint32_t i = 0; i < job->undo.n_hooks; i++)
                moving_back(&job->process, &job->undo.hooks[i]);
        code_range(&job->undo.remains, &low, &high);
        for (size_t i = 0; i < stop->n && low < high; i++) {
                struct thread *thread = &stop->v[i];

                if (thread->state != THREAD_STOPPED)
                        continue;
                job->busy |= remains_in_code(&job->undo.remains, regs_pc(&thread->regs));
                job->suspect = false;
                stacks_visit(&job->process, thread, low, high, move_frame_back, job);
                if (job->suspect && !job->busy)
                        job->busy = is_inside(job, thread);
        }
}

static int unmap(struct remote *remote, const struct wire_area *areas, size_t n)
{
        int r = 0;

        for (size_t i = n; i-- > 0;) { /* the main code area is the first: what tells most goes last */
                int64_t result = 0;
                int r2 = remote_call(remote, SYS_munmap, (const uint64_t[6]){ areas[i].addr, areas[i].length }, &result);

                if (r2 < 0)
                        return r2;
                if (result < 0)
                        r = (int)result;
        }
        return r;
}

static int unmap_all(struct job *job)
{
        struct remote remote;
        int r, r2;

        r = remote_begin(&remote, &job->process, job->err);
        if (r < 0) {
                job->gadget = 0; /* look for them again */
                return r;
        }
        r = unmap(&remote, job->undo.remains.shared, job->undo.remains.n_shared);
        if (r == 0)
                r = unmap(&remote, job->undo.remains.areas, job->undo.remains.n_areas);
        for (size_t i = 0; i < job->n_fds && r == 0; i++) {
                int64_t result;

                if (!is_leftover(&job->process, job->fds[i]))
                        continue; /* closed, and perhaps used again, since we looked */
                r = remote_call(&remote, SYS_close, (const uint64_t[6]){ (uint64_t)job->fds[i] }, &result);
        }
        r2 = remote_end(&remote);
        return r < 0 ? r : r2;
}

/* With the target stopped. 0 when all is gone. */
static int remove_stopped(struct job *job)
{
        int r;

        /* It may have called exec() since we looked. */
        r = process_look(&job->process, job->err);
        if (r == 0)
                r = look(job);
        if (r < 0 || job->nothing)
                return r;
        restore_bytes(job);
        if (job->undo.broken)
                return err_set_id(job->err, ERROR_NOT_RESTORED, EIO,
                                  "process %d carries hooks that this version of heaptop does not understand; take "
                                  "them out with the heaptop that put them in", (int)job->pid);
        if (jump_remains(job))
                return err_set_id(job->err, ERROR_NOT_RESTORED, EIO,
                                  "cannot write the original code back into process %d", (int)job->pid);
        job->restored = true;
        if (job->diverted) {
                log_warn("inject: another tool has changed hooked functions of %d, and may still jump to our code: it "
                         "stays, passive", (int)job->pid);
                job->ret->code_left = true;
                return 0;
        }
        check_threads(job);
        if (job->busy || job->frozen)
                return -EAGAIN;
        return unmap_all(job);
}

static void note_stop(struct job *job, size_t n_threads)
{
        job->ret->n_threads = (uint32_t)n_threads;
        if (job->process.stop.took_ns > job->ret->stop_ns)
                job->ret->stop_ns = job->process.stop.took_ns;
}

/* Looked for once: it reads a lot, and attempts follow each other quickly. After an exec() in between they are wrong, but
 * then there is nothing to unmap either. */
static int find_gadgets(struct job *job)
{
        int r = 0;

        if (job->gadget == 0)
                r = process_find_gadgets(&job->process, job->err);
        else {
                job->process.gadget = job->gadget;
                job->process.n_restorers = job->n_restorers;
                memcpy(job->process.restorers, job->restorers, sizeof job->restorers);
        }
        job->gadget = job->process.gadget;
        job->n_restorers = job->process.n_restorers;
        memcpy(job->restorers, job->process.restorers, sizeof job->restorers);
        return r;
}

/* One attempt, in a worker. */
static int attempt(void *arg)
{
        struct job *job = arg;
        size_t n_threads;
        int r;

        job->n_fds = 0;
        job->nothing = false;
        r = process_open(&job->process, job->pid, job->err);
        if (r == 0 && job->start_time != 0 && job->process.start_time != job->start_time)
                r = -ESRCH;
        if (r == 0) {
                find_fds(job);
                r = look(job);
        }
        if (r == 0 && !job->nothing)
                r = find_gadgets(job);
        if (r == 0 && !job->nothing && (job->undo.remains.n_shared == 0 || job->undo.version != WIRE_VERSION))
                frames_prepare(&job->process, &job->unwinder);
        if (r == 0 && !job->nothing) {
                job->frozen = process_check_frozen(job->pid, "", NULL) < 0; /* takes longer than all that follows */
                r = process_stop(&job->process, job->err);
                if (r == 0) {
                        n_threads = job->process.stop.n_stopped;
                        r = remove_stopped(job);
                        stop_resume(&job->process.stop);
                        note_stop(job, n_threads);
                }
        }
        process_done(&job->process);
        return r;
}

int removal_run(pid_t pid, uint64_t start_time, uint64_t expect_shared, struct removal *ret, struct err *err)
{
        struct job *job = xcalloc(1, sizeof *job);
        uint64_t start = clock_boottime_ns();
        long pause_ns = RETRY_NS;
        int r;

        *ret = (struct removal){ 0 };
        job->pid = pid;
        job->start_time = start_time;
        job->expect_shared = expect_shared;
        job->ret = ret;
        job->err = err;
        for (;;) {
                r = worker_run(attempt, job);
                if (r != -EAGAIN || process_check_frozen(pid, "", NULL) < 0 ||
                    clock_boottime_ns() - start > (job->restored ? PATIENCE_MS : GIVE_UP_MS) * NS_PER_MS)
                        break;
                if (err) /* what stood in this attempt's way is no news when the next succeeds */
                        *err = (struct err){ 0 };
                nanosleep(&(struct timespec){ .tv_nsec = pause_ns }, NULL);
                /* A thread that is inside of a system call must be given a processor to come out; that can take a while. */
                if (job->restored && pause_ns < RETRY_MAX_NS)
                        pause_ns *= 2;
        }
        if (r < 0 && start_time != 0 && process_ends(pid, start_time)) { /* whatever failed first because of that */
                r = -ESRCH;
                if (err)
                        *err = (struct err){ 0 };
        }
        if (r == 0 && job->nothing && expect_shared != 0 && !job->restored)
                r = -ESRCH;
        if ((r == -EAGAIN || r == -ETIMEDOUT || r == -EOPNOTSUPP) && job->restored) {
                if (err && r != -EOPNOTSUPP) /* passive code is no failure */
                        *err = (struct err){ 0 };
                process_check_frozen(pid, "take the last of the code out of", err);
                ret->code_left = true;
                r = 0;
        }
        if (r == -EAGAIN || r == -ETIMEDOUT)
                process_check_frozen(pid, "take the probe out of", err);
        if (r < 0)
                err_set(err, -r, r == -ESRCH ? "process %d is gone" : "cannot take the probe out of process %d: its "
                        "threads do not stop", (int)pid);
        unwinder_free(job->unwinder);
        free(job);
        return r;
}
