/* main: hands over to the subcommands. */
#include "app/commands.h"
#include "target/debuginfod.h"

int main(int argc, char **argv)
{
        if (debuginfod_is_child(argc, argv))
                return debuginfod_child();
        return commands_main(argc, argv);
}
