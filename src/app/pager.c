#include "app/pager.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *find_pager(void)
{
        const char *pager = getenv("PAGER");

        if (!pager)
                return system("command -v less >/dev/null 2>&1") == 0 ? "less" : NULL;
        return *pager && strcmp(pager, "cat") != 0 ? pager : NULL;
}

FILE *pager_open(bool not)
{
        const char *pager = not || !isatty(STDOUT_FILENO) ? NULL : find_pager();
        FILE *out;

        if (!pager)
                return stdout;
        setenv("LESS", "FRX", 0); /* less: quit when it fits on one screen */
        fflush(NULL);
        signal(SIGPIPE, SIG_IGN); /* who leaves the pager early has seen enough */
        out = popen(pager, "w");
        return out ? out : stdout;
}

int pager_close(FILE *out)
{
        if (out != stdout) {
                pclose(out);
                return 0;
        }
        return fflush(stdout) == 0 && !ferror(stdout) ? 0 : -EIO;
}
