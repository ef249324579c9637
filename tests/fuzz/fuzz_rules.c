/* fuzz_rules: rules for folding frames, and names of functions that are matched against them, demangled and shortened. */
#include "target/naming.h"
#include "target/runtime.h"
#include "tui/canvas.h"
#include "base/width.h"

#include "base/alloc.h"
#include "base/rules.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void shorten(const char *name)
{
        char shown[256];

        for (int cells = 0; cells < 60; cells += 7)
                if (text_width(name_fit(name, cells, cells % 2, shown, sizeof shown)) > cells)
                        abort();
}

/* The input: rules, a 0, the name of a module, a 0, the name of a function. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = xstrndup((const char *)data, size), *module, *function, *name;
        struct rules *rules = rules_new();
        size_t at = strlen(text) + 1;

        module = at < size ? xstrndup((const char *)data + at, size - at) : xstrdup("");
        at += strlen(module) + 1;
        function = at < size ? xstrndup((const char *)data + at, size - at) : xstrdup("");
        if (rules_add(rules, text, "input", &(struct err){ 0 }) == 0)
                rules_match(rules, module, function);
        runtime_is(module, function);
        name = naming_demangle(function);
        if (strlen(name) > (32 << 10) + strlen(function))
                abort();
        shorten(name);
        free(name);
        rules_free(rules);
        free(function);
        free(module);
        free(text);
        return 0;
}
