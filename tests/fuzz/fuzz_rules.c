/* fuzz_rules: rules for folding frames, and names of functions that are matched against them and demangled. */
#include "target/naming.h"
#include "target/runtime.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input: rules, a 0, the name of a module, a 0, the name of a function. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = xstrndup((const char *)data, size), *module, *function, *name;
        struct runtime_rules *rules = NULL;
        size_t at = strlen(text) + 1;

        module = at < size ? xstrndup((const char *)data + at, size - at) : xstrdup("");
        at += strlen(module) + 1;
        function = at < size ? xstrndup((const char *)data + at, size - at) : xstrdup("");
        if (runtime_parse(text, &rules, &(struct err){ 0 }) == 0)
                runtime_matches(rules, module, function);
        runtime_is(module, function);
        name = naming_demangle(function);
        if (strlen(name) > (32 << 10) + strlen(function))
                abort();
        free(name);
        runtime_free(rules);
        free(function);
        free(module);
        free(text);
        return 0;
}
