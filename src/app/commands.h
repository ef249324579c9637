/* commands: what each subcommand of app/command_table.h does. */
#pragma once

#include "app/options.h"
#include "app/recording.h"

/* Finds the subcommand in ARGV (a bare number is a PID, a bare file a session), reads its options and runs it. Returns the
 * exit status. */
int commands_main(int argc, char **argv);

/* ---- the subcommands that have a file of their own ---- */

int command_record(const struct subcommand *subcommand, struct options *options);
int command_run(const struct subcommand *subcommand, struct options *options);
int command_detach(const struct subcommand *subcommand, struct options *options);
int command_doctor(const struct subcommand *subcommand, struct options *options);
int command_diff(const struct subcommand *subcommand, struct options *options);
int command_export(const struct subcommand *subcommand, struct options *options);
int command_resymbolize(const struct subcommand *subcommand, struct options *options);
int command_demo(const struct subcommand *subcommand, struct options *options);

/* ---- what they share ---- */

/* What OPTIONS say about recording PID; USER must outlive it. */
struct recording commands_recording(const struct options *options, pid_t pid, const struct user *user);

/* Records without a screen until it ends by itself, OPTIONS->duration_ns is over, or a signal arrives. *RET_PATH (PLACE_MAX bytes,
 * may be NULL) is where. Returns the exit status. */
int commands_record(const struct recording *recording, char *ret_path);

/* Opens the live screen on a new recorder; needs a terminal. */
int commands_watch(const struct recording *recording, const struct options *options);

/* -p PID, the one operand as a PID, or who --name, --unit or --container means (not with --wait: app/series.h) into
 * options->pid. Negative errno in words. commands_need_recorded(): of several that are meant one that is recorded. */
int commands_need_pid(const struct subcommand *subcommand, struct options *options, struct err *err);
int commands_need_recorded(const struct subcommand *subcommand, struct options *options, struct err *err);

/* "heaptop record: unexpected 'x'" when operands are left. */
int commands_no_words(const struct subcommand *subcommand, const struct options *options, struct err *err);
