/* candidates: the words that the completion scripts ask heaptop for (app/completion.h), by `heaptop
 * __complete KIND [WORD]`. */
#pragma once

/* Prints the words of KIND, one a line, each with a tab and what it is: "processes", "recorded" (processes
 * that a recorder runs on), "names" (of processes), "units" (of systemd, that run), "sessions" (WORD: how
 * they begin, by path or by name), "moments" (marks of the session WORD), "errors". Words that a shell
 * would read as more than one word, or as a command, are left out: names of marks and files are hostile.
 * Returns the exit status. */
int candidates_print(const char *kind, const char *word);
