// stores: writes a byte to 0xd0000, where the machine must have no memory, for ever.

.include "machine.inc"

.globl start
start:
    ldr x1, =DEVICE
1:
    strb w0, [x1]
    b 1b
