#include "target/maps.h"

#include "base/alloc.h"
#include "base/io.h"
#include "target/proc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* vm.max_map_count is 65530 by default and some machines raise it; a line is rarely over 150 bytes. */
#define MAPS_TEXT_MAX ((size_t)256 << 20)

#define PAGE            4096ull
#define DISTANCE        (64ull << 10)          /* to neighbours, so that they can grow a little */
#define HEAP_ROOM       (1ull << 30)           /* above [heap]: brk() grows upwards */
#define STACK_ROOM      (128ull << 20)         /* below [stack]: the kernel's own smallest gap for it (mmap_base()) */
#define ADDRESS_LOWEST  (64ull << 10)          /* vm.mmap_min_addr */
#define ADDRESS_END     0x7ffffffff000ull      /* of user space on x86-64 with four page table levels */
#define MMAP_AREA_FROM  0x7e0000000000ull      /* brk areas end below, libraries and mmap() lie above */

static bool parse_number(const char **pos, const char *end, unsigned base, uint64_t *ret)
{
        const char *p = *pos;
        uint64_t value = 0;

        for (; p < end; p++) {
                unsigned digit;

                if (*p >= '0' && *p <= '9')
                        digit = (unsigned)(*p - '0');
                else if (*p >= 'a' && *p <= 'f')
                        digit = (unsigned)(*p - 'a') + 10;
                else
                        break;
                if (digit >= base)
                        break;
                if (value > (UINT64_MAX - digit) / base)
                        return false;
                value = value * base + digit;
        }
        if (p == *pos)
                return false;
        *pos = p;
        *ret = value;
        return true;
}

static bool expect(const char **pos, const char *end, char c)
{
        if (*pos >= end || **pos != c)
                return false;
        (*pos)++;
        return true;
}

static bool parse_flags(const char **pos, const char *end, struct mapping *ret)
{
        const char *p = *pos;

        if (end - p < 4)
                return false;
        ret->read = p[0] == 'r';
        ret->write = p[1] == 'w';
        ret->exec = p[2] == 'x';
        ret->shared = p[3] == 's';
        *pos = p + 4;
        return (p[0] == 'r' || p[0] == '-') && (p[1] == 'w' || p[1] == '-') && (p[2] == 'x' || p[2] == '-') &&
               (p[3] == 's' || p[3] == 'p');
}

/* One line without its newline: "start-end perms offset major:minor inode    path". */
bool maps_parse_line(const char *line, const char *end, struct mapping *ret)
{
        uint64_t major, minor;
        const char *p = line;

        if (!parse_number(&p, end, 16, &ret->start) || !expect(&p, end, '-') ||
            !parse_number(&p, end, 16, &ret->end) || !expect(&p, end, ' ') || !parse_flags(&p, end, ret) ||
            !expect(&p, end, ' ') || !parse_number(&p, end, 16, &ret->offset) || !expect(&p, end, ' ') ||
            !parse_number(&p, end, 16, &major) || !expect(&p, end, ':') || !parse_number(&p, end, 16, &minor) ||
            !expect(&p, end, ' ') || !parse_number(&p, end, 10, &ret->inode))
                return false;
        if (p < end && *p != ' ')
                return false;
        while (p < end && *p == ' ')
                p++;
        ret->path = p; /* the caller has put a NUL at END */
        ret->device = major << 32 | (minor & 0xffffffff);
        return ret->start < ret->end;
}

int maps_parse(const char *text, size_t len, struct maps *ret)
{
        struct maps maps = { 0 };
        uint64_t last = 0;
        size_t cap = 0;
        char *p, *end;

        if (len > MAPS_TEXT_MAX)
                return -EFBIG;
        if (memchr(text, '\0', len))
                return -EINVAL;
        maps.text = xmalloc(len + 1);
        memcpy(maps.text, text, len);
        maps.text[len] = '\0';
        for (p = maps.text; p < maps.text + len; p = end + 1) {
                struct mapping mapping = { 0 };

                end = memchr(p, '\n', (size_t)(maps.text + len - p));
                if (!end)
                        end = maps.text + len;
                *end = '\0';
                if (!maps_parse_line(p, end, &mapping) || mapping.start < last) {
                        maps_done(&maps);
                        return -EINVAL;
                }
                last = mapping.end;
                array_grow(maps.v, maps.n, cap);
                maps.v[maps.n++] = mapping;
        }
        *ret = maps;
        return 0;
}

int maps_read(pid_t pid, struct maps *ret)
{
        char *text = NULL;
        size_t len = 0;
        int r;

        r = proc_read_live(pid, "maps", MAPS_TEXT_MAX, &text, &len);
        if (r < 0)
                goto out;
        r = maps_parse(text, len, ret);
out:
        free(text);
        return r;
}

void maps_done(struct maps *maps)
{
        if (!maps)
                return;
        free(maps->v);
        free(maps->text);
        *maps = (struct maps){ 0 };
}

const struct mapping *maps_find(const struct maps *maps, uint64_t addr)
{
        size_t low = 0, high = maps->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (maps->v[middle].end <= addr)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < maps->n && maps->v[low].start <= addr ? &maps->v[low] : NULL;
}

/* The mapping behind which brk() grows: [heap], else (nothing allocated by brk() yet) the last one of the program. */
static size_t brk_mapping(const struct maps *maps)
{
        size_t last = SIZE_MAX;

        for (size_t i = 0; i < maps->n; i++) {
                if (strcmp(maps->v[i].path, "[heap]") == 0)
                        return i;
                if (maps->v[i].end < MMAP_AREA_FROM)
                        last = i;
        }
        return last;
}

static uint64_t add_up_to(uint64_t a, uint64_t b)
{
        return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* The place in [LOW, HIGH) nearest to NEAR, or 0. */
static uint64_t place(uint64_t low, uint64_t high, uint64_t near, uint64_t size)
{
        low = add_up_to(low, PAGE - 1) & ~(PAGE - 1);
        high &= ~(PAGE - 1);
        if (low >= high || high - low < size)
                return 0;
        if (near <= low)
                return low;
        if (near >= high - size)
                return high - size;
        return near & ~(PAGE - 1);
}

static uint64_t distance(uint64_t a, uint64_t b)
{
        return a > b ? a - b : b - a;
}

uint64_t maps_gap(const struct maps *maps, uint64_t near, uint64_t size, uint64_t reach)
{
        size_t brk = brk_mapping(maps);
        uint64_t best = 0, best_distance = UINT64_MAX;

        if (size == 0 || size % PAGE != 0)
                return 0;
        for (size_t i = 0; i <= maps->n; i++) {
                const struct mapping *next = i < maps->n ? &maps->v[i] : NULL;
                uint64_t low, high, below, addr, far;

                low = i == 0 ? ADDRESS_LOWEST : add_up_to(maps->v[i - 1].end, DISTANCE);
                if (i > 0 && i - 1 == brk)
                        low = add_up_to(maps->v[i - 1].end, HEAP_ROOM);
                below = next && strcmp(next->path, "[stack]") == 0 ? STACK_ROOM : DISTANCE;
                high = next && next->start < ADDRESS_END ? next->start : ADDRESS_END;
                high = high > below ? high - below : 0;
                addr = place(low, high, near, size);
                if (addr == 0)
                        continue;
                far = distance(addr, near);
                if (distance(addr + size, near) > far)
                        far = distance(addr + size, near);
                if (far <= reach && far < best_distance) {
                        best = addr;
                        best_distance = far;
                }
        }
        return best;
}
