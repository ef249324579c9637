/* loads: opens the shared libraries that it is told and calls work() of each in turn until its stdin ends. Prints READY. */
#include <dlfcn.h>
#include <poll.h>
#include <stdio.h>

enum { LIBRARIES_MAX = 64 };

static int stdin_ended(void)
{
        struct pollfd in = { .fd = 0, .events = POLLIN };

        return poll(&in, 1, 0) > 0;
}

int main(int argc, char **argv)
{
        int (*work[LIBRARIES_MAX])(int);
        int n = 0;

        for (int i = 1; i < argc && n < LIBRARIES_MAX; i++) {
                void *library = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);

                work[n] = library ? (int (*)(int))dlsym(library, "work") : NULL;
                if (!work[n++])
                        return fprintf(stderr, "%s\n", dlerror()), 1;
        }
        puts("READY");
        fflush(stdout);
        while (!stdin_ended())
                for (int i = 0; i < n; i++)
                        work[i](20);
        return 0;
}
