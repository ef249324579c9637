#include "target/unwind.h"

#include "target/unwinder.h"

#include <elf.h>
#include <errno.h>
#include <libunwind-x86_64.h>
#include <string.h>

/* libunwind as an interpreter of unwind information over a copied stack and the bytes of the mapped files. It finds a
 * function's entry by the search table in .eh_frame_hdr. Nothing outside of this file knows libunwind. */

/* libunwind takes the first PC of a walk as an interrupted one, where ours is a return address. So it is told PC - 1, which is
 * inside of the call, and frame_pc() adds the 1 again. */

/* Part of libunwind's library for tools like ours, declared in no header (see its libunwind-ptrace). */
extern int _Ux86_64_dwarf_search_unwind_table(unw_addr_space_t as, unw_word_t ip, unw_dyn_info_t *di,
                                              unw_proc_info_t *pi, int need_unwind_info, void *arg);

#define FRAMES_MAX 1024
#define REFERENCE_BUDGET 20000000

/* The module whose mappings span ADDR; data and tables lie outside of the executable ranges. */
static uint32_t find_module(struct unwinder_record *record, uint64_t addr)
{
        const struct unwinder *unwinder = record->unwinder;
        uint32_t last = record->last_module;

        if (last != UNWIND_NO_MODULE && addr >= unwinder->modules[last].public.start &&
            addr < unwinder->modules[last].public.end)
                return last;
        for (size_t i = 0; i < unwinder->n_modules; i++) {
                const struct unwind_module *module = &unwinder->modules[i].public;

                if (module->mapped && addr >= module->start && addr < module->end) {
                        record->last_module = (uint32_t)i;
                        return (uint32_t)i;
                }
        }
        return UNWIND_NO_MODULE;
}

static int read_word(unw_addr_space_t as, unw_word_t addr, unw_word_t *ret, int write, void *arg)
{
        struct unwinder_record *record = arg;
        uint64_t offset = addr - record->addr;
        const uint8_t *bytes;

        (void)as;
        if (write || record->budget == 0)
                return -UNW_EINVAL;
        record->budget--;
        if (addr >= record->addr && record->bytes >= 8 && offset <= record->bytes - 8) {
                memcpy(ret, record->stack + offset, 8);
                return 0;
        }
        bytes = unwinder_code(record->unwinder, find_module(record, addr), addr, 8);
        if (!bytes)
                return -UNW_EINVAL;
        memcpy(ret, bytes, 8);
        return 0;
}

static int read_register(unw_addr_space_t as, unw_regnum_t reg, unw_word_t *ret, int write, void *arg)
{
        const struct unwinder_record *record = arg;

        (void)as;
        if (write)
                return -UNW_EREADONLYREG;
        switch (reg) {
        case UNW_X86_64_RBX: *ret = record->regs->rbx; break;
        case UNW_X86_64_RBP: *ret = record->regs->rbp; break;
        case UNW_X86_64_R12: *ret = record->regs->r12; break;
        case UNW_X86_64_R13: *ret = record->regs->r13; break;
        case UNW_X86_64_R14: *ret = record->regs->r14; break;
        case UNW_X86_64_R15: *ret = record->regs->r15; break;
        case UNW_X86_64_RSP: *ret = record->regs->rsp; break;
        case UNW_X86_64_RIP: *ret = record->regs->rip - 1; break;
        default: *ret = 0; break; /* not preserved across calls */
        }
        return 0;
}

static int find_function(unw_addr_space_t as, unw_word_t ip, unw_proc_info_t *info, int need, void *arg)
{
        struct unwinder_record *record = arg;
        uint32_t index = find_module(record, ip);
        const struct unwind_module *module;
        unw_dyn_info_t table = { 0 };
        uint64_t header, len;
        const uint8_t *bytes;
        uint32_t count;

        if (index == UNWIND_NO_MODULE)
                return -UNW_ENOINFO;
        module = &record->unwinder->modules[index].public;
        if (!module->image || !image_segment(module->image, PT_GNU_EH_FRAME, &header, &len) || len < 12)
                return -UNW_ENOINFO;
        bytes = image_bytes(module->image, header, 12);
        /* version 1, eh_frame pointer pcrel sdata4, count udata4, table datarel sdata4: what all linkers write */
        if (!bytes || bytes[0] != 1 || bytes[1] != 0x1b || bytes[2] != 0x03 || bytes[3] != 0x3b)
                return -UNW_ENOINFO;
        memcpy(&count, bytes + 8, sizeof count);
        if (count == 0 || count > (len - 12) / 8)
                return -UNW_ENOINFO;
        table.format = UNW_INFO_FORMAT_REMOTE_TABLE;
        table.start_ip = module->start;
        table.end_ip = module->end;
        table.u.rti.segbase = module->bias + header;
        table.u.rti.table_data = module->bias + header + 12;
        table.u.rti.table_len = (unw_word_t)count * 8 / sizeof(unw_word_t);
        return _Ux86_64_dwarf_search_unwind_table(as, ip, &table, info, need, arg);
}

