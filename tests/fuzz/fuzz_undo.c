/* fuzz_undo: a process whose map and memory say anything about a heaptop that had been there; what is believed of it lies inside
 * of what is mapped.
 *
 * The input: a map, a 0, then the bytes at the first code area behind the probe's binary (all pages of it are the same). */
#include "inject/process.h"
#include "inject/undo.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PAGE = 4096, PAGES = 16 };

static void fill(int memory, uint64_t addr, const uint8_t *bytes, size_t n)
{
        for (int i = 0; i < PAGES && addr < 1ull << 46; i++)
                if (pwrite(memory, bytes, n < PAGE ? n : PAGE, (off_t)(addr + (uint64_t)i * PAGE)) < 0)
                        return;
}

static void check(const struct undo *undo, const struct maps *maps)
{
        if (undo->n_hooks > WIRE_HOOKS_MAX || undo->remains.n_areas > REMAINS_AREAS || undo->remains.n_shared > REMAINS_AREAS)
                abort();
        for (uint32_t i = 0; i < undo->n_hooks; i++)
                if (!undo_check(&undo->hooks[i], maps, &undo->remains) || !maps_find(maps, undo->hooks[i].entry))
                        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct process process = { .pid = 1, .view = 1 };
        size_t text = strnlen((const char *)data, size);
        static struct undo undo;

        if (maps_parse((const char *)data, text, &process.maps) < 0)
                return 0;
        process.memory = memfd_create("fuzz_undo", MFD_CLOEXEC);
        if (process.memory < 0)
                abort();
        for (size_t i = 0; i < process.maps.n && i < 4 && text + 1 < size; i++)
                fill(process.memory, process.maps.v[i].start, data + text + 1, size - text - 1);
        undo = (struct undo){ 0 };
        if (undo_read(&process, &undo))
                check(&undo, &process.maps);
        close(process.memory);
        maps_done(&process.maps);
        return 0;
}
