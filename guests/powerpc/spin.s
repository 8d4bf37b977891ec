# spin: an endless loop that causes no exit; only a kick stops it.

.globl start
start:
    b start
