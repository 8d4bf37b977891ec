# counter: increments the word at 0x2000 without an exit; only a kick stops it.

.include "machine.inc"

.globl start
start:
    li t1, RESULT
1:
    lw t0, 0(t1)
    addi t0, t0, 1
    sw t0, 0(t1)
    j 1b
