# stores: writes a byte to 0xd0000, where the machine must have no memory, for ever.

.include "machine.inc"

.globl start
start:
    li t1, DEVICE
1:
    sb t0, 0(t1)
    j 1b
