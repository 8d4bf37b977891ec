# rng: a driver of virtio-rng by MMIO, with its registers at 0xfeb00000. 32-bit protected mode, load address 0x1000.
#
# Asks for 64 bytes as often as the dword at 0x1004 says, and waits for each answer by looking at the used ring. Its
# exit status is the length of the last answer, 64; or, where something is wrong: 1 no such device, 2 features refused,
# 3 only zeros.

.intel_syntax noprefix
.code32
.include "machine.inc"
.include "virtio-rng.inc"

.set DEVICE, 0xfeb00000
.set MAGIC, 0x000
.set VERSION, 0x004
.set DEVICE_ID, 0x008
.set DRIVER_FEATURES, 0x020
.set DRIVER_FEATURES_SEL, 0x024
.set QUEUE_SEL, 0x030
.set QUEUE_NUM, 0x038
.set QUEUE_READY, 0x044
.set QUEUE_NOTIFY, 0x050
.set STATUS, 0x070
.set QUEUE_DESC, 0x080
.set QUEUE_DRIVER, 0x090
.set QUEUE_DEVICE, 0x0a0

.globl start
start:
    jmp begin
    .balign 4
requests:
    .long 1
begin:
    mov ebx, DEVICE
    mov ebp, 1
    cmp dword ptr [ebx + MAGIC], 0x74726976
    jne finish
    cmp dword ptr [ebx + VERSION], 2
    jne finish
    cmp dword ptr [ebx + DEVICE_ID], 4
    jne finish

    mov ebp, 2
    mov dword ptr [ebx + STATUS], 0
    mov dword ptr [ebx + STATUS], 1             # ACKNOWLEDGE
    mov dword ptr [ebx + STATUS], 3             # DRIVER
    mov dword ptr [ebx + DRIVER_FEATURES_SEL], 1
    mov dword ptr [ebx + DRIVER_FEATURES], 1    # VERSION_1
    mov dword ptr [ebx + STATUS], 11            # FEATURES_OK
    cmp dword ptr [ebx + STATUS], 11
    jne finish

    mov dword ptr [ebx + QUEUE_SEL], 0
    mov dword ptr [ebx + QUEUE_NUM], SIZE
    mov dword ptr [ebx + QUEUE_DESC], DESCRIPTORS
    mov dword ptr [ebx + QUEUE_DRIVER], AVAILABLE
    mov dword ptr [ebx + QUEUE_DEVICE], USED
    mov dword ptr [ebx + QUEUE_READY], 1
    mov dword ptr [ebx + STATUS], 15            # DRIVER_OK

    ask_and_end mov dword ptr [ebx + QUEUE_NOTIFY], 0
