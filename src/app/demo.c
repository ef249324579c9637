/* demo: the bundled service, watched. */
#include "app/child.h"
#include "app/commands.h"
#include "app/print.h"
#include "app/say.h"
#include "base/clock.h"
#include "base/exit.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RECORD_S = 20, READY_MS = 10000 };

/* Next to our own program (the build tree), else where it was installed. */
static int find_service(char ret[PATH_MAX], struct err *err)
{
        char self[PATH_MAX];
        ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

        if (n > 0) {
                self[n] = '\0';
                snprintf(ret, PATH_MAX, "%.*s/heaptop-demo", PATH_MAX - 20, dirname(self));
                if (access(ret, X_OK) == 0)
                        return 0;
        }
        snprintf(ret, PATH_MAX, "%s/heaptop-demo", PKGLIBEXECDIR);
        if (access(ret, X_OK) == 0)
                return 0;
        return err_set_id(err, ERROR_NO_DEMO, ENOENT,
                          "the demo service %s is missing; is heaptop installed completely?", ret);
}

/* The service says READY when its start-up is done. */
static int wait_until_ready(int fd, struct err *err)
{
        struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
        char text[16];

        if (poll(&poll_fd, 1, READY_MS) == 1 && read(fd, text, sizeof text) > 0 && strncmp(text, "READY", 5) == 0)
                return 0;
        return err_set_id(err, ERROR_NO_DEMO, EIO, "the demo service did not start");
}

static int start_service(struct child *ret, int *ret_output, struct err *err)
{
        struct child_options options = { .apart = true, .mortal = true };
        char path[PATH_MAX], *argv[] = { path, NULL };
        int out[2], r;

        r = find_service(path, err);
        if (r < 0)
                return r;
        if (pipe2(out, O_CLOEXEC) < 0)
                return err_set(err, errno, "cannot make a pipe: %s", strerror(errno));
        options.output = out[1];
        r = child_start(argv, &options, ret, err);
        close(out[1]);
        if (r == 0)
                r = wait_until_ready(out[0], err);
        if (r < 0)
                close(out[0]);
        else
                *ret_output = out[0];
        return r;
}

static int record_and_report(struct recording *recording, struct options *options)
{
        char path[PLACE_MAX];
        int status;

        if (recording->duration_ns == 0)
                recording->duration_ns = RECORD_S * NS_PER_S;
        say("recording the demo service (pid %d) for %d s; on a terminal this would be the live screen",
            (int)recording->pid, (int)(recording->duration_ns / NS_PER_S));
        status = commands_record(recording, path);
        return status == EXIT_GOOD ? print_report(path, options, NULL) : status;
}

int command_demo(const struct subcommand *subcommand, struct options *options)
{
        struct child service = { .gate = -1 };
        struct recording recording;
        struct err err = { 0 };
        struct user user;
        int output = -1, status;

        if (commands_no_words(subcommand, options, &err) < 0 || start_service(&service, &output, &err) < 0) {
                child_end(&service);
                return say_error(&err);
        }
        user_find(&user);
        recording = commands_recording(options, service.pid, &user);
        recording.mortal = true;
        if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
                status = commands_watch(&recording, options);
        else
                status = record_and_report(&recording, options);
        child_end(&service);
        child_done(&service);
        close(output);
        return status;
}
