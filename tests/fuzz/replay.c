/* replay: runs a fuzz target over its corpus, tests/fuzz/corpus/NAME/ for the program fuzz_NAME, as TAP. What a fuzzer found
 * once is put there and stays fixed. */
#include "base/alloc.h"
#include "base/io.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int is_plain(const struct dirent *item)
{
        return item->d_name[0] != '.';
}

int main(int argc, char **argv)
{
        const char *source = getenv("HEAPTOP_SRC"), *name = strstr(argv[0], "fuzz_");
        struct dirent **items;
        char *folder;
        int n, bad = 0;

        if (argc > 1)
                folder = xstrdup(argv[1]);
        else
                folder = xasprintf("%s/tests/fuzz/corpus/%s", source ? source : ".", name ? name + strlen("fuzz_") : "");
        n = scandir(folder, &items, is_plain, alphasort);
        printf("1..%d\n", n < 0 ? 1 : n);
        if (n <= 0)
                printf("not ok 1 - no corpus in %s\n", folder), bad = 1;
        for (int i = 0; i < n; i++) {
                char *path = xasprintf("%s/%s", folder, items[i]->d_name), *data = NULL;
                size_t size;

                if (io_read_file(path, 16 << 20, &data, &size) == 0)
                        LLVMFuzzerTestOneInput((const uint8_t *)data, size);
                else
                        bad = 1;
                printf("%sok %d - %s\n", data ? "" : "not ", i + 1, items[i]->d_name);
                fflush(stdout);
                free(data);
                free(path);
                free(items[i]);
        }
        if (n > 0)
                free(items);
        free(folder);
        return bad;
}
