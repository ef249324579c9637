/* main: finds the subcommand and hands over to it. */
#include "base/exit.h"

#include <stdio.h>

int main(int argc, char **argv)
{
        (void)argc;
        fprintf(stderr, "%s: no subcommand yet\n", argv[0]);
        return EXIT_USAGE;
}
