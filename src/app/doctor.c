/* doctor: can heaptop attach here? Each check in a line, with its remedy when it fails. */
#include "app/doctor.h"

#include "app/commands.h"
#include "report/json.h"
#include "app/say.h"
#include "base/exit.h"
#include "base/text.h"
#include "target/proc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *lines; /* for --json; NULL = they are printed at once */

static void put_line(const char *verdict, const char *what, const char *found)
{
        char *clean = text_clean(found);

        if (lines)
                json_array_append_new(lines,
                                      json_pack("{s:s, s:o, s:o, s:[]}", "verdict", verdict, "what",
                                                json_text(what),
                                                       "found", json_text(found), "advice"));
        else
                printf("%-4s  %-22s %s\n", strcmp(verdict, "fail") == 0 ? "FAIL" : verdict, what, clean);
        free(clean);
}

bool doctor_check(bool good, const char *what, const char *found, const char *remedy)
{
        put_line(good ? "ok" : "fail", what, found);
        if (!good)
                doctor_advise(remedy);
        return good;
}

void doctor_note(const char *what, const char *found)
{
        if (found[0]) /* else it is not ours to see */
                put_line("note", what, found);
}

void doctor_advise(const char *text)
{
        json_t *line = json_array_get(lines, json_array_size(lines) - 1);

        if (lines)
                json_array_append_new(json_object_get(line, "advice"), json_text(text));
        else
                printf("      -> %s\n", text);
}

static int print_lines(const struct options *options, bool good)
{
        json_t *root = json_pack("{s:i, s:o, s:b, s:o}", "heaptop_schema", JSON_SCHEMA, "pid",
                                 options->pid ? json_integer(options->pid) : json_null(), "good", (int)good,
                                 "checks", lines);

        lines = NULL;
        return json_print(stdout, root);
}

int command_doctor(const struct subcommand *subcommand, struct options *options)
{
        struct err err = { 0 };
        bool good, gone = false;

        if (commands_need_pid(subcommand, options, &err) < 0)
                return say_error(&err);
        if (options->json)
                lines = json_array();
        good = doctor_machine();
        if (options->pid && !doctor_process(options->pid)) {
                struct proc_stat stat;

                gone = proc_stat_read(options->pid, &stat) < 0;
                good = false;
        }
        if (lines && print_lines(options, good) < 0)
                return EXIT_CANT_WRITE;
        return good ? EXIT_GOOD : gone ? EXIT_NO_INPUT : EXIT_NOT_PERMITTED;
}
