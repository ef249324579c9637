#include "inject/frame.h"

#include "inject/gadgets.h"
#include "inject/sys.h"

#include <cpuid.h>
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <ucontext.h>

/* struct ucontext as the kernel lays it out for rt_sigreturn (arch/x86/include/uapi/asm/{ucontext,sigcontext}.h). */
struct kernel_ucontext {
        uint64_t flags, link;
        uint64_t stack_sp;
        uint32_t stack_flags, stack_pad;
        uint64_t stack_size;
        uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags;
        uint16_t cs, gs, fs, ss;
        uint64_t err, trapno, oldmask, cr2;
        uint64_t fpstate; /* address of the vector state, 64-byte aligned */
        uint64_t reserved[8];
        uint64_t sigmask;
};

/* At byte 464 of the vector state (struct _fpx_sw_bytes). */
struct vector_info {
        uint32_t magic1, extended_size;
        uint64_t features;
        uint32_t size, pad[7];
};

enum {
        UC_VECTOR_STATE = 1,
        UC_STACK_SEGMENT = 2,
        UC_STRICT_STACK_SEGMENT = 4,
        KEEP_ALTERNATE_STACK = 7, /* flags that sigaltstack refuses; rt_sigreturn then leaves things as they are */
        VECTOR_INFO = 464,
        VECTOR_IN_USE = 512, /* XSTATE_BV */
        VECTOR_MIN = 576,    /* legacy area and header */
        MAGIC1 = 0x46505853,
        MAGIC2 = 0x46505845,
        FRAME_GAP = 64,
};

/* In uc_link, which the kernel writes as 0 and never reads: tells our frames from a signal's. */
#define FRAME_MAGIC 0x68656170746f7021ull

#define TILE_FEATURES (3ull << 17) /* AMX: part of the state only of threads that use it */

/* The bytes that the state components in FEATURES take (CPUID leaf 13, standard format). */
static size_t vector_size(uint64_t features)
{
        size_t size = VECTOR_MIN;
        uint32_t length, offset, c, d;

        for (uint32_t i = 2; i < 63; i++)
                if (features >> i & 1 && __get_cpuid_count(13, i, &length, &offset, &c, &d) && !(c & 1) &&
                    offset + length > size)
                        size = offset + length;
        return size;
}

/* Reads the vector state into RET as a signal frame wants it. Returns its size without the closing magic. */
static int read_vector_state(pid_t tid, uint8_t *ret, size_t max)
{
        struct iovec iov = { .iov_base = ret, .iov_len = max };
        struct vector_info info = { .magic1 = MAGIC1 };
        uint64_t in_use;
        uint32_t magic2 = MAGIC2;
        int r;

        r = (int)sys_ptrace(PTRACE_GETREGSET, tid, NT_X86_XSTATE, &iov);
        if (r < 0)
                return r;
        if (iov.iov_len < VECTOR_MIN || iov.iov_len >= max)
                return -EOPNOTSUPP;
        memcpy(&info.features, ret + VECTOR_INFO, sizeof info.features);
        memcpy(&in_use, ret + VECTOR_IN_USE, sizeof in_use);
        /* The kernel takes no larger state than this thread's own (fpstate->user_size). */
        if (!(in_use & TILE_FEATURES))
                info.features &= ~TILE_FEATURES;
        info.size = (uint32_t)vector_size(info.features);
        if (info.size > iov.iov_len)
                return -EOPNOTSUPP;
        info.extended_size = info.size + (uint32_t)sizeof magic2;
        memcpy(ret + VECTOR_INFO, &info, sizeof info);
        memcpy(ret + info.size, &magic2, sizeof magic2);
        return (int)info.size;
}

