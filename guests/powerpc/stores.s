# stores: writes a byte to 0xd0000, where the machine must have no memory, for ever.

.include "machine.inc"

.globl start
start:
    lis 31, DEVICE@h
    ori 31, 31, DEVICE@l
1:
    stb 3, 0(31)
    b 1b
