# sum: adds up 1 to the dword at 0x2000, writes the sum to 0x2004, and halts. Real mode, load address 0x1000.

.intel_syntax noprefix
.code16

.globl start
start:
    mov ecx, [0x2000]
    xor eax, eax
1:
    add eax, ecx
    dec ecx
    jnz 1b
    mov [0x2004], eax
    hlt
