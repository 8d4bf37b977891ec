# mmio: accesses of 1, 2 and 4 bytes to physical memory from 0xd0000, where the machine must have none. Real mode, load
# address 0x1000.
#
# Writes 0x11 to 0xd0000, 0x2233 to 0xd0002, 0x44556677 to 0xd0004; reads 1 byte at 0xd0008, 2 at 0xd000a, 4 at 0xd000c,
# and writes each, with its size, to port 0x18; halts.

.intel_syntax noprefix
.code16

.globl start
start:
    mov ax, 0xd000
    mov ds, ax

    mov byte ptr [0], 0x11
    mov word ptr [2], 0x2233
    mov dword ptr [4], 0x44556677

    mov al, [8]
    out 0x18, al
    mov ax, [10]
    out 0x18, ax
    mov eax, [12]
    out 0x18, eax
    hlt
