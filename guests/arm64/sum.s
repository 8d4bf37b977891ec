// sum: adds up 1 to the word at 0x2000, writes the sum to 0x2004, and turns the machine off.

.include "machine.inc"

.globl start
start:
    mov x1, RESULT
    ldr w2, [x1]
    mov w0, wzr
1:
    add w0, w0, w2
    subs w2, w2, #1
    b.ne 1b
    str w0, [x1, #4]
    system_off
