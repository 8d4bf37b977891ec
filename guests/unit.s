# unit: what the unit tests of KVM expect of their machine. A multiboot kernel, loaded at 1 MiB.
#
# Tries fw_cfg, the test device and the timer of ACPI one by one, and prints a digit on COM1 before each. It ends by the
# debug-exit port: with 0, or the number of what is missing. With QEMU's statuses that is 1, or an odd number.
#
#   1  multiboot's magic number         5  64 KiB of memory at 0xff000000
#   2  fw_cfg, and a processor          6  line 5 of the interrupt controllers, by the test device
#   3  the scratch register             7  the timer of ACPI
#   4  a page that keeps its bytes when it is flushed

.intel_syntax noprefix
.code32
.include "machine.inc"

.set MAGIC, 0x1badb002
.set HAS_ADDRESSES, 0x10000
.set LOAD_ADDRESS, 0x100000
.set PAGE, 0x180000

.globl start
start:
    jmp entry

.balign 4
header:
    .long MAGIC, HAS_ADDRESSES, -(MAGIC + HAS_ADDRESSES)
    .long LOAD_ADDRESS + header - start, LOAD_ADDRESS, 0, 0, LOAD_ADDRESS

# Prints a digit: what follows is number \number.
.macro step number
    mov bl, \number
    mov al, \number + '0'
    mov dx, COM1_DATA
    out dx, al
.endm

entry:
    mov esi, eax
    step 1
    cmp esi, 0x2badb002
    jne fail

    step 2
    xor eax, eax                    # the signature, QEMU
    mov dx, 0x510
    out dx, ax
    inc dx
    in al, dx
    cmp al, 'Q'
    jne fail
    dec dx
    mov ax, 5                       # the number of processors
    out dx, ax
    inc dx
    in al, dx
    test al, al
    jz fail

    step 3
    mov eax, 0x12345678
    out 0xe0, eax
    in ax, 0xe2
    cmp ax, 0x1234
    jne fail

    step 4
    mov edi, PAGE
    mov dword ptr [edi], 0x11223344
    mov eax, edi
    out 0xe4, eax
    cmp dword ptr [edi], 0x11223344
    jne fail

    step 5
    mov edi, 0xff00fffc
    mov dword ptr [edi], 0xcafe
    cmp word ptr [edi], 0xcafe
    jne fail

    step 6
    mov al, 1
    mov dx, 0x2005
    out dx, al
    mov al, 0x0a                    # the PIC shows its requests
    out 0x20, al
    in al, 0x20
    test al, 1 << 5
    jz fail
    xor al, al
    out dx, al

    step 7
    mov dx, 0x608
    in eax, dx
    mov esi, eax
    mov ecx, 100000
wait:
    in eax, dx
    cmp eax, esi
    jne done
    loop wait
    jmp fail

done:
    xor bl, bl
fail:
    movzx eax, bl
    out DEBUG_EXIT, eax
    hlt
