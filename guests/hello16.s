# hello16: a greeting from real mode, and a halt. Load address 0x1000. No stack, no polling: the shortest greeter there is.

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
