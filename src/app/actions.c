#include "app/actions.h"

#include "app/config.h"
#include "app/expected.h"
#include "app/place.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
        ANSWER_MS = 3000,     /* a recorder answers with its next tick */
        COPY_MAX = 64 << 10,  /* terminals refuse longer clipboards */
};

struct term_options actions_term_options(const struct options *options)
{
        return (struct term_options){ .color = options->color, .ascii = options->ascii, .mouse = !options->no_mouse,
                                      .looks = options->config ? &options->config->settings.looks : NULL };
}

void actions_mark(struct ui *ui, struct store *store, bool live, const struct rec_process *at, uint64_t now_ns)
{
        const char *name = ui_mark_name(ui);
        const struct rec_request request = { .kind = REC_REQUEST_MARK, .text = name };
        struct err err = { 0 };
        uint32_t id;
        int r;

        if (live)
                r = store_request(store, &request, &id, &err);
        else
                r = store_add_mark(store, at->tick, at->time_ns, name, &err);
        if (r < 0)
                ui_say(ui, now_ns, "no mark: %s", err.text[0] ? err.text : strerror(-r));
        else
                ui_say(ui, now_ns, "mark %s", name);
}

void actions_edit_mark(struct ui *ui, struct store *store, bool live, bool rename, uint64_t now_ns)
{
        const struct rec_request request = { .kind = rename ? REC_REQUEST_RENAME_MARK : REC_REQUEST_DELETE_MARK,
                                             .text = rename ? ui_mark_name(ui) : NULL, .number = ui_mark_id(ui) };
        struct err err = { 0 };
        uint32_t id;
        int r;

        if (live)
                r = store_request(store, &request, &id, &err);
        else if (rename)
                r = store_rename_mark(store, ui_mark_id(ui), ui_mark_name(ui), &err);
        else
                r = store_delete_mark(store, ui_mark_id(ui), &err);
        if (r < 0)
                ui_say(ui, now_ns, "the mark stays as it is: %s", err.text[0] ? err.text : strerror(-r));
}

int actions_keep(struct store *store, struct err *err)
{
        const struct rec_request request = { .kind = REC_REQUEST_KEEP };
        uint32_t id;
        int r, waited_ms = 0;

        r = store_request(store, &request, &id, err);
        if (r < 0)
                return r;
        while (!store_is_answered(store, id)) {
                if (waited_ms >= ANSWER_MS)
                        return err_set_id(err, ERROR_NOT_ENDING, ETIMEDOUT,
                                          "the recorder does not answer; try again");
                poll(NULL, 0, 20);
                waited_ms += 20;
        }
        return 0;
}

