# stores: writes a byte to physical address 0xd0000, where the machine must have no memory, for ever. Real mode, load
# address 0x1000.

.intel_syntax noprefix
.code16

.globl start
start:
    mov ax, 0xd000
    mov ds, ax
1:
    mov byte ptr [0], al
    jmp 1b
