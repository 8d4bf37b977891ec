# echo: sends each byte that the serial port receives back, until Ctrl-D (0x04) ends the run with status 0. Real mode,
# load address 0x1000.

.intel_syntax noprefix
.code16
.include "machine.inc"

.globl start
start:
    mov dx, COM1_STATUS
wait_for_byte:
    in al, dx
    test al, STATUS_RECEIVED
    jz wait_for_byte
    mov dx, COM1_DATA
    in al, dx
    cmp al, 0x04
    je end_of_input
    out dx, al
    jmp start
end_of_input:
    xor al, al
    out DEBUG_EXIT, al
    hlt
