#include "target/jitreader.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "target/jitdump.h"
#include "target/jitfile.h"
#include "target/perfmap.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OF_DUMP = 1 << 30 }; /* ids of names are below: there are no more than JITCODE_NAMES_MAX bytes of them */

/* One file and what it said. */
struct log {
        struct jitfile file;
        struct jitcode *code;
        char path[PATH_MAX];
        uint64_t read_ns;    /* when its end was seen last; 0 = never: what comes first may be as old as the process */
        uint64_t skip;       /* bytes of it that need not be read and were not there yet */
        bool behind, refused;
        bool full;           /* something did not fit, which has been said */
        int told;            /* the error that was told last */
};

struct jitreader {
        pid_t pid;
        struct jitfile_owner owner;
        bool owned;          /* the owner is known */
        struct log map, dump;
        struct perfmap lines;
        struct jitdump records;
        char *news[4], *given;
        size_t n_news;
        uint8_t *buffer;     /* [JITREADER_BYTES] */
};

struct jitreader *jitreader_new(pid_t pid)
{
        struct jitreader *reader = xcalloc(1, sizeof *reader);

        reader->map.file = reader->dump.file = JITFILE_NONE;
        reader->pid = pid;
        reader->owned = jitfile_owner(pid, &reader->owner) == 0;
        snprintf(reader->map.path, sizeof reader->map.path, "/tmp/perf-%d.map", (int)reader->owner.ns_pid);
        return reader;
}

void jitreader_free(struct jitreader *reader)
{
        if (!reader)
                return;
        jitfile_close(&reader->map.file);
        jitfile_close(&reader->dump.file);
        jitcode_free(reader->map.code);
        jitcode_free(reader->dump.code);
        while (reader->n_news > 0)
                free(reader->news[--reader->n_news]);
        free(reader->given);
        free(reader->buffer);
        free(reader);
}

static void tell(struct jitreader *reader, const struct log *log, const char *what, const char *why)
{
        char *path;

        if (reader->n_news == array_len(reader->news))
                return;
        path = text_clean(log->path);
        reader->news[reader->n_news++] = xasprintf("%s %s%s%s", what, path, why ? ": " : "", why ? why : "");
        free(path);
}

static void tell_failure(struct jitreader *reader, struct log *log, int r)
{
        if (r == log->told || r == -ENOENT || r == -ESRCH)
                return;
        log->told = r;
        tell(reader, log, "names of compiled code are not read from",
             r == -EPERM ? "it belongs to another user" : r == -EINVAL ? "it is no regular file" :
             r == -ESTALE ? "it was written before this process began" : strerror(-r));
}

static void begin(struct jitreader *reader, struct log *log, const struct jitfile *file)
{
        bool first = !log->code;

        jitfile_close(&log->file);
        log->file = *file;
        log->skip = 0;
        log->refused = false;
        log->behind = true;
        log->told = 0;
        if (first)
                log->code = jitcode_new();
        if (!reader->buffer)
                reader->buffer = xmalloc(JITREADER_BYTES);
        tell(reader, log, "names of compiled code are read from", NULL);
}

/* The same path can be another file by now: written anew under another name and moved there. */
static void look_for_map(struct jitreader *reader)
{
        struct log *log = &reader->map;
        struct jitfile file = JITFILE_NONE;
        int r = jitfile_open(&reader->owner, log->path, &file);

        if (r < 0) {
                tell_failure(reader, log, r);
        } else if (log->file.fd >= 0 && file.inode == log->file.inode && file.device == log->file.device) {
                jitfile_close(&file);
        } else {
                reader->lines.in_long_line = 0;
                begin(reader, log, &file);
        }
}

static bool is_dump(const struct mapping *mapping)
{
        const char *slash = strrchr(mapping->path, '/');
        size_t len = slash ? strlen(slash) : 0;

        return mapping->exec && mapping->inode != 0 && mapping->path[0] == '/' && len > 10 &&
               strncmp(slash, "/jit-", 5) == 0 && strstr(slash, ".dump") != NULL && strlen(mapping->path) < PATH_MAX;
}

static void look_for_dump(struct jitreader *reader, const struct maps *maps)
{
        static const char deleted[] = " (deleted)";
        struct log *log = &reader->dump;

        for (size_t i = 0; i < maps->n; i++) {
                const struct mapping *mapping = &maps->v[i];
                struct jitfile file = JITFILE_NONE;
                size_t len = strlen(mapping->path);
                int r;

                if (!is_dump(mapping) || (log->file.fd >= 0 && mapping->inode == log->file.inode))
                        continue;
                if (len > sizeof deleted - 1 && strcmp(mapping->path + len - (sizeof deleted - 1), deleted) == 0)
                        len -= sizeof deleted - 1;
                snprintf(log->path, sizeof log->path, "%.*s", (int)len, mapping->path);
                r = jitfile_open_mapped(&reader->owner, mapping->start, mapping->end, log->path, mapping->inode, &file);
                if (r < 0) {
                        tell_failure(reader, log, r);
                        continue;
                }
                reader->records = (struct jitdump){ 0 };
                begin(reader, log, &file);
                return;
        }
}

void jitreader_look(struct jitreader *reader, const struct maps *maps)
{
        /* it may have given up its privileges since */
        reader->owned = jitfile_owner(reader->pid, &reader->owner) == 0;
        if (!reader->owned)
                return;
        look_for_map(reader);
        if (maps)
                look_for_dump(reader, maps);
}

