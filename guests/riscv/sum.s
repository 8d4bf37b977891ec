# sum: adds up 1 to the word at 0x2000, writes the sum to 0x2004, and turns the machine off.

.include "machine.inc"

.globl start
start:
    li t1, RESULT
    lw t2, 0(t1)
    li t0, 0
1:
    addw t0, t0, t2
    addiw t2, t2, -1
    bnez t2, 1b
    sw t0, 4(t1)
    system_off
