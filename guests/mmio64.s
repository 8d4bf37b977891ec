# mmio64: accesses of 8 bytes to physical memory at 0xd0000000, where the machine must have none. Long mode, load
# address 0x1000.
#
# Writes 0x1122334455667788 to 0xd0000000, reads 8 bytes at 0xd0000008, and writes their low and then their high half to
# port 0x18; halts with all 8 in rax.

.intel_syntax noprefix
.code64

.globl start
start:
    mov rbx, 0xd0000000
    mov rax, 0x1122334455667788
    mov [rbx], rax
    mov rax, [rbx + 8]
    out 0x18, eax
    mov rcx, rax
    shr rax, 32
    out 0x18, eax
    mov rax, rcx
    hlt
