#include "base/errors.h"

#include "base/exit.h"

#include <stddef.h>

static const struct error_entry entries[] = {
        { ERROR_YAMA, EXIT_NOT_PERMITTED, "Yama allows tracing of children only",
          "The kernel's Yama module is on: with `kernel.yama.ptrace_scope` at 1 a process may trace its "
          "own children only, with 2 only root may trace. The process is yours, but heaptop is not its "
          "parent.",
          "`sudo heaptop -p PID` for once. Or start the program from heaptop: `heaptop run -- CMD`. Or, "
          "until the next boot and for every process of every user, `sudo sysctl "
          "kernel.yama.ptrace_scope=0`. Totals without places in the code need no tracing: `heaptop -p PID "
          "--rss-only`." },
        { ERROR_OTHER_USER, EXIT_NOT_PERMITTED, "the process belongs to another user",
          "A user may trace only what runs as the same user; root may trace all.",
          "`sudo heaptop -p PID`. heaptop gives up root for screen, editor and session file; only the "
          "recorder keeps it. Or become that user. `setcap cap_sys_ptrace+ep` on heaptop works, too, but "
          "then every user of the machine can look into every process. Totals without places in the code "
          "need no tracing: `heaptop -p PID --rss-only`." },
        { ERROR_YAMA_NOBODY, EXIT_NOT_PERMITTED, "nobody may trace on this machine",
          "`kernel.yama.ptrace_scope` is 3. That forbids ptrace(2) to everybody, root included, and cannot "
          "be taken back while the machine runs.",
          "Look where it is set, `/etc/sysctl.d` as a rule, choose a lower value, and reboot." },
        { ERROR_SECURITY_MODULE, EXIT_NOT_PERMITTED, "a security module or the container forbids it",
          "heaptop has the rights that the kernel asks for and was refused all the same. That is what "
          "SELinux, AppArmor, a user namespace of another container, or a container's seccomp profile do.",
          "`heaptop doctor PID` says which of them are there. Run heaptop on the host, or in a container "
          "with `--cap-add SYS_PTRACE` and, where AppArmor rules, `--security-opt apparmor=unconfined`. "
          "With SELinux `audit2why` tells the rule." },
        { ERROR_NO_CAPABILITY, EXIT_NOT_PERMITTED, "root without CAP_SYS_PTRACE",
          "heaptop runs as root, but without the capability to trace, as containers have it by default.",
          "`docker run --cap-add SYS_PTRACE`, in Kubernetes `securityContext.capabilities.add`, or an "
          "ephemeral container with `kubectl debug --profile=sysadmin`. Or start the program inside by "
          "`heaptop run -- CMD`. Or watch it from the host." },
        { ERROR_UNDUMPABLE, EXIT_NOT_PERMITTED, "the process has made itself undumpable",
          "It called prctl(2) with PR_SET_DUMPABLE, or was started with more rights than its user has (a "
          "set-user-ID program, or one with capabilities). Only somebody with CAP_SYS_PTRACE may look into "
          "it then.",
          "`sudo heaptop -p PID`." },
        { ERROR_SECCOMP, EXIT_NOT_PERMITTED, "a seccomp filter guards the process",
          "The process may make only some system calls. Attaching needs a few more for a moment "
          "(memfd_create, mmap, madvise), so heaptop suspends the filter while it attaches, and that takes "
          "CAP_SYS_ADMIN. What the filter would do otherwise, end the process perhaps, heaptop does not "
          "try.",
          "`sudo heaptop -p PID`; or a heaptop inside the same container, under the same filter." },
        { ERROR_SECCOMP_OURS, EXIT_NOT_PERMITTED, "heaptop itself is under a seccomp filter",
          "A filter guards the process, and the kernel lets only a program without a filter of its own "
          "suspend it. heaptop runs under one, as in most containers.",
          "Run heaptop on the host, or in a container with `--security-opt seccomp=unconfined` and "
          "`--cap-add SYS_ADMIN`." },
        { ERROR_SECCOMP_DEADLY, EXIT_UNAVAILABLE, "the seccomp filter would end the process",
          "The process runs in strict seccomp mode, or under a filter that would end or hang it if heaptop "
          "were killed in the middle of an attach. That is no risk to take with a process of yours.",
          "Start it by `heaptop run -- CMD`, which is there before the filter, or without the filter for "
          "once." },
        { ERROR_REFUSED_CALL, 0, "the process may not make a call that is needed",
          "While it was stopped the process was made to ask the kernel for memory, and was refused: by "
          "SELinux (execmem), by a limit of its address space (`ulimit -v`), or because a limit of "
          "mappings is reached. Everything was put back.",
          "`/proc/PID/limits` and the audit log tell which. Raise that limit with prlimit(1), or watch it "
          "where the rule is not in force." },

        { ERROR_TRACED, EXIT_TRY_AGAIN, "another program traces the process",
          "A process has one tracer at most: a debugger, strace(1), perf trace, or a supervisor that works "
          "by ptrace(2). It is named in the message, and as TracerPid in `/proc/PID/status`.",
          "End it, then try again. heaptop traces only for the moment of the attach, so that a debugger "
          "can be used afterwards." },
        { ERROR_WATCHED, EXIT_TRY_AGAIN, "a heaptop watches the process already",
          "One recorder runs on a process; any number of screens can look at what it records.",
          "`heaptop attach PID` joins it. `heaptop detach PID` ends it." },
        { ERROR_WATCHED_BY_OTHER, EXIT_TRY_AGAIN, "another user's heaptop watches the process",
          "A recorder of another user runs on it, and its session is not yours to read.",
          "Ask them for the file, or to end it by `heaptop detach PID`." },
        { ERROR_CIRCLE, EXIT_TRY_AGAIN, "two heaptops would watch each other",
          "The process is a heaptop that watches this one, directly or through others. Each would wait for "
          "the other.",
          "End one of both first." },
        { ERROR_OURSELVES, EXIT_TROUBLE, "that is this heaptop itself",
          "A recorder that stops itself would never go on.",
          "Start a second heaptop to look at the first one." },
        { ERROR_LEFTOVER, 0, "the code of an earlier heaptop is still in use",
          "A heaptop that was killed left its probe in the process, and one of its threads is inside of "
          "it. It leaves it as soon as it runs.",
          "Try again. When it persists, the message of `heaptop detach PID` says which version put it there." },

        { ERROR_NO_PROCESS, EXIT_NO_INPUT, "there is no such process",
          "No process has that number, in the pid namespace that heaptop runs in. In a container numbers "
          "differ from those of the host.",
          "`heaptop` without arguments shows what there is." },
        { ERROR_HAS_ENDED, EXIT_NO_INPUT, "the process has ended",
          "It ended before it could be hooked, or is a zombie: only its exit status is left, for its parent.",
          "Nothing is left to watch. `heaptop run -- CMD` records from the first allocation." },
        { ERROR_KERNEL_THREAD, EXIT_UNAVAILABLE, "it is a kernel thread",
          "Kernel threads have no memory of their own and no malloc(3).",
          "Kernel memory is told by slabtop(1) and `/proc/meminfo`." },
        { ERROR_32_BIT, EXIT_UNAVAILABLE, "it is a 32-bit program",
          "heaptop knows x86-64 only.",
          "Build it for 64 bits." },
        { ERROR_THREAD, EXIT_TROUBLE, "the number is that of a thread",
          "Tools like top(1) with threads shown print numbers of threads. A heap belongs to the process.",
          "The message names the process." },
        { ERROR_NO_MALLOC, EXIT_UNAVAILABLE, "no malloc found",
          "None of the functions was found that give out memory: those of the C library, jemalloc, "
          "tcmalloc, mimalloc, or C++ new. The program has an allocator of its own (Go has), or is linked "
          "statically and stripped of its symbols. The message says what was tried.",
          "Where you know the function: `heaptop -p PID --malloc-at FUNC`, or an address, `--malloc-at "
          "0xADDR`. Keep the symbols of such a program (`strip --strip-debug`)." },
        { ERROR_NO_LIBC, EXIT_UNAVAILABLE, "no C library that heaptop knows",
          "heaptop borrows two instructions of the process for the attach, a system call and a signal's "
          "return, and found none.",
          "Such programs, without a C library or with a very small one, cannot be watched." },
        { ERROR_SHADOW_STACK, EXIT_UNAVAILABLE, "the process runs with shadow stacks",
          "The processor checks each return against a second stack (CET), which a hook would disturb.",
          "Start it with `GLIBC_TUNABLES=glibc.cpu.hwcaps=-SHSTK`." },
        { ERROR_FROZEN, EXIT_TRY_AGAIN, "the process is frozen",
          "Its cgroup is frozen (docker pause, a suspended session), so that it does not answer.",
          "Thaw it; the message says where." },
        { ERROR_NO_ROOM, EXIT_TROUBLE, "no room in the memory cgroup",
          "heaptop maps up to 8 MiB into the process. Its memory cgroup has less than that left, and the "
          "kernel would end the process.",
          "Raise the limit first (`docker update --memory`, `systemctl set-property NAME MemoryMax=`), "
          "then attach." },
        { ERROR_NOT_STOPPED, EXIT_TRY_AGAIN, "its threads did not stop together",
          "All threads must stand still for a moment. One of them waits for a disk or a network file "
          "system, for a child in vfork(2), or the process begins one program after another. Nothing was "
          "changed.",
          "Try again when it is less busy." },
        { ERROR_EXTRA_FUNCTION, EXIT_USAGE, "a function given with --malloc-at or --pair cannot be hooked",
          "There is no such function or more than one, the address is not the start of a function, its "
          "first instructions cannot be moved, or it is hooked already. Nothing was changed.",
          "The message says which, and names like it. `nm -D FILE` and `nm -C FILE` list the functions of "
          "a program." },
        { ERROR_NOT_MOVABLE, EXIT_UNAVAILABLE, "a function cannot be hooked",
          "A jump takes the place of a function's first instructions, which run elsewhere then. These "
          "cannot be moved, or there is no free memory within reach of a jump. Nothing was changed.",
          "For a function of --malloc-at or --pair: choose its caller. Otherwise nothing can be done but "
          "another build of the allocator." },
        { ERROR_SEVERAL, EXIT_USAGE, "several processes are meant",
          "`--name`, `--unit` or `--container` fits more than one process, and heaptop does not guess. Of "
          "a process and its own children of the same name, a server and its workers, the parent is taken.",
          "The message lists them; say which one with -p." },

        { ERROR_NO_FILE, 0, "the file cannot be opened",
          "There is no such file, or it is not yours to read. Session files have mode 0600.",
          "`heaptop list` shows the sessions there are." },
        { ERROR_NO_SESSION, 0, "the file is no session of heaptop",
          "Sessions are SQLite databases with heaptop's application id; this is something else.",
          "`heaptop list` shows the sessions there are." },
        { ERROR_NEWER_FORMAT, 0, "the session was written by a newer heaptop",
          "Its format has a number that this heaptop does not know. Newer ones read all older formats.",
          "Use that heaptop, or a newer one." },
        { ERROR_DAMAGED, 0, "the session file is damaged",
          "It is not what heaptop wrote: cut off by a copy, or changed by a disk or a person.",
          "`sqlite3 FILE .recover` may save a part of it." },
        { ERROR_EMPTY, EXIT_NO_INPUT, "nothing has been recorded yet",
          "The session has no moment that could be shown: it began less than a second ago, or broke off at "
          "once.",
          "Try again in a second." },
        { ERROR_EXISTS, EXIT_CANT_WRITE, "there is something of that name already",
          "heaptop overwrites no file unless it is told to (`heaptop export --force`).",
          "Choose another name with -o, or remove it." },
        { ERROR_CANNOT_CREATE, 0, "the file cannot be created",
          "The folder does not exist, or is not yours to write.",
          "Name another place with -o." },
        { ERROR_DISK_FULL, EXIT_CANT_WRITE, "the disk is full",
          "The session cannot grow. The recording ends, and the process is restored; what was written "
          "before can be replayed.",
          "Make room, or record to another disk with -o; a larger --mean and a shorter --duration write "
          "less." },
        { ERROR_SIZE_LIMIT, EXIT_CANT_WRITE, "the session file has reached its size limit",
          "A limit of the size of files is set for heaptop (`ulimit -f`), and reached. What was written "
          "before can be replayed.",
          "Raise it in the shell that starts heaptop." },
        { ERROR_READ_ONLY, 0, "the session is read-only",
          "It is on a read-only file system, or not yours to write.",
          "Where the subcommand has it, -o writes a copy." },
        { ERROR_FILE_LOCKED, EXIT_TRY_AGAIN, "another program holds the session locked",
          "A stopped heaptop, or a sqlite3(1) with an open transaction, keeps others out.",
          "End it, then try again." },
        { ERROR_STILL_RECORDED, EXIT_TRY_AGAIN, "the session is still being recorded",
          "What was asked changes the file, and a recorder writes it.",
          "`heaptop detach PID` ends the recording; or wait until it has ended." },
        { ERROR_RECORDER_GONE, EXIT_NO_INPUT, "nobody records this session any more",
          "The recorder that was asked has ended in the meantime.",
          "The session can be replayed." },
        { ERROR_JOURNAL, EXIT_NOT_PERMITTED, "a cut-off change cannot be undone",
          "A change of the file was interrupted (resymbolize, a mark), and the journal beside it, which "
          "undoes it, cannot be used: it must be a plain file of that session, in a folder that you may "
          "write.",
          "Move both into a folder of yours, or ask their owner to open the session once." },
        { ERROR_CANNOT_WRITE, EXIT_CANT_WRITE, "what was asked for cannot be written",
          "The disk is full, the folder is not yours to write, or who reads the output has ended.",
          "Name another place with -o." },

        { ERROR_NO_TERMINAL, EXIT_USAGE, "the screen needs a terminal",
          "Standard input or output is a pipe or a file.",
          "Without a terminal: `heaptop record`, `heaptop report`, or `heaptop replay FILE --screen 80x24`." },
        { ERROR_UNKNOWN_TERMINAL, EXIT_TROUBLE, "the terminal is not known",
          "$TERM names a terminal that is not in the terminfo database of this machine, as happens after "
          "ssh(1) from a newer system.",
          "`TERM=xterm heaptop`, or install ncurses-term." },
        { ERROR_DUMB_TERMINAL, EXIT_TROUBLE, "the terminal cannot move its cursor",
          "$TERM is `dumb` or the like: text can only be appended.",
          "`heaptop report` prints what a session found; `TERM=vt100 heaptop` where the terminal can do "
          "more than it says." },

        { ERROR_OPTION, EXIT_USAGE, "there is no such option",
          "Options are not abbreviated, and each subcommand has its own.",
          "The message names one that is near; `heaptop SUBCOMMAND --help` explains all of them." },
        { ERROR_VALUE, EXIT_USAGE, "the value of an option is wrong",
          "Sizes are `4096`, `512K`, `1.5G`; times `30s`, `10m`, `1h30m`; some options know a few words only.",
          "`heaptop SUBCOMMAND --help` says what the option takes." },
        { ERROR_NO_VALUE, EXIT_USAGE, "the value of an option is missing",
          "The option stands last, or before another one, but takes a value.",
          "`heaptop SUBCOMMAND --help` says what the option takes." },
        { ERROR_SUBCOMMAND, EXIT_USAGE, "there is no such subcommand or session",
          "The first word is a subcommand, the number of a process, or the path of a session that exists.",
          "The message names a subcommand that is near; `heaptop -h` lists them." },
        { ERROR_OPERAND, EXIT_USAGE, "a word too many",
          "The subcommand takes fewer words, or the word is no process id.",
          "`heaptop SUBCOMMAND -h` shows three examples." },
        { ERROR_NO_OPERAND, EXIT_USAGE, "a word is missing",
          "The subcommand must be told a file, a process or a program.",
          "`heaptop SUBCOMMAND -h` shows three examples; `heaptop list` what is there." },
        { ERROR_MOMENT, EXIT_USAGE, "there is no such moment in the session",
          "A moment is `13:05:30`, `-10m`, the name of a mark, the number of a tick, `start` or `end`; a "
          "range is two of them, `A..B`. Times of day outside the session are refused.",
          "The message says when the session begins or ends, and which marks it has." },
        { ERROR_CONFIG, EXIT_TROUBLE, "a file of settings cannot be used",
          "`~/.config/heaptop/frames.conf` or another file of settings cannot be read, or a line of it "
          "makes no sense.",
          "The message says which line. heaptop(5) describes the files." },

        { ERROR_NO_RECORDER, EXIT_NO_INPUT, "no heaptop is recording",
          "No recorder of yours runs, or none on that process.",
          "`heaptop -p PID` begins; `heaptop list` shows what runs; root sees the recorders of root." },
        { ERROR_SEVERAL_RECORDERS, EXIT_USAGE, "more than one heaptop is recording",
          "It is not clear which one is meant.",
          "Say which PID; `heaptop list` shows them." },
        { ERROR_NOT_ENDING, EXIT_TRY_AGAIN, "the recorder does not answer",
          "It was asked and has not answered in time: the machine is very busy, or the recorder waits for "
          "a disk.",
          "Try again. If it is killed, `heaptop detach PID` takes out what it left." },
        { ERROR_NOT_RESTORED, EXIT_TROUBLE, "the hooks could not be taken out",
          "The process still carries heaptop's code, or the part of it that gives back. It runs on as "
          "before, and nothing is recorded.",
          "`heaptop detach PID` tries again. Hooks of another version of heaptop are taken out by that "
          "version." },

        { ERROR_NO_PROGRAM, EXIT_RUN_NOT_FOUND, "there is no such program",
          "`heaptop run` looked for it as a shell does: a name without a slash in the folders of $PATH.",
          "Look at the name, and at $PATH. As root by sudo(8) that is another one." },
        { ERROR_NOT_EXECUTABLE, EXIT_RUN_NOT_EXECUTABLE, "the program cannot be executed",
          "The file is there, but is not executable, or not by you.",
          "`ls -l` shows its mode; a script is run by its interpreter: `heaptop run -- python3 FILE`." },
        { ERROR_PROGRAM_ENDED, EXIT_RUN_FAILED, "the program ended before it began",
          "It ended, or was killed, before its loader had finished: a library is missing, or it is for "
          "another machine.",
          "Start it without heaptop and look at what it says." },
        { ERROR_NO_DEMO, EXIT_TROUBLE, "the demo service is missing or does not start",
          "`heaptop demo` starts a small program, heaptop-demo, that is installed with it.",
          "Install heaptop completely (`make install`), or run it from its build folder." },
        { ERROR_NONE, 0, NULL, NULL, NULL },
};

const struct error_entry *errors_all(void)
{
        return entries;
}

const struct error_entry *errors_find(int id)
{
        for (const struct error_entry *e = entries; e->id != ERROR_NONE; e++) {
                if ((int)e->id == id)
                        return e;
        }
        return NULL;
}
