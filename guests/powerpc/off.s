# off: hands over to the host at once.

.include "machine.inc"

.globl start
start:
    hand_over
