/* What this machine, this user and this container allow. */
#include "app/doctor.h"

#include "app/child.h"
#include "app/servers.h"
#include "app/user.h"
#include "base/io.h"
#include "inject/inject.h"
#include "inject/seccomp.h"
#include "target/proc.h"

#include <glob.h>
#include <langinfo.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

enum {
        CAP_DAC_BIT = 1, /* linux/capability.h */
        CAP_PTRACE_BIT = 19,
        CAP_ADMIN_BIT = 21,
        TRIAL_MS = 5000,
        LOOK_MS = 5,
};

/* A number in our own status. */
static uint64_t own_number(const char *key, int base)
{
        char *text = NULL, *line;
        uint64_t number = 0;

        if (proc_read(getpid(), "status", 64 << 10, &text, NULL) == 0 && (line = strstr(text, key)))
                number = strtoull(line + strlen(key), NULL, base);
        free(text);
        return number;
}

static bool has_capability(int bit)
{
        return own_number("\nCapEff:", 16) >> bit & 1;
}

static bool check_machine(void)
{
        struct utsname name;
        char text[200];

        uname(&name);
        snprintf(text, sizeof text, "%s, Linux %s", name.machine, name.release);
        return doctor_check(strcmp(name.machine, "x86_64") == 0, "machine", text, "heaptop knows x86-64 only so far");
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
        bool capable = has_capability(CAP_PTRACE_BIT);
        int scope = yama_scope();
        char text[120];

        snprintf(text, sizeof text, "uid %u, %s, yama ptrace_scope %d", (unsigned)geteuid(),
                 capable ? "CAP_SYS_PTRACE" : "without CAP_SYS_PTRACE", scope);
        if (scope == 3)
                return doctor_check(false, "permission to trace", text,
                                   "ptrace_scope 3 forbids it to everyone until the next boot; "
                                   "reboot with another value");
        return doctor_check(capable || scope == 0, "permission to trace", text,
                           "sudo heaptop ..., or in a container: docker run --cap-add SYS_PTRACE ..., "
                           "or start the program by heaptop run");
}

/* What each capability is good for here, and what is missed without it. */
static void note_capabilities(void)
{
        static const struct {
                int bit;
                const char *name, *without;
        } known[] = {
                { CAP_PTRACE_BIT, "CAP_SYS_PTRACE", "only your own processes can be watched" },
                { CAP_ADMIN_BIT, "CAP_SYS_ADMIN",
                  "a process under a seccomp filter can be watched from inside its own container only" },
                { CAP_DAC_BIT, "CAP_DAC_OVERRIDE",
                  "another user's files in /proc stay closed: resident parts of its memory are not told" },
        };
        char have[120] = "", missing[400] = "";

        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
                bool held = has_capability(known[i].bit);
                char *to = held ? have : missing;
                size_t size = held ? sizeof have : sizeof missing, n = strlen(to);

                snprintf(to + n, size - n, "%s%s%s%s", n ? "; " : "", held ? "" : "without ", known[i].name,
                         held ? "" : ": ");
                n = strlen(to);
                if (!held)
                        snprintf(to + n, size - n, "%s", known[i].without);
        }
        doctor_note("capabilities", have);
        doctor_note("capabilities", missing);
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
                return doctor_check(false, "a child of our own", err.text,
                                    "more processes must be allowed (ulimit -u)");
        for (int waited = 0; !runs_sleep(child.pid) && !child_has_ended(&child) && waited < TRIAL_MS; waited += LOOK_MS)
                poll(NULL, 0, LOOK_MS);
        good = child.pid && inject_check(child.pid, &err) == 0;
        child_end(&child);
        child_done(&child);
        return doctor_check(good, "a child of our own", good ? "can be watched" : err.text, "see the line above");
}

/* memfd_create, MADV_WIPEONFORK and the rest, on a child of our own: an old kernel or our own seccomp filter shows
 * here. */
static bool check_kernel(void)
{
        bool good = seccomp_try_own();
        char *line = NULL;

        doctor_check(good, "calls of an attach", good ? "allowed (memfd_create, madvise(MADV_WIPEONFORK), ...)"
                                                      : "a child of our own may not make them",
                     "Linux 4.14 or later is needed, and a seccomp filter that allows them "
                     "(docker run --security-opt seccomp=unconfined ...)");
        if (own_number("\nSeccomp:", 10) != 0)
                doctor_note("seccomp", "heaptop itself is under a filter: it cannot suspend that of a process");
        if (io_read_file("/proc/cmdline", 64 << 10, &line, NULL) == 0 &&
            strstr(line, "proc_mem.force_override=never"))
                doctor_note("kernel command line",
                            "proc_mem.force_override=never: code is written by ptrace, word by word");
        free(line);
        return good;
}

/* A security module that is there may refuse what the kernel allows; only an attempt tells. */
static void note_security_modules(void)
{
        char *modules = NULL, *enforcing = NULL, *profile = NULL, text[300];

        if (io_read_file("/sys/kernel/security/lsm", 4096, &modules, NULL) == 0 && modules[0])
                doctor_note("security modules", modules);
        if (io_read_file("/sys/fs/selinux/enforce", 16, &enforcing, NULL) == 0)
                doctor_note("SELinux", enforcing[0] != '1' ? "permissive" :
                            "enforcing: attaching needs process ptrace and execmem for the target's domain "
                            "(audit2why tells); or setenforce 0 while you look");
        if (io_read_file("/proc/self/attr/current", 4096, &profile, NULL) == 0 && profile[0] &&
            strncmp(profile, "unconfined", 10) != 0) {
                profile[strcspn(profile, "\n")] = '\0';
                snprintf(text, sizeof text, "heaptop runs as %.200s", profile);
                doctor_note("profile or domain", text);
        }
        free(modules);
        free(enforcing);
        free(profile);
}

static bool in_container(void)
{
        char link[64];
        ssize_t n = readlink("/proc/self/ns/pid", link, sizeof link - 1);

        link[n > 0 ? n : 0] = '\0';
        return n > 0 && strcmp(link, "pid:[4026531836]") != 0; /* PROC_PID_INIT_INO of linux/proc_ns.h */
}

static void note_container(void)
{
        struct statfs fs;

        if (!in_container())
                return;
        doctor_note("container",
                    "heaptop is in one (a pid namespace of its own): it sees and can watch what runs in it");
        if (statfs(".", &fs) == 0 && (fs.f_type == OVERLAYFS_SUPER_MAGIC || fs.f_type == TMPFS_MAGIC))
                doctor_advise("sessions end with it unless -o names a file on a volume, or they are copied out "
                              "(docker cp, kubectl cp)");
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
                return doctor_check(false, "folder for sessions", "no home directory", "set HOME, or give -o FILE");
        parent = strdup(dir);
        while (stat(parent, &st) < 0 && (slash = strrchr(parent, '/')) && slash != parent)
                *slash = '\0';
        good = access(parent, W_OK) == 0;
        doctor_check(good, "folder for sessions", dir, "make it writable, or give -o FILE");
        free(parent);
        free(dir);
        return good;
}

/* profile.d of a distribution sets the variable from these; sudo takes it away. */
static bool has_known_servers(void)
{
        glob_t found = { 0 };
        bool any = glob("/etc/debuginfod/*.urls", 0, NULL, &found) == 0 && found.gl_pathc > 0;

        globfree(&found);
        return any;
}

static void note_servers(void)
{
        struct servers servers;
        struct user user;
        char text[600];

        user_find(&user);
        servers = servers_find(false, &user);
        if (!servers.on) {
                if (user.invoking && has_known_servers()) {
                        doctor_note("debug information", "only what is on this machine: sudo has taken DEBUGINFOD_URLS away");
                        doctor_advise("sudo --preserve-env=DEBUGINFOD_URLS heaptop ... fetches what is missing");
                }
                return;
        }
        if (!debuginfod_is_installed()) {
                doctor_note("debug information", "DEBUGINFOD_URLS is set, but libdebuginfod is not installed");
                doctor_advise("apt-get install libdebuginfod1, or unset DEBUGINFOD_URLS");
                return;
        }
        snprintf(text, sizeof text, "what is missing is fetched from %.200s as uid %u, kept in %.200s%s", servers.options.urls,
                 geteuid() == 0 ? (unsigned)servers.options.uid : (unsigned)geteuid(),
                 servers.options.cache ? servers.options.cache : servers.options.xdg_cache ? servers.options.xdg_cache : servers.options.home,
                 servers.options.cache ? "" : servers.options.xdg_cache ? "/debuginfod_client" : "/.cache/debuginfod_client");
        doctor_note("debug information", text);
}

static void note_terminal(void)
{
        const char *term = getenv("TERM");
        char text[120];

        snprintf(text, sizeof text, "%s, TERM=%s, %s",
                 isatty(STDOUT_FILENO) ? "yes" : "no (record, report and demo work without)",
                 term ? term : "(none)", nl_langinfo(CODESET));
        doctor_note("terminal", text);
}

bool doctor_machine(void)
{
        bool good = check_machine();

        good &= check_privileges();
        note_capabilities();
        good &= check_kernel();
        good &= check_trial();
        note_security_modules();
        note_container();
        good &= check_state_dir();
        note_servers();
        note_terminal();
        return good;
}
