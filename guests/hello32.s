# hello32: prints a greeting in 32-bit protected mode with one string instruction, and halts. Load address 0x1000.

.intel_syntax noprefix
.code32
.include "machine.inc"

.globl start
start:
    mov esi, offset greeting
    mov ecx, offset greeting_length
    mov dx, COM1_DATA
    cld
    rep outsb
    hlt

greeting:
    .ascii "Hello from protected mode.\n"
.set greeting_length, . - greeting
