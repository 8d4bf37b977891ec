# hcall: PAPR hypercalls that the host answers. The first has 0x101 to 0x109 in r4 to r12; what it returns in r3 to r12
# is added up, and is the first argument of the next, and so on.

.include "machine.inc"

.globl start
start:
    li 4, 0x101
    li 5, 0x102
    li 6, 0x103
    li 7, 0x104
    li 8, 0x105
    li 9, 0x106
    li 10, 0x107
    li 11, 0x108
    li 12, 0x109
call:
    li 3, H_PUT_TERM_CHAR
    sc 1
    add 4, 4, 3
    add 4, 4, 5
    add 4, 4, 6
    add 4, 4, 7
    add 4, 4, 8
    add 4, 4, 9
    add 4, 4, 10
    add 4, 4, 11
    add 4, 4, 12
    b call
