/* fuzz_session: a session file with any bytes in it is refused or read, and never harms its reader. */
#include "session.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* SQLite opens by name, so the input has to be a file; one is enough. */
static char path[] = "/tmp/fuzz_session.XXXXXX";

static void remove_file(void)
{
        static const char *const suffixes[] = { "", "-wal", "-shm" };
        char name[sizeof path + 8];

        for (int i = 0; i < 3; i++) {
                snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
                unlink(name);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static int fd = -1;
        struct store *store = NULL;

        if (fd < 0) {
                fd = mkstemp(path);
                atexit(remove_file);
        }
        if (fd < 0 || ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
                abort();
        if (store_open(path, &store, &(struct err){ 0 }) == 0)
                (void)session_read_everything(store_history(store));
        store_close(store);
        return 0;
}
