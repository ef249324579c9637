/* attach_tool: what the files of this program share. */
#pragma once

#include "inject/inject.h"

#include <sys/types.h>

extern const struct inject_options TOOL_OPTIONS;
extern struct injection tool_injection;

/* Lets the target run for MS milliseconds, and takes its samples. */
void tool_hold(long ms);

/* Prints what went wrong; returns an exit status. */
int tool_fail(const char *what, const struct err *err);

/* Commands (attach_tool_ends.c); each returns an exit status. */
int tool_extend_faults(pid_t pid, long count);
int tool_extend_kills(pid_t pid, long count);
int tool_faults(pid_t pid, const char *only);
int tool_deaths(pid_t pid);
int tool_ends(char **argv);
int tool_execs(pid_t pid, long step);
