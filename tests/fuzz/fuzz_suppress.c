/* fuzz_suppress: a file of suppressions, and a text that the index must judge as each pattern by itself
 * would. */
#include "base/alloc.h"
#include "base/suppress.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input: suppressions, a 0, a text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = xstrndup((const char *)data, size), *name, *line, *rest;
        struct suppress *suppress = suppress_new();
        size_t at = strlen(text) + 1;
        bool wanted = false, whole;

        name = at < size ? xstrndup((const char *)data + at, size - at) : xstrdup("");
        whole = suppress_read(suppress, text, "input", &(struct err){ 0 }) == 0;
        rest = text;
        while (whole && (line = strsep(&rest, "\n"))) {
                size_t len;

                line += strspn(line, " \t");
                for (len = strlen(line); len > 0 && strchr(" \t\r", line[len - 1]); len--)
                        line[len - 1] = '\0';
                if (strncmp(line, "leak:", 5) == 0)
                        wanted |= suppress_pattern_match(line + 5, name);
        }
        if (whole && suppress_match(suppress, name) != wanted)
                abort();
        suppress_free(suppress);
        free(name);
        free(text);
        return 0;
}
