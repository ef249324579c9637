/* fuzz_elf: any file is refused or can be read, unwound and named. */
#include "target/image.h"
#include "target/naming.h"
#include "target/unwind_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct naming_frame frames[NAMING_FRAMES_MAX];
        struct unwind_table table = { 0 };
        struct naming *naming = NULL;
        struct image *image = NULL;
        uint64_t addr = 0, len;
        char path[64];
        int fd = memfd_create("fuzz_elf", MFD_CLOEXEC);

        if (fd < 0 || write(fd, data, size) != (ssize_t)size)
                abort();
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        if (image_open_path(path, &image) == 0) {
                if (image_code(image, 0, &addr, &len))
                        (void)image_bytes(image, addr, 16);
                if (unwind_table_build(image, &table) == 0)
                        unwind_table_find(&table, addr);
                if (naming_open(image, NULL, &naming) == 0)
                        naming_lookup(naming, addr + 1, false, frames, NAMING_FRAMES_MAX);
        }
        naming_close(naming);
        unwind_table_done(&table);
        image_close(image);
        close(fd);
        return 0;
}
