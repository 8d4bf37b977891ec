# hello16: prints a greeting in real mode, and halts. Load address 0x1000. It needs no stack and does not poll.

.intel_syntax noprefix
.code16
.include "machine.inc"

.globl start
start:
    mov si, offset greeting
    mov dx, COM1_DATA
    cld
next:
    lodsb
    test al, al
    jz done
    out dx, al
    jmp next
done:
    hlt

greeting:
    .asciz "Hello from real mode.\n"
