#include "base/log.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char kept[LOG_LINES_KEPT][LOG_LINE_MAX];
static size_t n_logged;
static int log_fd = -1;

int log_open(const char *path)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd < 0)
                return -errno;
        log_close();
        log_fd = fd;
        return 0;
}

void log_close(void)
{
        if (log_fd >= 0)
                close(log_fd);
        log_fd = -1;
}

void log_message(enum log_level level, const char *fmt, ...)
{
        static const char *const names[] = { "debug", "info", "warn" };
        char text[LOG_LINE_MAX - 40];
        char *line;
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);

        pthread_mutex_lock(&lock);
        line = kept[n_logged++ % LOG_LINES_KEPT];
        snprintf(line, LOG_LINE_MAX, "%.3f %s %s", (double)clock_boottime_ns() / 1e9, names[level], text);
        if (log_fd >= 0)
                dprintf(log_fd, "%s\n", line);
        pthread_mutex_unlock(&lock);
}

size_t log_recent(char ret[][LOG_LINE_MAX], size_t max)
{
        size_t n, first, i;

        pthread_mutex_lock(&lock);
        n = n_logged < LOG_LINES_KEPT ? n_logged : LOG_LINES_KEPT;
        if (n > max)
                n = max;
        first = n_logged - n;
        for (i = 0; i < n; i++)
                memcpy(ret[i], kept[(first + i) % LOG_LINES_KEPT], LOG_LINE_MAX);
        pthread_mutex_unlock(&lock);
        return n;
}
