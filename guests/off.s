# off: halts at once. Real mode, load address 0x1000, but it runs in any mode and at any address.

.intel_syntax noprefix
.code16

.globl start
start:
    hlt
