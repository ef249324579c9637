/* Prints what target/python.c knows of a version of CPython, "3.11", as the program in python_layout.sh prints the headers. */
#include "target/python.h"

#include <stdio.h>

int main(int argc, char **argv)
{
        unsigned major, minor;
        const struct python_layout *l;

        if (argc != 2 || sscanf(argv[1], "%u.%u", &major, &minor) != 2 || !(l = python_layout(major << 8 | minor)))
                return 1;
        printf("runtime %u %u %u\n", l->finalizing, l->interpreters, l->tss_key);
        printf("interpreter %u\n", l->threads);
        printf("thread %u %u %u\n", l->next_thread, l->interpreter, l->thread_id);
        printf("anchor %d %d %d\n", (int)l->anchor, (int)l->innermost, (int)l->next_anchor);
        printf("frame %u %u %u %u\n", l->previous, l->code, l->at, l->mark);
        printf("code %u %u %u %d %u %u\n", l->first_line, l->file, l->name, (int)l->qualname, l->lines, l->bytes);
        printf("string %u %u\n", l->ascii_size, l->compact_size);
        printf("object 8 16 16 32 32\n"); /* target/python_code.c */
        return 0;
}
