# pokes: accesses to ports and memory-mapped registers in a random order. Long mode, load address 0x1000.
#
# A table follows the guest's bytes: a seed (not 0), a number of accesses, a number of ranges, and for each range 0 for
# ports or 1 for addresses, its start, and its length; all of them dwords. Each access is of a random size, direction
# and value, at a random place of a random range. String instructions have their other end at 0x20000. At the end the
# guest writes 21 to the debug-exit port, and halts.

.intel_syntax noprefix
.code64
.include "machine.inc"

.set BUFFER, 0x20000

.set SEED, 0
.set COUNT, 4
.set RANGES, 8
.set FIRST, 12
.set KIND, 0
.set START, 4
.set LENGTH, 8
.set RANGE_SIZE, 12

# The next number of Marsaglia's xorshift generator, in r15d; eax is lost.
.macro random
    mov eax, r15d
    shl eax, 13
    xor r15d, eax
    mov eax, r15d
    shr eax, 17
    xor r15d, eax
    mov eax, r15d
    shl eax, 5
    xor r15d, eax
.endm

# A random number below a limit, in edx.
.macro below limit:vararg
    random
    mov eax, r15d
    xor edx, edx
    div \limit
.endm

# Jumps to one of the entries of a table of distances.
.macro choose table, count
    mov ecx, \count
    below ecx
    lea rax, [rip + \table]
    movsxd rdx, dword ptr [rax + rdx * 4]
    add rax, rdx
    mov edx, r13d
    mov esi, BUFFER
    mov edi, BUFFER
    mov rcx, r12
    jmp rax
.endm

.globl start
start:
    cld
    lea rbp, [rip + parameters]
    mov r15d, [rbp + SEED]
    mov r11d, [rbp + COUNT]

again:
    below dword ptr [rbp + RANGES]
    imul edx, edx, RANGE_SIZE
    lea rbx, [rbp + FIRST + rdx]
    below dword ptr [rbx + LENGTH]
    add edx, [rbx + START]
    mov r13d, edx                   # the port or address
    random
    mov r14d, r15d                  # the value
    random
    mov r12d, r15d
    and r12d, 7
    inc r12d                        # how often a string instruction repeats
    cmp dword ptr [rbx + KIND], 0
    jne memory
    choose ports, 12
memory:
    choose addresses, 12

next:
    dec r11d
    jnz again
    mov al, 21
    out DEBUG_EXIT, al
    hlt

.irp size, al, ax, eax
in_\size:
    in \size, dx
    jmp next
out_\size:
    mov eax, r14d
    out dx, \size
    jmp next
.endr

.irp suffix, b, w, d
ins_\suffix:
    rep ins\suffix
    jmp next
outs_\suffix:
    rep outs\suffix
    jmp next
.endr

.irp size, al, ax, eax, rax
load_\size:
    mov \size, [rdx]
    jmp next
store_\size:
    mov rax, r14
    imul rax, rax, 0x01010101
    mov [rdx], \size
    jmp next
.endr

modify:
    xor [rdx], r14d
    jmp next
from_memory:
    mov esi, edx
    rep movsb
    jmp next
to_memory:
    mov edi, edx
    rep movsd
    jmp next
fill:
    mov edi, edx
    mov eax, r14d
    rep stosq
    jmp next

.balign 4
ports:
.irp entry, in_al, in_ax, in_eax, out_al, out_ax, out_eax, ins_b, ins_w, ins_d, outs_b, outs_w, outs_d
    .long \entry - ports
.endr
addresses:
.irp entry, load_al, load_ax, load_eax, load_rax, store_al, store_ax, store_eax, store_rax
    .long \entry - addresses
.endr
    .long modify - addresses, from_memory - addresses, to_memory - addresses, fill - addresses

parameters:
