#include "base/exit.h"

#include <stddef.h>

const struct exit_entry *exit_entries(void)
{
        static const struct exit_entry entries[] = {
                { EXIT_GOOD, "All went well." },
                { EXIT_FOUND, "What was asked for was found: `report --fail-on`, or growth by `diff`." },
                { EXIT_TROUBLE, "Trouble without a status of its own." },
                { EXIT_USAGE, "Wrong usage: an option, a value, a word too many or too few." },
                { EXIT_NO_INPUT, "No such file or process." },
                { EXIT_UNAVAILABLE, "The process cannot be watched: no malloc found, another architecture." },
                { EXIT_BUG, "A bug in heaptop." },
                { EXIT_CANT_WRITE, "The session, or what was asked for, cannot be created or written." },
                { EXIT_TRY_AGAIN, "Another tracer or another heaptop has the process; try again later." },
                { EXIT_NOT_PERMITTED, "Not permitted; `heaptop doctor` says why." },
                { EXIT_RUN_FAILED, "`heaptop run`: heaptop itself failed. Otherwise `run` ends with the status of the program." },
                { EXIT_RUN_NOT_EXECUTABLE, "`heaptop run`: the program cannot be executed." },
                { EXIT_RUN_NOT_FOUND, "`heaptop run`: the program was not found." },
                { EXIT_INTERRUPTED, "Ended by ctrl-C. In the screen that is a key that leaves: its status is 0." },
                { EXIT_TERMINATED, "Ended by SIGTERM." },
                { 0, NULL },
        };

        return entries;
}