/* Writes TEXT to a new file KIND-DATE.txt in the state directory. The caller frees *RET_PATH, also after an error. */
static int save(const struct user *user, const char *kind, const char *text, char **ret_path)
{
        char *dir = user_state_dir(user);
        char when[32];
        time_t now = time(NULL);
        struct tm tm;
        int fd, r;

        localtime_r(&now, &tm);
        strftime(when, sizeof when, "%Y%m%d-%H%M%S", &tm);
        *ret_path = xasprintf("%s/%s-%s.txt", dir ? dir : ".", kind, when);
        if (dir)
                mkdir(dir, 0700);
        free(dir);
        fd = open(*ret_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        r = io_write_all(fd, text, strlen(text));
        close(fd);
        return r;
}

void actions_save_screen(struct ui *ui, const struct canvas *canvas, const struct user *user, uint64_t now_ns)
{
        char *text = canvas_text(canvas, false), *path = NULL;
        int r = save(user, "screen", text, &path);

        if (r < 0)
                ui_say(ui, now_ns, "cannot write %s: %s", path, strerror(-r));
        else
                ui_say(ui, now_ns, "screen saved: %s", path);
        free(path);
        free(text);
}

void actions_use_settings(const struct config *config, const struct options *options, struct term *term)
{
        struct term_options wanted = actions_term_options(options);

        if (!config || !term)
                return;
        wanted.ascii = config->settings.ascii;
        wanted.mouse = config->settings.mouse;
        wanted.color = (enum term_color)config->settings.color;
        term_configure(term, &wanted);
}

/* With the rules of the alerts, when the user has some. */
static int write_config(struct ui *ui, const char *path, struct err *err)
{
        enum { RULES_MAX = 64 };
        const char *rules[RULES_MAX];
        char *lines = ui_alerts(ui), *rest = lines, *line;
        size_t n = 0;
        int r;

        while (n < RULES_MAX && (line = strsep(&rest, "\n")))
                if (*line)
                        rules[n++] = line;
        r = config_write(path, ui_settings(ui), lines ? rules : NULL, n, err);
        free(lines);
        return r;
}

/* What X has marked goes into a file of its own. Its path into RET, "" when there was nothing. */
static int write_expected(const struct options *options, const struct user *user, char *ret, size_t size, struct err *err)
{
        char *path = NULL;
        int r = options->expected ? expected_write(user, options->expected, &path, err) : 0;

        snprintf(ret, size, "%s", r > 0 ? path : "");
        free(path);
        return r;
}

void actions_write_config(struct ui *ui, const struct options *options, const struct user *user, uint64_t now_ns)
{
        const struct config *config = options->config;
        struct err err = { 0 };
        char also[PLACE_MAX];

        if (!config || !config->path)
                ui_say(ui, now_ns, "not written: you have no home");
        else if (write_config(ui, config->path, &err) < 0 || write_expected(options, user, also, sizeof also, &err) < 0)
                ui_say(ui, now_ns, "%s", err.text);
        else
                ui_say(ui, now_ns, "written: %s%s%s", config->path, also[0] ? ", " : "", also);
}

static char *base64(const char *text, size_t len)
{
        static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const unsigned char *u = (const unsigned char *)text;
        struct buf out = { 0 };

        for (size_t i = 0; i < len; i += 3) {
                size_t left = len - i;
                uint32_t bits = (uint32_t)u[i] << 16 | (left > 1 ? (uint32_t)u[i + 1] << 8 : 0) | (left > 2 ? u[i + 2] : 0);

                buf_putc(&out, letters[bits >> 18]);
                buf_putc(&out, letters[bits >> 12 & 63]);
                buf_putc(&out, left > 1 ? letters[bits >> 6 & 63] : '=');
                buf_putc(&out, left > 2 ? letters[bits & 63] : '=');
        }
        return buf_take(&out);
}

/* OSC 52 (xterm, "Operating System Commands"): the terminal puts base64 text into the clipboard of whoever sits there. */
static void send_clipboard(const char *text)
{
        size_t len = strlen(text);
        char *encoded, *message;

        if (len > COPY_MAX)
                return;
        encoded = base64(text, len);
        message = xasprintf("\033]52;c;%s\a", encoded);
        io_write_all(STDOUT_FILENO, message, strlen(message));
        free(message);
        free(encoded);
}

void actions_copy(struct ui *ui, bool has_term, const struct user *user, uint64_t now_ns)
{
        const char *text = ui_copy_text(ui);
        char *path = NULL;
        int r;

        if (!text || !*text) {
                ui_say(ui, now_ns, "nothing to copy here");
                return;
        }
        r = save(user, "copy", text, &path);
        if (has_term)
                send_clipboard(text);
        if (r < 0)
                ui_say(ui, now_ns, "to the clipboard; cannot write %s: %s", path, strerror(-r));
        else
                ui_say(ui, now_ns, "to the clipboard (OSC 52) and to %s", path);
        free(path);
}

/* The file name comes from the target's debug information: it is an argument, never part of a command, and never an
 * option. */
static int run_editor(const char *file, uint32_t line)
{
        const char *editor = getenv("VISUAL");
        char *safe = xasprintf("%s%s", file[0] == '/' ? "" : "./", file);
        char *where = xasprintf("+%u", line ? line : 1);
        struct sigaction interrupt, quit;
        int status = 0;
        pid_t pid;

        if (!editor || !*editor)
                editor = getenv("EDITOR");
        if (!editor || !*editor)
                editor = "vi";
        /* ctrl-C in the editor is the editor's (as system(3) does it) */
        sigaction(SIGINT, &(struct sigaction){ .sa_handler = SIG_IGN }, &interrupt);
        sigaction(SIGQUIT, &(struct sigaction){ .sa_handler = SIG_IGN }, &quit);
        pid = fork();
        if (pid == 0) {
                signal(SIGINT, SIG_DFL);
                signal(SIGQUIT, SIG_DFL);
                signal(SIGPIPE, SIG_DFL);
                /* the user's own words, such as "code -w", are split by the shell; ours are not seen by it */
                char *script = xasprintf("exec %s \"$@\"", editor);

                execl("/bin/sh", "sh", "-c", script, "sh", where, safe, (char *)NULL);
                _exit(127);
        }
        if (pid > 0) {
                while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                        ;
        }
        sigaction(SIGINT, &interrupt, NULL);
        sigaction(SIGQUIT, &quit, NULL);
        free(where);
        free(safe);
        return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void actions_edit(struct ui *ui, struct term **term, const struct term_options *options, uint64_t now_ns)
{
        const char *file = ui_edit_file(ui);
        struct err err = { 0 };
        int status;

        if (!file || !*file) {
                ui_say(ui, now_ns, "no source file is known for this row");
                return;
        }
        if (access(file, R_OK) < 0) {
                ui_say(ui, now_ns, "cannot read %s: %s", file, strerror(errno));
                return;
        }
        if (!*term)
                return;
        term_close(*term);
        *term = NULL;
        status = run_editor(file, ui_edit_line(ui));
        if (term_open(options, term, &err) < 0)
                return;
        if (status == 127)
                ui_say(ui, now_ns, "no editor; set $VISUAL or $EDITOR");
}
