// counter: increments the word at 0x2000 without an exit; only a kick stops it.

.include "machine.inc"

.globl start
start:
    mov x1, RESULT
1:
    ldr w0, [x1]
    add w0, w0, #1
    str w0, [x1]
    b 1b