static void fill_context(struct kernel_ucontext *uc, const struct regs *regs, uint64_t mask, uint64_t vector)
{
        const struct user_regs_struct *r = &regs->user;

        *uc = (struct kernel_ucontext){
                .flags = UC_VECTOR_STATE | UC_STACK_SEGMENT | UC_STRICT_STACK_SEGMENT,
                .link = FRAME_MAGIC,
                .stack_flags = KEEP_ALTERNATE_STACK,
                .r8 = r->r8, .r9 = r->r9, .r10 = r->r10, .r11 = r->r11,
                .r12 = r->r12, .r13 = r->r13, .r14 = r->r14, .r15 = r->r15,
                .rdi = r->rdi, .rsi = r->rsi, .rbp = r->rbp, .rbx = r->rbx,
                .rdx = r->rdx, .rax = r->rax, .rcx = r->rcx, .rsp = r->rsp,
                .rip = r->rip, .eflags = r->eflags,
                .cs = (uint16_t)r->cs, .ss = (uint16_t)r->ss,
                .fpstate = vector, .sigmask = mask,
        };
}

int frame_build(struct frame *frame, pid_t tid, const struct regs *resumed, uint64_t mask, uint64_t top,
                uint64_t restorer)
{
        static const size_t head = sizeof restorer + sizeof(struct kernel_ucontext) + FRAME_GAP;
        uint8_t vector[FRAME_MAX - 2048];
        struct kernel_ucontext uc;
        uint64_t vector_addr;
        int size;

        size = read_vector_state(tid, vector, sizeof vector);
        if (size < 0)
                return size;
        size += 4;
        vector_addr = (top - (uint64_t)size - FRAME_GAP) & ~63ull;
        /* As at a function's entry: sp + 8 is a multiple of 16. The word at call_sp is where the call returns to. */
        frame->call_sp = ((vector_addr - head) & ~15ull) - 8;
        frame->leave_sp = frame->call_sp + 8;
        frame->addr = frame->call_sp - FRAME_TEXT;
        frame->size = (size_t)(vector_addr + (uint64_t)size - frame->addr);
        if (frame->size > sizeof frame->bytes)
                return -E2BIG;

        fill_context(&uc, resumed, mask, vector_addr);
        memset(frame->bytes, 0, frame->size);
        memcpy(frame->bytes + FRAME_TEXT, &restorer, sizeof restorer);
        memcpy(frame->bytes + FRAME_TEXT + sizeof restorer, &uc, sizeof uc);
        memcpy(frame->bytes + (vector_addr - frame->addr), vector, (size_t)size);
        return 0;
}

void frame_leave_regs(const struct frame *frame, const struct regs *saved, uint64_t restorer, struct regs *ret)
{
        *ret = *saved;
        ret->user.rip = restorer;
        ret->user.rsp = frame->leave_sp;
        ret->user.orig_rax = (uint64_t)-1;
        ret->user.rax = 0;
}

void frame_call_regs(const struct frame *frame, const struct regs *saved, uint64_t gadget, long number,
                     const uint64_t args[6], struct regs *ret)
{
        *ret = *saved;
        ret->user.rip = gadget;
        ret->user.rsp = frame->call_sp;
        ret->user.rax = (uint64_t)number;
        ret->user.orig_rax = (uint64_t)-1; /* no restart of the call that was interrupted */
        ret->user.rdi = args[0];
        ret->user.rsi = args[1];
        ret->user.rdx = args[2];
        ret->user.r10 = args[3];
        ret->user.r8 = args[4];
        ret->user.r9 = args[5];
}

int64_t frame_result(const struct regs *regs)
{
        return (int64_t)regs->user.rax;
}

bool frame_skip_call(const struct regs *regs, int (*read)(void *ctx, uint64_t addr, void *ret, size_t n), void *ctx,
                     struct regs *ret)
{
        uint64_t head[3]; /* the restorer's address, then the context's flags and link */
        uint8_t code[GADGETS_SYSCALL], restorer[GADGETS_RESTORER];

        if (read(ctx, regs->user.rip, code, sizeof code) < 0 || gadgets_syscall(code, sizeof code) != 0 ||
            read(ctx, regs->user.rsp, head, sizeof head) < 0 || head[2] != FRAME_MAGIC ||
            read(ctx, head[0], restorer, sizeof restorer) < 0 || gadgets_restorer(restorer, sizeof restorer, 0) != 0)
                return false;
        *ret = *regs;
        ret->user.rip = head[0];
        ret->user.rsp += sizeof head[0];
        ret->user.orig_rax = (uint64_t)-1;
        ret->user.rax = 0;
        return true;
}
