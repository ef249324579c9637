/* fuzz_unwind: any registers over any bytes of stack end in a bounded walk, by the tables and by libunwind, whose first frame
 * is where the thread was. The code is this program's own and its libraries': the input's words that look small are made
 * addresses of it. */
#include "target/maps.h"
#include "target/unwind.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STACK_ADDR 0x7ff000000000ull
enum { DEPTH = 128, STACK_MAX = 4096 };

static struct unwinder *unwinder;
static struct maps maps;

static void set_up(void)
{
        if (unwinder)
                return;
        if (unwinder_new(getpid(), NULL, &unwinder) < 0 || maps_read(getpid(), &maps) < 0 ||
            unwinder_refresh(unwinder, &maps) < 0)
                abort();
}

/* A word as a process could have it: its upper half 0x7ffe leads into the stack, 0x5500 and up into the code of a mapping. */
static uint64_t word_of(uint64_t word)
{
        const struct mapping *mapping = &maps.v[(word >> 32 & 0xff) % maps.n];

        switch (word >> 48) {
        case 0x7ffe: return STACK_ADDR + word % STACK_MAX;
        case 0x5500: return mapping->exec ? mapping->start + word % (mapping->end - mapping->start) : word;
        default: return word;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        uint64_t words[8 + STACK_MAX / 8] = { 0 };
        struct unwind_frame frames[DEPTH];
        struct unwind_regs regs;
        size_t n = size / 8 < array_len(words) ? size / 8 : array_len(words);
        int depth;

        set_up();
        memcpy(words, data, n * 8);
        for (size_t i = 0; i < n; i++)
                words[i] = word_of(words[i]);
        regs = (struct unwind_regs){ words[0], words[1], words[2], words[3], words[4], words[5], words[6], words[7] };
        n = n > 8 ? (n - 8) * 8 : 0;
        depth = unwind_walk(unwinder, &regs, (uint8_t *)(words + 8), STACK_ADDR, n, frames, DEPTH);
        if (depth < 1 || depth > DEPTH || frames[0].pc != regs.rip)
                abort();
        depth = unwind_reference(unwinder, &regs, (uint8_t *)(words + 8), STACK_ADDR, n, frames, DEPTH);
        if (depth > DEPTH)
                abort();
        return 0;
}
