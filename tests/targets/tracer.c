/* tracer: traces PID until it is ended. Prints READY when it does. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <unistd.h>

int main(int argc, char **argv)
{
        if (argc != 2 || ptrace(PTRACE_SEIZE, atoi(argv[1]), NULL, NULL) < 0) {
                perror("tracer");
                return 1;
        }
        puts("READY");
        fflush(stdout);
        for (;;)
                pause();
}
