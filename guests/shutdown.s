# shutdown: a triple fault. Protected mode, load address 0x1000. With an interrupt table of no length, the exception has no
# handler, nor has the one that this raises, nor the third.

.intel_syntax noprefix
.code32

.globl start
start:
    lidt [empty_table]
    ud2

empty_table:
    .word 0
    .long 0
