# exit: ends the run with status 42, through the debug-exit port. Real mode, load address 0x1000.

.intel_syntax noprefix
.code16
.include "machine.inc"

.globl start
start:
    mov al, 42
    out DEBUG_EXIT, al
    hlt
