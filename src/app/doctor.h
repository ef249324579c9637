/* doctor: the lines of `heaptop doctor`, one for each thing that an attach depends on; objects with --json
 * (doc/schema/doctor.json). */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* A line "ok" or "FAIL"; with what to do where it failed. FOUND may be hostile. Returns GOOD. */
bool doctor_check(bool good, const char *what, const char *found, const char *remedy);

/* A line "note"; nothing when FOUND is "". FOUND may be hostile. */
void doctor_note(const char *what, const char *found);

/* A line of advice below the last one. */
void doctor_advise(const char *text);

/* What this machine, this user and this container allow. True when attaching is possible in general. */
bool doctor_machine(void);

/* What stands in the way of watching PID, and where its session would land. True when it can be watched. */
bool doctor_process(pid_t pid);
