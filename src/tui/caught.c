#include "tui/caught.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

void caught_begin(struct caught *caught)
{
        if (pipe2(caught->pipe, O_CLOEXEC | O_NONBLOCK) < 0) {
                caught->pipe[0] = caught->pipe[1] = -1;
                return;
        }
        fflush(stderr);
        caught->real = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
        dup2(caught->pipe[1], STDERR_FILENO); /* full and nobody reads: the message is lost, nobody blocks */
}

void caught_drain(struct caught *caught)
{
        char bytes[1024];
        ssize_t n;

        if (caught->pipe[0] < 0)
                return;
        while ((n = read(caught->pipe[0], bytes, sizeof bytes)) > 0)
                for (ssize_t i = 0; i < n; i++) {
                        if (bytes[i] != '\n')
                                caught->line[caught->len++] = bytes[i];
                        if (caught->len > 0 &&
                            (bytes[i] == '\n' || caught->len == sizeof caught->line - 1)) {
                                log_warn("stderr: %.*s", (int)caught->len, caught->line);
                                caught->len = 0;
                        }
                }
}

void caught_release(struct caught *caught)
{
        if (caught->pipe[0] < 0)
                return;
        fflush(stderr);
        if (caught->real >= 0) {
                dup2(caught->real, STDERR_FILENO);
                close(caught->real);
        }
        close(caught->pipe[1]);
        caught_drain(caught);
        close(caught->pipe[0]);
        caught->pipe[0] = caught->pipe[1] = caught->real = -1;
}
