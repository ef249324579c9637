#include "base/io.h"

#include "base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int io_read_file(const char *path, size_t max, char **ret, size_t *ret_len)
{
        char *data = NULL;
        size_t len = 0, cap = 0;
        ssize_t n;
        int fd, r = 0;

        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        for (;;) {
                if (cap - len < 2) {
                        cap = cap ? cap * 2 : 4096;
                        data = xrealloc(data, cap);
                }
                n = read(fd, data + len, cap - len - 1);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        r = -errno;
                if (n <= 0)
                        break;
                len += (size_t)n;
                if (len > max) {
                        r = -EFBIG;
                        break;
                }
        }
        if (r == 0) {
                data[len] = '\0';
                *ret = data;
                data = NULL;
                if (ret_len)
                        *ret_len = len;
        }
        free(data);
        close(fd);
        return r;
}

int io_write_all(int fd, const void *bytes, size_t n)
{
        const char *p = bytes;

        while (n > 0) {
                ssize_t done = write(fd, p, n);

                if (done < 0 && errno == EINTR)
                        continue;
                if (done < 0)
                        return -errno;
                p += done;
                n -= (size_t)done;
        }
        return 0;
}
