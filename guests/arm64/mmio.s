// mmio: accesses of 1, 2, 4 and 8 bytes from 0xd0000 on, where the machine must have no memory.
//
// Writes 0x11 to 0xd0000, 0x2233 to 0xd0002, 0x44556677 to 0xd0004; reads 1 byte at 0xd0008, 2 at 0xd000a, 4 at
// 0xd000c, and writes each, with its size, to 0xd0010; writes 0x1122334455667788 to 0xd0018, reads 8 bytes at 0xd0020
// and writes them to 0xd0028; turns the machine off.

.include "machine.inc"

.globl start
start:
    ldr x1, =DEVICE

    mov w0, #0x11
    strb w0, [x1]
    ldr w0, =0x2233
    strh w0, [x1, #2]
    ldr w0, =0x44556677
    str w0, [x1, #4]

    ldrb w0, [x1, #8]
    strb w0, [x1, #0x10]
    ldrh w0, [x1, #10]
    strh w0, [x1, #0x10]
    ldr w0, [x1, #12]
    str w0, [x1, #0x10]

    ldr x0, =0x1122334455667788
    str x0, [x1, #0x18]
    ldr x0, [x1, #0x20]
    str x0, [x1, #0x28]
    system_off
