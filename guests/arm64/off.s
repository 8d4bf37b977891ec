// off: turns the machine off at once.

.include "machine.inc"

.globl start
start:
    system_off