static void put_function(unw_addr_space_t as, unw_proc_info_t *info, void *arg)
{
        (void)as;
        (void)info;
        (void)arg;
}

static int no_dynamic_info(unw_addr_space_t as, unw_word_t *ret, void *arg)
{
        (void)as;
        (void)ret;
        (void)arg;
        return -UNW_ENOINFO;
}

static int no_float_register(unw_addr_space_t as, unw_regnum_t reg, unw_fpreg_t *ret, int write, void *arg)
{
        (void)as;
        (void)reg;
        (void)ret;
        (void)write;
        (void)arg;
        return -UNW_EBADREG;
}

static int no_resume(unw_addr_space_t as, unw_cursor_t *cursor, void *arg)
{
        (void)as;
        (void)cursor;
        (void)arg;
        return -UNW_EINVAL;
}

static int no_name(unw_addr_space_t as, unw_word_t addr, char *ret, size_t len, unw_word_t *offset, void *arg)
{
        (void)as;
        (void)addr;
        (void)ret;
        (void)len;
        (void)offset;
        (void)arg;
        return -UNW_ENOINFO;
}

static int begin(struct unwinder_record *record, unw_cursor_t *ret)
{
        static unw_accessors_t accessors = {
                .find_proc_info = find_function,
                .put_unwind_info = put_function,
                .get_dyn_info_list_addr = no_dynamic_info,
                .access_mem = read_word,
                .access_reg = read_register,
                .access_fpreg = no_float_register,
                .resume = no_resume,
                .get_proc_name = no_name,
        };
        struct unwinder *unwinder = record->unwinder;

        if (!unwinder->space) {
                unwinder->space = unw_create_addr_space(&accessors, 0);
                if (!unwinder->space)
                        return -ENOMEM;
                unw_set_caching_policy(unwinder->space, UNW_CACHE_NONE);
        }
        return unw_init_remote(ret, unwinder->space, record) == 0 ? 0 : -EINVAL;
}

void unwinder_slow_done(struct unwinder *unwinder)
{
        if (unwinder->space)
                unw_destroy_addr_space(unwinder->space);
        unwinder->space = NULL;
}

static uint64_t get(unw_cursor_t *cursor, unw_regnum_t reg)
{
        unw_word_t value = 0;

        return unw_get_reg(cursor, reg, &value) == 0 ? value : 0;
}

static uint64_t frame_pc(unw_cursor_t *cursor, int i)
{
        return get(cursor, UNW_REG_IP) + (i == 0);
}

int unwinder_slow_step(struct unwinder_record *record, uint64_t pc, uint64_t sp, uint64_t *ret_pc, uint64_t *ret_sp,
                       uint64_t *ret_bp)
{
        unw_cursor_t cursor;
        int r = begin(record, &cursor);

        for (int i = 0; r >= 0 && i < FRAMES_MAX; i++) {
                bool here = frame_pc(&cursor, i) == pc && get(&cursor, UNW_REG_SP) == sp;

                r = unw_step(&cursor);
                if (r < 0)
                        return -EINVAL;
                if (here && r == 0)
                        return 0;
                if (here) {
                        *ret_pc = get(&cursor, UNW_REG_IP);
                        *ret_sp = get(&cursor, UNW_REG_SP);
                        *ret_bp = get(&cursor, UNW_X86_64_RBP);
                        return *ret_pc != 0;
                }
                if (r == 0 || get(&cursor, UNW_REG_SP) > sp)
                        break;
        }
        return -EINVAL; /* it never came by */
}

int unwind_reference(struct unwinder *unwinder, const struct unwind_regs *regs, const uint8_t *stack,
                     uint64_t stack_addr, size_t stack_bytes, struct unwind_frame *ret, size_t max)
{
        struct unwinder_record record = {
                .unwinder = unwinder, .regs = regs, .stack = stack, .addr = stack_addr, .bytes = stack_bytes,
                .budget = REFERENCE_BUDGET, .last_module = UNWIND_NO_MODULE,
        };
        unw_cursor_t cursor;
        bool exact = false;
        size_t n = 0;
        int r = begin(&record, &cursor);

        while (r >= 0 && n < max) {
                uint64_t pc = frame_pc(&cursor, (int)n);

                if (pc == 0)
                        break;
                ret[n++] = (struct unwind_frame){ .pc = pc, .module = find_module(&record, pc), .flags = exact ? UNWIND_EXACT : 0 };
                exact = unwinder_is_sigreturn(unwinder, ret[n - 1].module, pc);
                r = unw_step(&cursor);
                if (r == 0)
                        return (int)n;
        }
        if (n > 0)
                ret[n - 1].flags |= UNWIND_TRUNCATED;
        return (int)n;
}
