/* option_table: every option of heaptop, each standing once. The subcommands of app/command_table.c choose
 * from them; the parser, -h, --help, the manual pages and the completions read them there. */
#pragma once

#include "app/options.h"

/* everywhere */
extern const struct option_row option_help, option_help_all, option_log, option_version;
/* which process, which recorder */
extern const struct option_row option_pid, option_pid_main, option_pid_recorded, option_name,
        option_unit, option_container, option_wait, option_all;
/* a recording */
extern const struct option_row option_output, option_duration, option_mean, option_stack,
        option_no_cmdline, option_no_debuginfod, option_no_python, option_rss_only, option_min_free,
        option_max_cost, option_follow_fork, option_follow_exec, option_malloc_at, option_pair,
        option_live;
/* the screen */
extern const struct option_row option_ascii, option_color, option_no_mouse, option_plain,
        option_source_map, option_expected, option_keys, option_screen, option_styles;
/* what is printed */
extern const struct option_row option_at, option_range, option_top, option_json, option_fail_on,
        option_output_copy, option_csv, option_no_pager, option_to, option_metric, option_redact,
        option_output_export, option_force, option_min;
