/* fuzz_proc: what a process calls itself and whatever else /proc says of it is refused or gives bounded values. */
#include "target/proc.h"

#include "base/alloc.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = xstrndup((const char *)data, size), *clean;
        struct proc_status status;
        struct proc_stat stat;

        if (proc_stat_parse(text, strlen(text), &stat) == 0 && memchr(stat.comm, '\0', sizeof stat.comm) == NULL)
                abort();
        proc_status_parse(text, &status);
        clean = text_clean(text);
        for (const char *p = clean; *p; p++)
                if ((unsigned char)*p < ' ' || *p == 0x7f)
                        abort();
        free(clean);
        free(text);
        return 0;
}
