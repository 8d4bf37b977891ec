# mmio: accesses of 1, 2, 4 and 8 bytes from 0xd0000 on, where the machine must have no memory.
#
# Writes 0x11 to 0xd0000, 0x2233 to 0xd0002, 0x44556677 to 0xd0004; reads 1 byte at 0xd0008, 2 at 0xd000a, 4 at 0xd000c,
# and writes each, with its size, to 0xd0010; writes 0x1122334455667788 to 0xd0018, reads 8 bytes at 0xd0020 and writes
# them to 0xd0028; turns the machine off.

.include "machine.inc"

.globl start
start:
    li t1, DEVICE

    li t0, 0x11
    sb t0, 0(t1)
    li t0, 0x2233
    sh t0, 2(t1)
    li t0, 0x44556677
    sw t0, 4(t1)

    lbu t0, 8(t1)
    sb t0, 0x10(t1)
    lhu t0, 10(t1)
    sh t0, 0x10(t1)
    lwu t0, 12(t1)
    sw t0, 0x10(t1)

    li t0, 0x1122334455667788
    sd t0, 0x18(t1)
    ld t0, 0x20(t1)
    sd t0, 0x28(t1)
    system_off
