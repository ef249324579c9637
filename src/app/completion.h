/* completion: scripts by which shells complete heaptop's command line, made from the tables of subcommands
 * and options. What is not in these tables (processes, sessions, marks) the scripts ask `heaptop
 * __complete KIND [FILE]` for, see app/candidates.h. */
#pragma once

/* The script for "bash", "zsh" or "fish"; NULL for any other shell. The caller frees it. */
char *completion_script(const char *shell);
