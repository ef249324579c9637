#include "target/pagemap.h"

#include "target/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Documentation/admin-guide/mm/pagemap.rst: 64 bits a page, bit 63 = present. */
#define PRESENT (1ull << 63)
enum { AT_ONCE = 1024 };

int pagemap_open(pid_t pid)
{
        return proc_open_live(pid, "pagemap", O_RDONLY);
}

/* Up to AT_ONCE entries; returns how many were read or a negative errno. */
static int read_entries(int fd, uint64_t page, size_t n, uint64_t ret[AT_ONCE])
{
        ssize_t got;

        if (n > AT_ONCE)
                n = AT_ONCE;
        do
                got = pread(fd, ret, n * sizeof *ret, (off_t)(page * sizeof *ret));
        while (got < 0 && errno == EINTR);
        if (got < 0)
                return -errno;
        return got < (ssize_t)sizeof *ret ? -EFAULT : (int)((size_t)got / sizeof *ret);
}

int pagemap_resident(int fd, uint64_t start, uint64_t end, uint64_t *ret)
{
        uint64_t entries[AT_ONCE], bytes = 0, page = start / PAGEMAP_PAGE, last = end / PAGEMAP_PAGE;

        while (page < last) {
                int n = read_entries(fd, page, last - page, entries);

                if (n < 0)
                        return n;
                for (int i = 0; i < n; i++)
                        bytes += entries[i] & PRESENT ? PAGEMAP_PAGE : 0;
                page += (uint64_t)n;
        }
        *ret = bytes;
        return 0;
}

int pagemap_look(int fd, uint64_t start, size_t n, uint8_t *ret)
{
        uint64_t entries[AT_ONCE];

        for (size_t done = 0; done < n;) {
                int got = read_entries(fd, start / PAGEMAP_PAGE + done, n - done, entries);

                if (got < 0)
                        return got;
                for (int i = 0; i < got; i++)
                        ret[done++] = (entries[i] & PRESENT) != 0;
        }
        return 0;
}
