#include "terminal.h"

#include "unit.h"

#include "base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ms(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- what the terminal is told ---- */

static int set_property(VTermProp prop, VTermValue *value, void *arg)
{
        struct terminal *t = arg;

        if (prop == VTERM_PROP_ALTSCREEN)
                t->alternate = value->boolean;
        else if (prop == VTERM_PROP_CURSORVISIBLE)
                t->cursor = value->boolean;
        else if (prop == VTERM_PROP_TITLE || prop == VTERM_PROP_ICONNAME)
                t->titled = true;
        return 1;
}

static void make_vterm(struct terminal *t)
{
        static const VTermScreenCallbacks callbacks = { .settermprop = set_property };

        t->vterm = vterm_new(t->height, t->width);
        vterm_set_utf8(t->vterm, 1);
        t->screen = vterm_obtain_screen(t->vterm);
        vterm_screen_set_callbacks(t->screen, &callbacks, t);
        vterm_screen_enable_altscreen(t->screen, 1);
        vterm_screen_reset(t->screen, 1);
        t->cursor = true;
}

/* ---- starting ---- */

static void become_heaptop(int told, const char *const *arguments, const char *const *environment)
{
        const char *argv[16] = { "heaptop" };
        char *path = xasprintf("%s/heaptop", getenv("HEAPTOP_BUILD") ? getenv("HEAPTOP_BUILD") : ".");
        char number[16];

        for (size_t i = 0; i < 14 && arguments[i]; i++)
                argv[i + 1] = arguments[i];
        snprintf(number, sizeof number, "%d", told);
        setenv("HEAPTOP_TEST_FD", number, 1);
        setenv("TERM", "xterm-256color", 1);
        setenv("LC_ALL", "C.UTF-8", 1);
        setenv("TZ", "UTC", 1);
        unsetenv("NO_COLOR");
        unsetenv("HEAPTOP_CLOCK");
        unsetenv("LINES");
        unsetenv("COLUMNS");
        for (size_t i = 0; environment && environment[i]; i++)
                putenv((char *)(uintptr_t)environment[i]);
        execv(path, (char *const *)(uintptr_t)argv);
        _exit(127);
}

void terminal_start(struct terminal *t, int width, int height, const char *const *arguments, const char *const *environment)
{
        struct winsize size = { .ws_col = (unsigned short)width, .ws_row = (unsigned short)height };
        int told[2];

        *t = (struct terminal){ .width = width, .height = height };
        make_vterm(t);
        assert_int_equal(pipe(told), 0);
        t->pid = forkpty(&t->master, NULL, NULL, &size);
        assert_true(t->pid >= 0);
        if (t->pid == 0) {
                close(told[0]);
                become_heaptop(told[1], arguments, environment);
        }
        close(told[1]);
        t->told = told[0];
        fcntl(t->master, F_SETFL, O_NONBLOCK);
        fcntl(t->told, F_SETFL, O_NONBLOCK);
}

/* ---- reading ---- */

static void answer(struct terminal *t)
{
        char bytes[256];
        size_t n;

        while ((n = vterm_output_read(t->vterm, bytes, sizeof bytes)) > 0)
                terminal_type(t, bytes, n);
}

/* False at the end of the line. */
static bool read_output(struct terminal *t)
{
        char bytes[4096];
        ssize_t n = read(t->master, bytes, sizeof bytes);

        if (n > 0) {
                buf_add(&t->output, bytes, (size_t)n);
                vterm_input_write(t->vterm, bytes, (size_t)n);
                answer(t);
        }
        return n > 0 || (n < 0 && errno == EAGAIN);
}

static void read_told(struct terminal *t)
{
        char c;

        while (read(t->told, &c, 1) == 1) {
                if (c != '\n' && t->line_len + 1 < sizeof t->line) {
                        t->line[t->line_len++] = c;
                        continue;
                }
                t->line[t->line_len] = '\0';
                t->line_len = 0;
                (void)sscanf(t->line, "frame %lu input %lu size %dx%d", &t->frames, &t->inputs, &t->frame_width, &t->frame_height);
        }
}

/* False when there was nothing for MS, or the program is gone. */
static bool read_more(struct terminal *t, int ms)
{
        struct pollfd fds[2] = { { .fd = t->master, .events = POLLIN }, { .fd = t->told, .events = POLLIN } };

        if (t->ended || poll(fds, 2, ms) <= 0)
                return false;
        if (fds[1].revents & POLLIN) {
                read_told(t);
                while (poll(fds, 1, 0) == 1 && (fds[0].revents & POLLIN) && read_output(t))
                        ; /* the frame that was told of */
        }
        if (fds[0].revents & POLLIN)
                return read_output(t);
        return !(fds[0].revents & (POLLHUP | POLLERR));
}

bool terminal_wait(struct terminal *t, bool (*condition)(struct terminal *t, const void *arg), const void *arg)
{
        uint64_t end = now_ms() + TERMINAL_HANGS_MS;

        while (!condition(t, arg)) {
                if (!read_more(t, 1000) && (t->ended || waitpid(t->pid, &t->status, WNOHANG) == t->pid)) {
                        t->ended = true;
                        read_output(t);
                        return condition(t, arg);
                }
                if (now_ms() > end)
                        return false;
        }
        return true;
}

