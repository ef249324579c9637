/* Text of a large process is tens of megabytes, so it is parsed as it comes. Each mapping is a line as in maps, then
 * lines "Name:   number kB" and "VmFlags: two-letter words". A header's first word has no colon; that tells them
 * apart. */
#include "target/smaps.h"

#include "base/alloc.h"
#include "target/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef SMAPS_BUFFER
#define SMAPS_BUFFER ((size_t)64 << 10) /* longer than any line: a path has 4096 bytes, each may be written as four */
#endif
#define SMAPS_REGIONS_MAX ((size_t)4 << 20)
#define SMAPS_BYTES_MAX   (1ull << 47)

struct parser {
        struct smaps smaps;
        size_t cap;
        uint64_t last; /* end of the region before */
};

static bool begins(const char *text, const char *with)
{
        return strncmp(text, with, strlen(with)) == 0;
}

static enum smaps_kind kind_of(const struct mapping *mapping)
{
        const char *path = mapping->path;

        if (begins(path, "/memfd:heaptop"))
                return SMAPS_OURS;
        if (begins(path, "[heap]"))
                return SMAPS_BRK;
        if (begins(path, "[stack]"))
                return SMAPS_STACK;
        if (begins(path, "[v"))
                return SMAPS_KERNEL;
        if (begins(path, "[anon_shmem:") || begins(path, "/memfd:") || begins(path, "/dev/shm/") ||
            begins(path, "/SYSV") || (begins(path, "/dev/zero") && mapping->shared))
                return SMAPS_SHARED;
        /* a name given by prctl(PR_SET_VMA_ANON_NAME) stands in brackets */
        if (path[0] == '\0' || path[0] == '[')
                return mapping->shared ? SMAPS_SHARED : SMAPS_ANONYMOUS;
        return SMAPS_FILE;
}

static int add_region(struct parser *parser, const char *line, const char *end)
{
        struct mapping mapping = { 0 };

        if (!maps_parse_line(line, end, &mapping) || mapping.start < parser->last)
                return -EINVAL;
        if (parser->smaps.n >= SMAPS_REGIONS_MAX)
                return -EFBIG;
        parser->last = mapping.end;
        array_grow(parser->smaps.v, parser->smaps.n, parser->cap);
        parser->smaps.v[parser->smaps.n++] = (struct smaps_region){
                .start = mapping.start, .end = mapping.end, .kind = kind_of(&mapping), .read = mapping.read,
                .write = mapping.write, .shared = mapping.shared,
        };
        return 0;
}

/* Not more than the region is long: sums cannot overflow then. */
static uint64_t field_bytes(const char *text, const struct smaps_region *region)
{
        uint64_t kib = strtoull(text, NULL, 10), size = region->end - region->start;

        return kib > size / 1024 ? size : kib * 1024;
}

static int parse_line(struct parser *parser, const char *line, const char *end)
{
        const char *colon = strchr(line, ':'), *space = strchr(line, ' ');
        struct smaps_region *region;

        if (!colon || (space && space < colon))
                return add_region(parser, line, end);
        if (parser->smaps.n == 0)
                return -EINVAL;
        region = &parser->smaps.v[parser->smaps.n - 1];
        if (begins(line, "Rss:"))
                region->rss = field_bytes(colon + 1, region);
        else if (begins(line, "Swap:"))
                region->swap = field_bytes(colon + 1, region);
        else if (begins(line, "VmFlags:"))
                region->no_huge = strstr(colon, " nh") != NULL;
        return 0;
}

/* The whole lines among the first LEN bytes of TEXT; *RET_USED bytes were taken. */
static int parse_lines(struct parser *parser, char *text, size_t len, size_t *ret_used)
{
        char *p = text, *newline;
        int r = 0;

        while (r == 0 && (newline = memchr(p, '\n', len - (size_t)(p - text))) != NULL) {
                if (memchr(p, '\0', (size_t)(newline - p)))
                        return -EINVAL;
                *newline = '\0';
                r = parse_line(parser, p, newline);
                p = newline + 1;
        }
        *ret_used = (size_t)(p - text);
        return r;
}

int smaps_read_fd(int fd, struct smaps *ret)
{
        struct parser parser = { 0 };
        char *buffer = xmalloc(SMAPS_BUFFER);
        size_t len = 0, used;
        ssize_t n;
        int r = 0;

        while (r == 0) {
                n = read(fd, buffer + len, SMAPS_BUFFER - len);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        r = -errno;
                if (n <= 0)
                        break;
                len += (size_t)n;
                r = parse_lines(&parser, buffer, len, &used);
                if (r == 0 && used == 0 && len == SMAPS_BUFFER)
                        r = -EINVAL;
                if (r < 0)
                        break;
                len -= used;
                memmove(buffer, buffer + used, len);
        }
        if (r == 0 && len > 0)
                r = -EINVAL;
        free(buffer);
        if (r < 0) {
                smaps_done(&parser.smaps);
                return r;
        }
        *ret = parser.smaps;
        return 0;
}

int smaps_read(pid_t pid, struct smaps *ret)
{
        struct smaps smaps = { 0 };
        int fd, r;

        fd = proc_open_live(pid, "smaps", O_RDONLY);
        if (fd < 0)
                return fd;
        r = smaps_read_fd(fd, &smaps);
        close(fd);
        if (r == 0 && smaps.n == 0)
                r = -ESRCH;
        if (r < 0) {
                smaps_done(&smaps);
                return r;
        }
        *ret = smaps;
        return 0;
}

void smaps_done(struct smaps *smaps)
{
        free(smaps->v);
        *smaps = (struct smaps){ 0 };
}

const struct smaps_region *smaps_find(const struct smaps *smaps, uint64_t addr)
{
        size_t low = 0, high = smaps->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (smaps->v[middle].end <= addr)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < smaps->n && smaps->v[low].start <= addr ? &smaps->v[low] : NULL;
}
