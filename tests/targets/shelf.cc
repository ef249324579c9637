#include "shelf.h"

#include <cstdio>
#include <unistd.h>

int main(int argc, char **argv)
{
        Shelf<Book> shelf;

        puts("READY");
        fflush(stdout);
        for (int i = 0; argc > 1; i++) {
                shelf.add(i);
                if (i % 50 == 0) {
                        sink = sink + other(i);
                        usleep(1000);
                }
        }
        return shelf.sum() == -1;
}
