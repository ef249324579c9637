#include "inject/hook.h"

#include <errno.h>
#include <string.h>

enum {
        PAGE = 4096,
        LEA_LENGTH = 7,
        LITERAL = 16, /* offset of the handler's address in the stub */
};

static const uint8_t ENDBR64[] = { 0xf3, 0x0f, 0x1e, 0xfa };

static bool on_two_pages(uint64_t addr)
{
        return addr / PAGE != (addr + HOOK_JUMP_LENGTH - 1) / PAGE;
}

/* A jump on two pages is written by two copies inside one write(2). SHOULD HEAPTOP BE KILLED BETWEEN THEM (some
 * hundred nanoseconds, while the target stands still) THE TARGET WOULD BE LEFT WITH HALF A JUMP. So we step aside where we can:
 * giving up the landing pad is harmless, no kernel enforces it in user space. */
uint32_t hook_offset(const uint8_t *code, size_t size, uint64_t addr)
{
        if (size < sizeof ENDBR64 || memcmp(code, ENDBR64, sizeof ENDBR64) != 0)
                return 0;
        if (on_two_pages(addr + sizeof ENDBR64) && !on_two_pages(addr))
                return 0;
        return sizeof ENDBR64;
}

static bool distance(uint64_t from, uint64_t to, int32_t *ret)
{
        int64_t d = (int64_t)(to - from);

        *ret = (int32_t)d;
        return d == *ret;
}

int hook_jump(uint64_t entry, uint64_t stub, uint8_t ret[HOOK_JUMP_LENGTH])
{
        int32_t d;

        if (!distance(entry + HOOK_JUMP_LENGTH, stub, &d))
                return -ERANGE;
        ret[0] = 0xe9;
        memcpy(ret + 1, &d, sizeof d);
        return 0;
}

bool hook_is_jump(uint64_t entry, const uint8_t *bytes, size_t n, uint64_t *ret)
{
        int32_t d;

        if (n < HOOK_JUMP_LENGTH || bytes[0] != 0xe9)
                return false;
        memcpy(&d, bytes + 1, sizeof d);
        *ret = entry + HOOK_JUMP_LENGTH + (uint64_t)(int64_t)d;
        return true;
}

void hook_stub(uint64_t slot, enum wire_kind kind, uint64_t handler, uint8_t *ret)
{
        int32_t d = HOOK_DATA - LEA_LENGTH;

        memset(ret, 0xcc, HOOK_DATA);
        memcpy(ret, wire_kind_is_wide(kind) ? "\x4c\x8d\x1d" : "\x4c\x8d\x0d", 3); /* lea hook(%rip), %r11 or %r9 */
        memcpy(ret + 3, &d, sizeof d);
        if (distance(slot + LEA_LENGTH + HOOK_JUMP_LENGTH, handler, &d)) {
                ret[LEA_LENGTH] = 0xe9; /* jmp handler */
                memcpy(ret + LEA_LENGTH + 1, &d, sizeof d);
                return;
        }
        d = LITERAL - (LEA_LENGTH + 6);
        memcpy(ret + LEA_LENGTH, "\xff\x25", 2); /* jmp *literal(%rip) */
        memcpy(ret + LEA_LENGTH + 2, &d, sizeof d);
        memcpy(ret + LITERAL, &handler, sizeof handler);
}

bool hook_in_stub(uint64_t slot, uint64_t pc)
{
        return pc == slot || pc == slot + LEA_LENGTH;
}

bool hook_reaches(uint64_t a, uint64_t a_end, uint64_t b, uint64_t b_end)
{
        const uint64_t reach = 0x7fff0000;
        uint64_t low = a < b ? a : b, high = a_end > b_end ? a_end : b_end;

        return high - low < reach;
}
