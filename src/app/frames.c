#include "app/frames.h"

#include "base/alloc.h"
#include "target/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LARGEST = 1 << 20 };

/* Reads all of FD, a file of at most LARGEST bytes; NULL and errno when that fails. The caller frees it. */
static char *read_text(int fd, size_t size, size_t *ret_len)
{
        char *text = xmalloc(size + 1);
        ssize_t n = 0;

        *ret_len = 0;
        while (*ret_len < size && (n = read(fd, text + *ret_len, size - *ret_len)) > 0)
                *ret_len += (size_t)n;
        text[*ret_len] = '\0';
        if (n >= 0)
                return text;
        free(text);
        return NULL;
}

/* 1 = it was read, 0 = there is none. A FIFO or a device is not waited for. */
static int read_file(const char *path, char **ret, struct err *err)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), r = 0;
        struct stat st;
        size_t len;

        if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
                return 0;
        if (fd < 0 || fstat(fd, &st) < 0)
                r = err_set_id(err, ERROR_CONFIG, errno, "cannot read %s: %s", path, strerror(errno));
        else if (!S_ISREG(st.st_mode))
                r = err_set_id(err, ERROR_CONFIG, EINVAL, "cannot read %s: it is no regular file", path);
        else if (st.st_size > LARGEST)
                r = err_set_id(err, ERROR_CONFIG, EFBIG, "cannot read %s: it has more than 1 MB", path);
        else if (!(*ret = read_text(fd, (size_t)st.st_size, &len)))
                r = err_set_id(err, ERROR_CONFIG, errno, "cannot read %s: %s", path, strerror(errno));
        else if (strlen(*ret) != len)
                r = err_set_id(err, ERROR_CONFIG, EINVAL, "cannot read %s: there is a NUL byte in it", path);
        if (fd >= 0)
                close(fd);
        return r < 0 ? r : 1;
}

/* Of the two places the first that has one. sudo may hand down the environment of somebody else. */
static int read_own(const struct user *user, char **ret_path, char **ret_text, struct err *err)
{
        const char *config = user->invoking ? NULL : getenv("XDG_CONFIG_HOME");
        int r = 0;

        if (config && config[0] == '/') {
                *ret_path = xasprintf("%s/heaptop/frames.conf", config);
                r = read_file(*ret_path, ret_text, err);
        }
        if (r == 0 && user->home[0] == '/') {
                free(*ret_path);
                *ret_path = xasprintf("%s/.config/heaptop/frames.conf", user->home);
                r = read_file(*ret_path, ret_text, err);
        }
        return r;
}

static struct rules *built_in(void)
{
        struct rules *rules = rules_new();

        (void)rules_add(rules, runtime_rules(), "frames.conf", NULL); /* a test reads them */
        return rules;
}

int frames_read(const struct user *user, struct rules **ret, bool *ret_own, struct err *err)
{
        char *path = NULL, *text = NULL;
        int r = read_own(user, &path, &text, err);

        *ret = built_in();
        *ret_own = false;
        if (r > 0) {
                r = rules_add(*ret, text, path, err);
                *ret_own = r == 0;
                if (r < 0) {
                        rules_free(*ret);
                        *ret = built_in();
                }
        }
        free(text);
        free(path);
        return r < 0 ? r : 0;
}
