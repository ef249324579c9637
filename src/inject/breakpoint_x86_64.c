#include "inject/breakpoint.h"

#include <errno.h>

static const uint8_t INT3 = 0xcc;

int breakpoint_set(struct process *process, uint64_t addr, struct breakpoint *ret)
{
        int r = process_read(process, addr, &ret->saved, 1);

        ret->addr = addr;
        return r < 0 ? r : process_write(process, addr, &INT3, 1);
}

int breakpoint_clear(struct process *process, const struct breakpoint *breakpoint)
{
        return process_write(process, breakpoint->addr, &breakpoint->saved, 1);
}

bool breakpoint_step_back(const struct breakpoint *breakpoint, struct regs *regs)
{
        if (regs_pc(regs) != breakpoint->addr + 1)
                return false;
        regs_set_pc(regs, breakpoint->addr);
        return true;
}

int breakpoint_return_address(const struct process *process, const struct regs *regs, uint64_t *ret)
{
        return process_read(process, regs_sp(regs), ret, sizeof *ret);
}
