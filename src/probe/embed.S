/* embed: the probe's flat binary as data inside heaptop; declared in probe/wire.h. PROBE_BLOB is its path. */
        .section .rodata
        .balign 4096
        .globl  heaptop_probe_start
        .globl  heaptop_probe_end
heaptop_probe_start:
        .incbin PROBE_BLOB
heaptop_probe_end:
        .byte   0

        .section .note.GNU-stack, "", @progbits
