/* doctor: can heaptop attach here? Each check in a line, with its remedy when it fails. */
#include "app/doctor.h"

#include "app/commands.h"
#include "app/say.h"
#include "base/exit.h"
#include "base/text.h"
#include "target/proc.h"

#include <stdio.h>
#include <stdlib.h>

bool doctor_check(bool good, const char *what, const char *found, const char *remedy)
{
        char *clean = text_clean(found);

        printf("%-4s  %-22s %s\n", good ? "ok" : "FAIL", what, clean);
        if (!good)
                doctor_advise(remedy);
        free(clean);
        return good;
}

void doctor_note(const char *what, const char *found)
{
        char *clean;

        if (!found[0])
                return; /* not ours to see */
        clean = text_clean(found);
        printf("note  %-22s %s\n", what, clean);
        free(clean);
}

void doctor_advise(const char *text)
{
        printf("      -> %s\n", text);
}

int command_doctor(const struct subcommand *subcommand, struct options *options)
{
        struct err err = { 0 };
        bool good;

        if (commands_need_pid(subcommand, options, &err) < 0)
                return say_error(&err);
        good = doctor_machine();
        if (options->pid && !doctor_process(options->pid)) {
                struct proc_stat stat;

                if (proc_stat_read(options->pid, &stat) < 0)
                        return EXIT_NO_INPUT;
                good = false;
        }
        return good ? EXIT_GOOD : EXIT_NOT_PERMITTED;
}