/* ---- reading ---- */

/* Bytes that the file may not have yet are left out later. */
static void go_on(struct log *log, uint64_t n, uint64_t there)
{
        uint64_t now = n < there ? n : there;

        log->skip = n - now;
        if (now > 0)
                jitfile_skip(&log->file, now);
}

/* When the file was written last, by the monotonic clock: not before it was read last, when there was less in it, and
 * not after now. */
static uint64_t written_ns(const struct log *log, uint64_t now_ns)
{
        int64_t ago_ns = (int64_t)clock_boottime_ns() + clock_wall_offset_ns() - log->file.written_ns;

        if (log->read_ns == 0 || ago_ns <= 0)
                return log->read_ns == 0 ? 0 : now_ns;
        return (uint64_t)ago_ns > now_ns - log->read_ns ? log->read_ns : now_ns - (uint64_t)ago_ns;
}

static int64_t take(struct jitreader *reader, struct log *log, size_t n, uint64_t now_ns)
{
        struct err err = { 0 };
        int64_t done;

        if (log == &reader->map)
                return (int64_t)perfmap_take(&reader->lines, (const char *)reader->buffer, n, log->code, log->read_ns,
                                             written_ns(log, now_ns));
        done = jitdump_take(&reader->records, reader->buffer, n, log->code, log->read_ns, &err);
        if (done < 0) {
                log->refused = true;
                tell(reader, log, "no more names of compiled code are read from", err.text);
        }
        return done;
}

static bool read_log(struct jitreader *reader, struct log *log, uint64_t now_ns)
{
        uint64_t there;
        bool again = false;
        int64_t done = 0;
        ssize_t n;

        if (log->file.fd < 0 || log->refused)
                return false;
        there = jitfile_more(&log->file, &again);
        if (again) {
                log->skip = 0;
                reader->lines.in_long_line = log == &reader->map ? 0 : reader->lines.in_long_line;
                if (log == &reader->dump)
                        reader->records = (struct jitdump){ 0 };
        }
        if (log->skip > 0 && there > 0) {
                uint64_t skip = log->skip;

                go_on(log, skip, there);
                there -= skip < there ? skip : there;
        }
        n = there > 0 ? jitfile_read(&log->file, reader->buffer, JITREADER_BYTES) : 0;
        if (n > 0)
                done = take(reader, log, (size_t)n, now_ns);
        if (done > 0)
                go_on(log, (uint64_t)done, there);
        log->behind = done > 0 && (uint64_t)done < there && there > JITREADER_BYTES;
        if (!log->behind)
                log->read_ns = now_ns;
        return done > 0;
}

/* What does not fit any more is said once: names are missing from then on. */
static void look_for_limits(struct jitreader *reader, struct log *log)
{
        struct jitcode_stats stats;

        if (!log->code || log->full)
                return;
        jitcode_stats(log->code, &stats);
        if (!stats.full)
                return;
        log->full = true;
        tell(reader, log, "not all compiled code gets a name: there is more than can be kept in", NULL);
}

bool jitreader_read(struct jitreader *reader, uint64_t now_ns)
{
        bool map = read_log(reader, &reader->map, now_ns), dump = read_log(reader, &reader->dump, now_ns);

        if (map)
                look_for_limits(reader, &reader->map);
        if (dump)
                look_for_limits(reader, &reader->dump);
        return map || dump;
}

bool jitreader_has_files(const struct jitreader *reader)
{
        return reader->map.code || reader->dump.code;
}

bool jitreader_is_behind(const struct jitreader *reader)
{
        return reader->map.behind || reader->dump.behind;
}

bool jitreader_find(const struct jitreader *reader, uint64_t addr, uint64_t at_ns, struct jitcode_found *ret)
{
        if (reader->map.code && jitcode_find(reader->map.code, addr, at_ns, ret))
                return true;
        if (!reader->dump.code || !jitcode_find(reader->dump.code, addr, at_ns, ret))
                return false;
        ret->name_id |= OF_DUMP;
        ret->file_id |= OF_DUMP;
        return true;
}

bool jitreader_next(const struct jitreader *reader, uint64_t addr, struct jitcode_found *ret)
{
        return reader->map.code && jitcode_next(reader->map.code, addr, ret);
}

const char *jitreader_news(struct jitreader *reader)
{
        free(reader->given);
        reader->given = NULL;
        if (reader->n_news == 0)
                return NULL;
        reader->given = reader->news[0];
        reader->n_news--;
        memmove(&reader->news[0], &reader->news[1], reader->n_news * sizeof *reader->news);
        return reader->given;
}

void jitreader_stats(const struct jitreader *reader, struct jitcode_stats *ret, uint64_t *ret_broken)
{
        struct jitcode_stats dump = { 0 };

        *ret = (struct jitcode_stats){ 0 };
        if (reader->map.code)
                jitcode_stats(reader->map.code, ret);
        if (reader->dump.code)
                jitcode_stats(reader->dump.code, &dump);
        ret->entries += dump.entries;
        ret->past += dump.past;
        ret->bytes += dump.bytes;
        ret->added += dump.added;
        ret->refused += dump.refused;
        *ret_broken = reader->lines.broken + reader->records.broken;
}
