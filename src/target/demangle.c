#include "target/naming.h"

#include "base/alloc.h"
#include "base/buf.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <libiberty/demangle.h>

/* A mangled name of some hundred bytes can stand for megabytes of C++, and printing them takes as long. The demanglers print
 * through a callback and own no memory while they do (they work on the stack), so we leave them by longjmp() when they have
 * said enough. */

#define MANGLED_MAX   4096
#define DEMANGLED_MAX 16384

struct output {
        struct buf text;
        jmp_buf enough;
};

static void collect(const char *text, size_t len, void *opaque)
{
        struct output *output = opaque;

        if (output->text.len + len > DEMANGLED_MAX)
                longjmp(output->enough, 1);
        buf_add(&output->text, text, len);
}

/* Names are shown without parameters: the place tells overloads apart. */
static int print(const char *mangled, struct output *output)
{
        if (strncmp(mangled, "_R", 2) == 0 || strncmp(mangled, "_ZN", 3) == 0)
                if (rust_demangle_callback(mangled, 0, collect, output))
                        return 1;
        output->text.len = 0;
        if (strncmp(mangled, "_Z", 2) == 0 || strncmp(mangled, "___Z", 4) == 0)
                return cplus_demangle_v3_callback(mangled, DMGL_NO_OPTS, collect, output);
        return 0;
}

char *naming_demangle(const char *mangled)
{
        struct output output = { 0 };
        char *text = NULL;

        if (mangled[0] != '_' || strlen(mangled) > MANGLED_MAX)
                return xstrdup(mangled);
        if (setjmp(output.enough) == 0 && print(mangled, &output) && output.text.len > 0)
                text = xstrdup(output.text.data);
        buf_done(&output.text);
        if (!text && strncmp(mangled, "_D", 2) == 0) {
                char *d = dlang_demangle(mangled, 0);

                if (d)
                        text = xstrndup(d, DEMANGLED_MAX);
                free(d);
        }
        return text ? text : xstrdup(mangled);
}
