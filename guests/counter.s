# counter: increments the dword at 0x2000 for ever, without an exit. Real mode, load address 0x1000.

.intel_syntax noprefix
.code16

.globl start
start:
    inc dword ptr [0x2000]
    jmp start
