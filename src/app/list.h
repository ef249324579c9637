/* list: the saved sessions of a user and the recorders that run, newest first. */
#pragma once

#include "model/picker.h"

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

/* A recorder that runs; app fills it from the registry. */
struct list_recorder {
        pid_t pid;            /* whom it records */
        pid_t recorder;
        char path[512];       /* its session */
};

/* A heaptop that waits for the next process of a service (--wait). */
struct list_waiting {
        pid_t heaptop;
        char followed[300];   /* whom it waits for; hostile */
};

/* Describes the session PATH. False when it cannot be opened, or is not a session that has begun. */
bool list_describe(const char *path, struct picker_session *ret);

/* Fills RET with the sessions of FOLDER (*.heaptop), newest first, at most MAX; returns how many, 0 also when there is no such
 * folder. */
size_t list_sessions(const char *folder, struct picker_session *ret, size_t max);

/* Prints recorders and sessions as a table or as JSON. A session that a recorder writes is named once, with the recorder.
 * Returns 0 or -EIO. */
int list_print(FILE *out, const struct list_recorder *recorders, size_t n_recorders,
               const struct list_waiting *waiting, size_t n_waiting, const struct picker_session *sessions,
               size_t n_sessions, bool json);
