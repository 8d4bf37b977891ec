# shutdown: a triple fault. Protected mode, load address 0x1000. With an interrupt table of length 0 the exception has
# no handler, nor does the one that it raises, nor the third.

.intel_syntax noprefix
.code32

.globl start
start:
    lidt [empty_table]
    ud2

empty_table:
    .word 0
    .long 0
