# hello: the built-in demo of kvm-cli. Long mode, load address 0x1000, a stack from the loader.
#
# Prints a greeting on COM1, reads two numbers a and b from the MMIO device at 0xd0000000, computes sixteen rounds of
# x = x * b + i in 64 bits, writes the result to the device for the host to verify, prints the verdict, and halts.

.intel_syntax noprefix
.code64
.include "machine.inc"

.globl start
start:
    lea rsi, [rip + greeting]
    call print

    mov rbx, CHALLENGE
    mov r12, [rbx + CHALLENGE_A]
    mov r13, [rbx + CHALLENGE_B]

    lea rsi, [rip + operand_a]
    mov rax, r12
    call print_labelled
    lea rsi, [rip + operand_b]
    mov rax, r13
    call print_labelled

    mov rax, r12
    mov ecx, 1
round:
    imul rax, r13
    add rax, rcx
    inc ecx
    cmp ecx, CHALLENGE_ROUNDS
    jbe round

    mov [rbx + CHALLENGE_RESULT], rax
    lea rsi, [rip + result]
    call print_labelled

    lea rsi, [rip + right]
    cmp dword ptr [rbx + CHALLENGE_VERDICT], 1
    je verdict
    lea rsi, [rip + wrong]
verdict:
    call print
    hlt

# Prints the text at rsi, and rax in decimal, as one line.
print_labelled:
    push rax
    call print
    pop rax
    call print_decimal
    mov al, '\n'
    jmp send

# Sends the text at rsi, up to its zero byte.
print:
    lodsb
    test al, al
    jz printed
    call send
    jmp print
printed:
    ret

# Sends al, once the transmitter is empty.
send:
    mov r8b, al
    mov dx, COM1_STATUS
busy:
    in al, dx
    test al, STATUS_CAN_SEND
    jz busy
    mov al, r8b
    mov dx, COM1_DATA
    out dx, al
    ret

# Prints rax in decimal. Division yields the last digit first, so the digits are pushed on the stack.
print_decimal:
    mov r9d, 10
    xor r10d, r10d
digit:
    xor edx, edx
    div r9
    push rdx
    inc r10d
    test rax, rax
    jnz digit
next_digit:
    pop rax
    add al, '0'
    call send
    dec r10d
    jnz next_digit
    ret

greeting:
    .ascii "Hello from inside a KVM virtual machine!\n"
    .ascii "This is a 64-bit guest without firmware or kernel, started from TypeScript.\n"
    .ascii "Each character of this text was written to the serial port COM1.\n"
    .asciz "Reading two numbers from the device at 0xd0000000:\n"
operand_a:
    .asciz "  a = "
operand_b:
    .asciz "  b = "
result:
    .asciz "  16 rounds of x = x * b + i = "
right:
    .asciz "The host verified the result. Halting.\n"
wrong:
    .asciz "The host found the result WRONG. Halting.\n"
