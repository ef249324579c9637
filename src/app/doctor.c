/* doctor: can heaptop attach here? Each check in a line, with its remedy when it fails. */
#include "app/child.h"
#include "app/commands.h"
#include "app/detail.h"
#include "app/say.h"
#include "app/user.h"
#include "base/exit.h"
#include "base/io.h"
#include "base/text.h"
#include "inject/inject.h"
#include "target/proc.h"

#include <errno.h>
#include <langinfo.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

enum {
        CAP_PTRACE_BIT = 19, /* linux/capability.h: CAP_SYS_PTRACE */
        TRIAL_MS = 5000,
        LOOK_MS = 5,
};

static bool print_check(bool good, const char *what, const char *found, const char *remedy)
{
        char *clean = text_clean(found);

        printf("%-4s  %-22s %s\n", good ? "ok" : "FAIL", what, clean);
        if (!good)
                printf("      -> %s\n", remedy);
        free(clean);
        return good;
}

static void print_note(const char *what, const char *found)
{
        char *clean;

        if (!found[0])
                return; /* not ours to see */
        clean = text_clean(found);
        printf("note  %-22s %s\n", what, clean);
        free(clean);
}

static bool has_ptrace_capability(void)
{
        char *text = NULL, *line;
        uint64_t bits = 0;

        if (proc_read(getpid(), "status", 64 << 10, &text, NULL) == 0 && (line = strstr(text, "\nCapEff:")))
                bits = strtoull(line + 8, NULL, 16);
        free(text);
        return bits >> CAP_PTRACE_BIT & 1;
}

static bool check_machine(void)
{
        struct utsname name;
        char text[200];

        uname(&name);
        snprintf(text, sizeof text, "%s, Linux %s", name.machine, name.release);
        return print_check(strcmp(name.machine, "x86_64") == 0, "machine", text, "heaptop knows x86-64 only so far");
}

static int yama_scope(void)
{
        char *text = NULL;
        int scope = 0;

        if (io_read_file("/proc/sys/kernel/yama/ptrace_scope", 64, &text, NULL) == 0)
                scope = atoi(text);
        free(text);
        return scope;
}

static bool check_privileges(void)
{
        bool capable = has_ptrace_capability();
        int scope = yama_scope();
        char text[120];

        snprintf(text, sizeof text, "uid %u, %s, yama ptrace_scope %d", (unsigned)geteuid(),
                 capable ? "CAP_SYS_PTRACE" : "without CAP_SYS_PTRACE", scope);
        if (scope == 3)
                return print_check(false, "permission to trace", text,
                                   "ptrace_scope 3 forbids it to everyone until the next boot; reboot with another value");
        return print_check(capable || scope == 0, "permission to trace", text,
                           "sudo heaptop ..., or in a container: docker run --cap-add SYS_PTRACE ..., or start the program by heaptop run");
}

static bool runs_sleep(pid_t pid)
{
        struct proc_stat stat;

        return proc_stat_read(pid, &stat) == 0 && strcmp(stat.comm, "sleep") == 0;
}

/* All that attaching needs, on a child of our own that does nothing: seccomp filters and security modules show here. */
static bool check_trial(void)
{
        static char sleep[] = "sleep", seconds[] = "60";
        const struct child_options options = { .apart = true, .mortal = true, .output = -1 };
        char *argv[] = { sleep, seconds, NULL };
        struct child child = { .gate = -1 };
        struct err err = { 0 };
        bool good;

        if (child_start(argv, &options, &child, &err) < 0)
                return print_check(false, "a child of our own", err.text, "more processes must be allowed (ulimit -u)");
        for (int waited = 0; !runs_sleep(child.pid) && !child_has_ended(&child) && waited < TRIAL_MS; waited += LOOK_MS)
                poll(NULL, 0, LOOK_MS);
        good = child.pid && inject_check(child.pid, &err) == 0;
        child_end(&child);
        child_done(&child);
        return print_check(good, "a child of our own", good ? "can be watched" : err.text, "see the line above");
}

static bool check_state_dir(void)
{
        struct user user;
        struct stat st;
        char *dir, *parent, *slash;
        bool good;

        user_find(&user);
        dir = user_state_dir(&user);
        if (!dir)
                return print_check(false, "folder for sessions", "no home directory", "set HOME, or give -o FILE");
        parent = strdup(dir);
        while (stat(parent, &st) < 0 && (slash = strrchr(parent, '/')) && slash != parent)
                *slash = '\0';
        good = access(parent, W_OK) == 0;
        print_check(good, "folder for sessions", dir, "make it writable, or give -o FILE");
        free(parent);
        free(dir);
        return good;
}

static void note_terminal(void)
{
        const char *term = getenv("TERM");
        char text[120];

        snprintf(text, sizeof text, "%s, TERM=%s, %s", isatty(STDOUT_FILENO) ? "yes" : "no (record, report and demo work without)",
                 term ? term : "(none)", nl_langinfo(CODESET));
        print_note("terminal", text);
}

static bool check_process(pid_t pid)
{
        struct picker_detail detail;
        struct proc_stat stat;
        char what[40];
        bool good;

        snprintf(what, sizeof what, "process %d", (int)pid);
        if (proc_stat_read(pid, &stat) < 0)
                return print_check(false, what, "there is no such process", "heaptop without arguments shows what there is");
        detail_look(pid, &detail);
        good = print_check(detail.attach_ok, what, detail.attach_ok ? detail.attach : "cannot be watched", detail.attach);
        print_note("program", stat.comm);
        if (stat.kernel_thread)
                return good;
        print_note("allocator", detail.allocator);
        if (detail.allocator[0]) /* its maps can be read */
                print_note("symbols", detail.has_symbols ? "yes"
                                                         : "stripped: exported names only, unless its -dbg package is there");
        print_note("limit", detail.limit);
        if (detail.visible[0])
                print_note("what is seen", detail.visible);
        return good;
}

int command_doctor(const struct subcommand *subcommand, struct options *options)
{
        struct err err = { 0 };
        bool good;

        if (commands_need_pid(subcommand, options, &err) < 0)
                return say_error(&err);
        good = check_machine();
        good &= check_privileges();
        good &= check_trial();
        good &= check_state_dir();
        note_terminal();
        if (options->pid && !check_process(options->pid)) {
                struct proc_stat stat;

                if (proc_stat_read(options->pid, &stat) < 0)
                        return EXIT_NO_INPUT;
                good = false;
        }
        return good ? EXIT_GOOD : EXIT_NOT_PERMITTED;
}
