/* The text of /proc/PID/smaps: whatever it is, it is refused or gives sorted regions whose figures can be added up. */
#include "target/smaps.h"

#include <assert.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        int fd = memfd_create("fuzz", MFD_CLOEXEC);
        struct smaps smaps = { 0 };

        if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0)
                goto out;
        if (smaps_read_fd(fd, &smaps) < 0)
                assert(smaps.n == 0);
        for (size_t i = 0; i < smaps.n; i++) {
                const struct smaps_region *region = &smaps.v[i];

                assert(region->start < region->end && region->rss <= region->end - region->start &&
                       region->swap <= region->end - region->start);
                assert(i == 0 || smaps.v[i - 1].end <= region->start);
                assert(smaps_find(&smaps, region->start) == region && smaps_find(&smaps, region->end - 1) == region);
        }
out:
        smaps_done(&smaps);
        if (fd >= 0)
                close(fd);
        return 0;
}
