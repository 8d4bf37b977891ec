# sum: adds up 1 to the word at 0x2000, writes the sum to 0x2004, and hands over to the host.

.include "machine.inc"

.globl start
start:
    li 31, RESULT
    lwz 4, 0(31)
    li 3, 0
1:
    add 3, 3, 4
    addic. 4, 4, -1
    bne 1b
    stw 3, 4(31)
    hand_over
