# pio: port I/O of every size and direction, then string instructions. Real mode, load address 0x1000.
#
# Writes 0x11 to port 0x10, 0x2233 to 0x12, 0x44556677 to 0x14; reads each of them back with the same size and writes
# what it read to port 0x18; `rep outsb` of "hello" to port 0x20; `rep insb` of 4 bytes from port 0x22 to address
# 0x2000; halts.

.intel_syntax noprefix
.code16

.globl start
start:
    mov al, 0x11
    out 0x10, al
    mov ax, 0x2233
    out 0x12, ax
    mov eax, 0x44556677
    out 0x14, eax

    in al, 0x10
    out 0x18, al
    in ax, 0x12
    out 0x18, ax
    in eax, 0x14
    out 0x18, eax

    cld
    mov si, offset text
    mov cx, 5
    mov dx, 0x20
    rep outsb

    mov di, 0x2000
    mov cx, 4
    mov dx, 0x22
    rep insb
    hlt

text:
    .ascii "hello"
