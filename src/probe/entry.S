/* entry: the blob's header, and the way from a handler's fast path to probe_slow().
 *
 * A handler jumps (never calls) to its slow_* thunk with the arguments still in place, the shared area in %rcx, the
 * slot in %r8 and the hook in %r9. The stack is as the caller of the hooked function left it: return address on top.
 * The thunk lays out struct probe_frame around that return address and calls probe_slow(). Afterwards it either
 * returns %rax and %rdx to the caller, or, when the slow path only had to note something, takes its frame away and
 * jumps to the original: a function that may throw never has a frame of ours above it.
 *
 * Callee-saved registers are pushed to be read by the unwinder outside; probe_slow() keeps them by the ABI. */

        .section .head, "a"
        .globl  blob_start
        .hidden blob_start
blob_start:
        .quad   0x31706f7470616568      /* WIRE_MAGIC */
        .long   3                       /* WIRE_VERSION */
        .long   text_end - blob_start
        .long   probe_root - blob_start
        .long   blob_end - blob_start
        /* in the order of enum wire_kind */
        .long   handle_malloc - blob_start
        .long   handle_calloc - blob_start
        .long   handle_realloc - blob_start
        .long   handle_free - blob_start
        .long   handle_memalign - blob_start
        .long   handle_posix_memalign - blob_start
        .long   handle_new - blob_start
        .long   handle_new_aligned - blob_start
        .long   handle_malloc - blob_start              /* operator new(size, nothrow) */
        .long   handle_free - blob_start                /* operator delete(p) */
        .long   handle_free_sized - blob_start          /* operator delete(p, size) */
        .long   handle_malloc - blob_start              /* mallocx */
        .long   handle_realloc - blob_start             /* rallocx */
        .long   handle_free - blob_start                /* dallocx */
        .long   handle_free_sized - blob_start          /* sdallocx */
        .long   handle_free_second - blob_start
        .long   map_mmap - blob_start
        .long   map_munmap - blob_start
        .long   map_mremap - blob_start
        .long   map_brk - blob_start
        .long   pool_get - blob_start
        .long   pool_get_second - blob_start
        .long   pool_put - blob_start
        .long   pool_put_second - blob_start
        .long   pool_resize - blob_start                /* xallocx */

        .text
        .macro  thunk name, call
        .globl  \name
        .hidden \name
        .type   \name, @function
\name:
        pushq   %r15
        pushq   %r14
        pushq   %r13
        pushq   %r12
        pushq   %rbp
        pushq   %rbx
        pushq   $\call                  /* sign-extended: also clears `pass` */
        jmp     slow_common
        .size   \name, . - \name
        .endm

        thunk   slow_malloc, 0
        thunk   slow_calloc, 1
        thunk   slow_realloc, 2
        thunk   slow_memalign, 3
        thunk   slow_posix_memalign, 4
        thunk   slow_new, 5
        thunk   slow_new_aligned, 6
        thunk   slow_free, 7
        thunk   slow_free_sized, 8
        thunk   slow_free_second, 9

        .type   slow_common, @function
slow_common:
        pushq   %r9
        pushq   %r8
        pushq   %rcx
        pushq   %rdx
        pushq   %rsi
        pushq   %rdi                    /* 13 words and the return address: %rsp is a multiple of 16 */
        movq    %rsp, %rdi
        cld
        call    probe_slow
        cmpl    $0, 52(%rsp)            /* probe_frame.pass */
        jne     1f
        addq    $104, %rsp
        ret
1:
        popq    %rdi
        popq    %rsi
        popq    %rdx
        movq    16(%rsp), %r9
        addq    $80, %rsp
        jmp     *(%r9)                  /* wire_hook.original */
        .size   slow_common, . - slow_common

/* Mapping calls, pools and xallocx(): with the hook in %r11, for %r9 may be an argument. There is no fast path: all that is done here
 * is to look whether we are on. struct map_frame is laid out; probe_map() calls the original, probe_pool() when it must. */
        .macro  wide name, call, common
        .type   \name, @function
\name:
        movq    probe_root(%rip), %r10
        testq   %r10, %r10
        jz      1f
        pushq   %r15
        pushq   %r14
        pushq   %r13
        pushq   %r12
        pushq   %rbp
        pushq   %rbx
        pushq   $\call
        jmp     \common
1:
        jmp     *(%r11)                 /* wire_hook.original */
        .size   \name, . - \name
        .endm

        wide    map_mmap, 10, map_common
        wide    map_munmap, 11, map_common
        wide    map_mremap, 12, map_common
        wide    map_brk, 13, map_common
        wide    pool_get, 0, pool_common
        wide    pool_get_second, 3, pool_common
        wide    pool_put, 7, pool_common
        wide    pool_put_second, 9, pool_common
        wide    pool_resize, 14, pool_common

        .macro  call_wide function
        pushq   %r11
        pushq   $0
        pushq   %r10
        pushq   %rdx
        pushq   %rsi
        pushq   %rdi
        pushq   %rax
        pushq   %r9
        pushq   %r8
        pushq   %rcx                    /* 17 words and the return address */
        movq    %rsp, %rdi
        cld
        call    \function
        .endm

        .type   map_common, @function
map_common:
        call_wide probe_map
        addq    $136, %rsp
        ret
        .size   map_common, . - map_common

        .type   pool_common, @function
pool_common:
        call_wide probe_pool
        cmpl    $0, 84(%rsp)            /* map_frame.frame.pass */
        jne     1f
        addq    $136, %rsp
        ret
1:
        popq    %rcx
        popq    %r8
        popq    %r9
        popq    %rax
        popq    %rdi
        popq    %rsi
        popq    %rdx
        movq    16(%rsp), %r11
        addq    $80, %rsp
        jmp     *(%r11)                 /* wire_hook.original */
        .size   pool_common, . - pool_common

        .section .note.GNU-stack, "", @progbits
