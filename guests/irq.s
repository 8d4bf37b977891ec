# irq: takes an interrupt on line 4 of the interrupt controller in the kernel. Real mode, load address 0x1000.
#
# Sets up the two PICs (vectors from 0x20 and 0x28, everything masked but line 4) and the vector of line 4, writes 1 to
# port 0x10, halts with interrupts on, and, once interrupted, writes 2 to port 0x10 and halts for good.

.intel_syntax noprefix
.code16

.globl start
start:
    xor ax, ax
    mov ds, ax
    mov word ptr [(0x20 + 4) * 4], offset handler
    mov word ptr [(0x20 + 4) * 4 + 2], ax

    mov al, 0x11
    out 0x20, al
    out 0xa0, al
    mov al, 0x20
    out 0x21, al
    mov al, 0x28
    out 0xa1, al
    mov al, 4
    out 0x21, al
    mov al, 2
    out 0xa1, al
    mov al, 1
    out 0x21, al
    out 0xa1, al
    mov al, 0xef
    out 0x21, al
    mov al, 0xff
    out 0xa1, al

    mov al, 1
    out 0x10, al
    sti
wait:
    hlt
    jmp wait

handler:
    mov al, 2
    out 0x10, al
    mov al, 0x20
    out 0x20, al
    iret
