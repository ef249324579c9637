#include "unit.h"

#include "base/alloc.h"
#include "base/io.h"
#include "session.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[64];

int session_make_folder(void **state)
{
        snprintf(folder, sizeof folder, "/tmp/test_session.XXXXXX");
        return mkdtemp(folder) ? 0 : -1;
}

int session_remove_folder(void **state)
{
        char command[128];

        snprintf(command, sizeof command, "rm -rf '%s'", folder);
        return system(command) == 0 ? 0 : -1;
}

const char *session_path(const char *name)
{
        static const char *const suffixes[] = { "-wal", "-shm", "-live", "-journal", "" };
        static char paths[4][256];
        static unsigned next;
        char *path = paths[next++ % 4];
        char other[300];

        snprintf(path, sizeof paths[0], "%s/%s", folder, name);
        for (size_t i = 0; i < array_len(suffixes); i++) {
                snprintf(other, sizeof other, "%s%s", path, suffixes[i]);
                unlink(other);
        }
        return path;
}

void session_write_ticks(struct store *store, const struct sample *sample, uint32_t from, uint32_t to)
{
        struct err err = { 0 };

        for (uint32_t i = from; i < to; i++)
                if (store_write_tick(store, &sample->ticks[i], &err) < 0)
                        fail_msg("tick %u: %s", (unsigned)i, err.text);
}

struct store *session_create(const char *path, const struct sample *sample)
{
        struct store *store = NULL;
        struct err err = { 0 };

        if (store_create(path, (uid_t)-1, &store, &err) < 0)
                fail_msg("%s", err.text);
        assert_int_equal(store_write_session(store, &sample->session, &err), 0);
        return store;
}

void session_write(const char *path, const struct sample *sample)
{
        struct store *store = session_create(path, sample);
        struct err err = { 0 };

        session_write_ticks(store, sample, 0, sample->n_ticks);
        assert_int_equal(store_finish(store, sample->processes[sample->n_ticks - 1].time_ns, "detached", &err), 0);
        store_close(store);
}

struct store *session_open(const char *path)
{
        struct err err = { 0 };
        struct store *store = NULL;

        if (store_open(path, &store, &err) < 0)
                fail_msg("%s", err.text);
        return store;
}

#define COUNT(type)                                                \
        static int count_##type(void *ctx, const struct rec_##type *row) \
        {                                                          \
                (*(size_t *)ctx)++;                                \
                return 0;                                          \
        }
COUNT(process)
COUNT(stack_tick)
COUNT(site_state)
COUNT(module)
COUNT(frame)
COUNT(stack)
COUNT(site)
COUNT(block)
COUNT(class_tick)
COUNT(memory)
COUNT(before_class)
COUNT(class_mean)
COUNT(source_file)
COUNT(module_file)
COUNT(naming)
COUNT(thread)
COUNT(event)
COUNT(gap)
COUNT(mark)

size_t session_read_everything(const struct history *h)
{
        struct rec_session session;
        uint32_t last = 0;
        size_t n = 0;

        (void)h->session(h->arg, &session);
        (void)h->last_tick(h->arg, &last);
        (void)h->processes(h->arg, 0, last, 0, count_process, &n);
        (void)h->processes(h->arg, 0, last, 7, count_process, &n);
        (void)h->changes_at(h->arg, last, count_stack_tick, &n);
        (void)h->changes_at(h->arg, last / 2, count_stack_tick, &n);
        (void)h->changes_between(h->arg, 0, last, count_stack_tick, &n);
        (void)h->changes_of(h->arg, 3, last, count_stack_tick, &n);
        (void)h->states_at(h->arg, last, count_site_state, &n);
        (void)h->states_between(h->arg, 0, last, count_site_state, &n);
        (void)h->modules(h->arg, 0, count_module, &n);
        (void)h->frames(h->arg, 0, 0, count_frame, &n);
        (void)h->frames(h->arg, 5, 0, count_frame, &n);
        (void)h->stacks(h->arg, 0, 0, count_stack, &n);
        (void)h->stacks(h->arg, 5, 0, count_stack, &n);
        (void)h->sites(h->arg, 0, count_site, &n);
        for (uint32_t stack = 2; stack < 8; stack++)
                (void)h->blocks(h->arg, stack, last, count_block, &n);
        (void)h->classes_at(h->arg, last, count_class_tick, &n);
        if (h->memory_at)
                (void)h->memory_at(h->arg, last, count_memory, &n);
        if (h->before_at)
                (void)h->before_at(h->arg, last, count_before_class, &n);
        if (h->means_at)
                (void)h->means_at(h->arg, last, count_class_mean, &n);
        if (h->source_file)
                (void)h->source_file(h->arg, 1, "/src/store.cc", count_source_file, &n);
        if (h->module_file)
                (void)h->module_file(h->arg, 2, count_module_file, &n);
        if (h->naming_at)
                (void)h->naming_at(h->arg, last, count_naming, &n);
        for (uint32_t stack = 2; stack < 8; stack++) {
                (void)h->deaths(h->arg, stack, last, count_block, &n);
                (void)h->change_at(h->arg, stack, last / 2, count_stack_tick, &n);
        }
        (void)h->births(h->arg, 0, count_block, &n);
        (void)h->blocks_between(h->arg, 1, last / 2, last, count_block, &n);
        (void)h->changes_across(h->arg, last / 2, last, count_stack_tick, &n);
        if (h->threads)
                (void)h->threads(h->arg, 0, last, count_thread, &n);
        (void)h->events(h->arg, last, count_event, &n);
        (void)h->gaps(h->arg, last, count_gap, &n);
        (void)h->marks(h->arg, last, count_mark, &n);
        return n;
}

unsigned char *session_bytes(const char *path, size_t *ret_len)
{
        char *bytes = NULL;

        assert_int_equal(io_read_file(path, 64 << 20, &bytes, ret_len), 0);
        return (unsigned char *)bytes;
}

void session_put_bytes(const char *path, const void *bytes, size_t len)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(io_write_all(fd, bytes, len), 0);
        close(fd);
}
