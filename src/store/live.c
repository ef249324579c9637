#include "store/live.h"

#include "base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

char *live_path(const char *path)
{
        char *real = realpath(path, NULL);
        char *name = xasprintf("%s-live", real ? real : path);

        free(real);
        return name;
}

enum { ROOM_BYTES = 128 << 10 }; /* some pages of -wal and of the session */

static int lock(int fd)
{
        struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

        return fcntl(fd, F_SETLK, &whole) < 0 ? -errno : 0;
}

int live_take(const char *path)
{
        const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
        int fd = open(path, flags, 0600);

        if (fd < 0 && errno == EEXIST) {
                /* left by a recorder that was killed, whose session somebody has removed since */
                int old = live_look(path);
                bool held = live_is_held(old);

                if (old >= 0)
                        close(old);
                if (held)
                        return -EBUSY;
                if (unlink(path) < 0)
                        return -errno;
                fd = open(path, flags, 0600);
        }
        if (fd < 0)
                return -errno;
        if (lock(fd) < 0) {
                int r = -errno;

                close(fd);
                return r;
        }
        (void)posix_fallocate(fd, 0, ROOM_BYTES);
        return fd;
}

void live_renew(int fd)
{
        if (fd >= 0)
                (void)lock(fd);
}

void live_make_room(int fd)
{
        if (fd >= 0)
                (void)!ftruncate(fd, 0);
}

void live_drop(const char *path, int fd)
{
        if (fd < 0)
                return;
        (void)unlink(path);
        close(fd);
}

int live_look(const char *path)
{
        return open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

bool live_is_held(int fd)
{
        struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

        return fd >= 0 && fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
}