static bool has_frames(struct terminal *t, const void *arg)
{
        return t->frames >= *(const unsigned long *)arg;
}

static bool has_inputs(struct terminal *t, const void *arg)
{
        return t->inputs >= *(const unsigned long *)arg;
}

bool terminal_ready(struct terminal *t)
{
        return terminal_wait(t, has_frames, &(unsigned long){ 2 });
}

bool terminal_is_quiet(struct terminal *t, int ms)
{
        return !read_more(t, ms);
}

/* ---- typing ---- */

void terminal_type(struct terminal *t, const char *bytes, size_t n)
{
        while (n > 0) {
                ssize_t written = write(t->master, bytes, n);

                if (written < 0 && errno != EAGAIN && errno != EINTR)
                        return; /* it has ended */
                if (written > 0) {
                        bytes += written;
                        n -= (size_t)written;
                } else {
                        read_more(t, 10);
                }
        }
}

bool terminal_press(struct terminal *t, const char *bytes, unsigned n)
{
        unsigned long goal = t->inputs + n;

        terminal_type(t, bytes, strlen(bytes));
        return terminal_wait(t, has_inputs, &goal);
}

static bool has_size(struct terminal *t, const void *arg)
{
        return t->frame_width == t->width && t->frame_height == t->height;
}

bool terminal_resize(struct terminal *t, int width, int height)
{
        struct winsize size = { .ws_col = (unsigned short)width, .ws_row = (unsigned short)height };

        t->width = width;
        t->height = height;
        vterm_set_size(t->vterm, height, width);
        ioctl(t->master, TIOCSWINSZ, &size);
        return terminal_wait(t, has_size, NULL);
}

/* ---- looking ---- */

static bool shows(struct terminal *t, const void *arg)
{
        char text[4096];

        for (int row = 0; row < t->height; row++) {
                VTermRect line = { .start_row = row, .end_row = row + 1, .start_col = 0, .end_col = t->width };
                size_t n = vterm_screen_get_text(t->screen, text, sizeof text - 1, line);

                text[n < sizeof text ? n : sizeof text - 1] = '\0';
                if (strstr(text, arg))
                        return true;
        }
        return false;
}

bool terminal_shows(struct terminal *t, const char *text)
{
        return shows(t, text);
}

void terminal_print(struct terminal *t)
{
        char line[4096];

        for (int row = 0; row < t->height; row++) {
                VTermRect rect = { .start_row = row, .end_row = row + 1, .start_col = 0, .end_col = t->width };
                size_t n = vterm_screen_get_text(t->screen, line, sizeof line - 1, rect);

                fprintf(stderr, "# %.*s\n", (int)(n < sizeof line ? n : sizeof line), line);
        }
}

bool terminal_sees(struct terminal *t, const char *text)
{
        if (terminal_wait(t, shows, text))
                return true;
        fprintf(stderr, "# no \"%s\" in\n", text);
        terminal_print(t);
        return false;
}

bool terminal_got(const struct terminal *t, size_t from, const char *needle, size_t n)
{
        return from < t->output.len && memmem(t->output.data + from, t->output.len - from, needle, n);
}

/* ---- the end ---- */

static bool never(struct terminal *t, const void *arg)
{
        return false;
}

int terminal_end(struct terminal *t)
{
        terminal_wait(t, never, NULL);
        if (!t->ended) {
                struct termios termios = { 0 };

                tcgetattr(t->master, &termios);
                fprintf(stderr, "# it does not end; %lu keys, terminal %s:\n", t->inputs, termios.c_lflag & ICANON ? "cooked" : "raw");
                terminal_print(t);
                return -1;
        }
        return WIFSIGNALED(t->status) ? 128 + WTERMSIG(t->status) : WEXITSTATUS(t->status);
}

bool terminal_has_mouse(const struct terminal *t)
{
        bool on = false;

        for (size_t i = 0; i + 5 <= t->output.len; i++)
                if (memcmp(t->output.data + i, "1000", 4) == 0 && strchr("hl", t->output.data[i + 4]))
                        on = t->output.data[i + 4] == 'h';
        return on;
}

bool terminal_is_restored(struct terminal *t)
{
        struct termios termios;

        if (tcgetattr(t->master, &termios) < 0)
                return false;
        return !t->alternate && t->cursor && !terminal_has_mouse(t) && (termios.c_lflag & ECHO) && (termios.c_lflag & ICANON) &&
               (termios.c_lflag & ISIG);
}

void terminal_done(struct terminal *t)
{
        if (!t->ended && t->pid > 0) {
                kill(t->pid, SIGKILL);
                waitpid(t->pid, NULL, 0);
        }
        close(t->master);
        close(t->told);
        vterm_free(t->vterm);
        buf_done(&t->output);
        *t = (struct terminal){ 0 };
}
