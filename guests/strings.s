# strings: string instructions of every size, both ways. Real mode, load address 0x1000.
#
# `rep outsw` of 3 words and `rep outsd` of 2 dwords to port 0x20; `rep insw` of 3 words to 0x2000 and `rep insd` of 2
# dwords to 0x2010, both from port 0x22; halts.

.intel_syntax noprefix
.code16

.globl start
start:
    cld
    mov dx, 0x20
    mov si, offset words
    mov cx, 3
    rep outsw
    mov si, offset dwords
    mov cx, 2
    rep outsd

    mov dx, 0x22
    mov di, 0x2000
    mov cx, 3
    rep insw
    mov di, 0x2010
    mov cx, 2
    rep insd
    hlt

words:
    .word 0x1111, 0x2222, 0x3333
dwords:
    .long 0x44444444, 0xfedcba98
