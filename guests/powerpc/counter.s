# counter: increments the word at 0x2000 without an exit; only a kick stops it.

.include "machine.inc"

.globl start
start:
    li 31, RESULT
1:
    lwz 3, 0(31)
    addi 3, 3, 1
    stw 3, 0(31)
    b 1b
