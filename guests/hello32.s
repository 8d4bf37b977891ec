# hello32: a greeting from 32-bit protected mode, and a halt. Load address 0x1000. The whole text goes out in one string
# instruction.

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
