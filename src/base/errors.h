/* errors: every error that has a number. A message ends with it, "(E101)", and heaptop-errors(7) and
 * `heaptop help E101` explain it at length: what it means and what to do. Both are made from this table. */
#pragma once

/* Numbers are never used again for something else. */
enum error_id {
        ERROR_NONE = 0,
        /* 1xx: attaching; what the kernel, the user's rights or a container do not permit */
        ERROR_YAMA = 101, ERROR_OTHER_USER, ERROR_YAMA_NOBODY, ERROR_SECURITY_MODULE, ERROR_NO_CAPABILITY, ERROR_UNDUMPABLE,
        ERROR_SECCOMP, ERROR_SECCOMP_OURS, ERROR_SECCOMP_DEADLY, ERROR_REFUSED_CALL,
        /* 12x: somebody else has it */
        ERROR_TRACED = 121, ERROR_WATCHED, ERROR_WATCHED_BY_OTHER, ERROR_CIRCLE, ERROR_OURSELVES, ERROR_LEFTOVER,
        /* 14x: the process itself */
        ERROR_NO_PROCESS = 141, ERROR_HAS_ENDED, ERROR_KERNEL_THREAD, ERROR_32_BIT, ERROR_THREAD, ERROR_NO_MALLOC, ERROR_NO_LIBC,
        ERROR_SHADOW_STACK, ERROR_FROZEN, ERROR_NO_ROOM, ERROR_NOT_STOPPED, ERROR_EXTRA_FUNCTION, ERROR_NOT_MOVABLE, ERROR_SEVERAL,
        /* 2xx: session files */
        ERROR_NO_FILE = 201, ERROR_NO_SESSION, ERROR_NEWER_FORMAT, ERROR_DAMAGED, ERROR_EMPTY, ERROR_EXISTS, ERROR_CANNOT_CREATE,
        ERROR_DISK_FULL, ERROR_SIZE_LIMIT, ERROR_READ_ONLY, ERROR_FILE_LOCKED, ERROR_STILL_RECORDED, ERROR_RECORDER_GONE,
        ERROR_JOURNAL, ERROR_CANNOT_WRITE,
        /* 3xx: the terminal */
        ERROR_NO_TERMINAL = 301, ERROR_UNKNOWN_TERMINAL, ERROR_DUMB_TERMINAL,
        /* 4xx: how heaptop was called */
        ERROR_OPTION = 401, ERROR_VALUE, ERROR_NO_VALUE, ERROR_SUBCOMMAND, ERROR_OPERAND, ERROR_NO_OPERAND, ERROR_MOMENT,
        ERROR_CONFIG,
        /* 5xx: recorders */
        ERROR_NO_RECORDER = 501, ERROR_SEVERAL_RECORDERS, ERROR_NOT_ENDING, ERROR_NOT_RESTORED,
        /* 6xx: programs that heaptop starts */
        ERROR_NO_PROGRAM = 601, ERROR_NOT_EXECUTABLE, ERROR_PROGRAM_ENDED, ERROR_NO_DEMO,
};

struct error_entry {
        enum error_id id;
        int exit_status;        /* base/exit.h; 0 = as its errno says */
        const char *title;      /* a few words, without a stop */
        const char *why;        /* what it means; marked up as app/prose.h says */
        const char *remedy;     /* what to do */
};

/* All entries in the order of their numbers; ended by one with ERROR_NONE. */
const struct error_entry *errors_all(void);

/* The entry of ID, or NULL. */
const struct error_entry *errors_find(int id);
