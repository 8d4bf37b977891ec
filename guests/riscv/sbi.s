# sbi: a call of an SBI extension that the host answers: the experimental one 0x08000000, function 7, with 0x11 to 0x16
# in a0 to a5. Writes the error and the value it gets, 8 bytes each, to 0x2000 and 0x2008; turns the machine off.

.include "machine.inc"

.set SBI_EXPERIMENTAL, 0x08000000

.globl start
start:
    li a7, SBI_EXPERIMENTAL
    li a6, 7
    li a0, 0x11
    li a1, 0x12
    li a2, 0x13
    li a3, 0x14
    li a4, 0x15
    li a5, 0x16
    ecall
    li t1, RESULT
    sd a0, 0(t1)
    sd a1, 8(t1)
    system_off
