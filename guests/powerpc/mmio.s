# mmio: accesses of 1, 2, 4 and 8 bytes from 0xd0000 on, where the machine must have no memory.
#
# Writes 0x11 to 0xd0000, 0x2233 to 0xd0002, 0x44556677 to 0xd0004; reads 1 byte at 0xd0008, 2 at 0xd000a, 4 at 0xd000c,
# and writes each, with its size, to 0xd0010; writes 0x1122334455667788 to 0xd0018, reads 8 bytes at 0xd0020 and writes
# them to 0xd0028; hands over to the host.

.include "machine.inc"

.globl start
start:
    lis 31, DEVICE@h
    ori 31, 31, DEVICE@l

    li 3, 0x11
    stb 3, 0(31)
    li 3, 0x2233
    sth 3, 2(31)
    lis 3, 0x4455
    ori 3, 3, 0x6677
    stw 3, 4(31)

    lbz 3, 8(31)
    stb 3, 0x10(31)
    lhz 3, 10(31)
    sth 3, 0x10(31)
    lwz 3, 12(31)
    stw 3, 0x10(31)

    lis 3, 0x1122
    ori 3, 3, 0x3344
    sldi 3, 3, 32
    oris 3, 3, 0x5566
    ori 3, 3, 0x7788
    std 3, 0x18(31)
    ld 3, 0x20(31)
    std 3, 0x28(31)
    hand_over
