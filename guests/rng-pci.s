# rng-pci: a driver of virtio-rng on PCI, as device 1 of the bus. 32-bit protected mode, load address 0x1000.
#
# Asks for 64 bytes as often as the dword at 0x1004 says, and waits for each answer by looking at the used ring. Its
# exit status is the length of the last answer, 64; or, where something is wrong: 1 no such device, 2 features refused,
# 3 only zeros.

.intel_syntax noprefix
.code32
.include "machine.inc"
.include "virtio-rng.inc"

.set CONFIG_ADDRESS, 0xcf8
.set CONFIG_DATA, 0xcfc
.set DEVICE_1, 0x80000800
.set ID, 0x00
.set COMMAND, 0x04
.set BAR0, 0x10
.set CAPABILITIES, 0x34
.set VENDOR_SPECIFIC, 9
.set COMMON_CFG, 1
.set NOTIFY_CFG, 2

.set DRIVER_FEATURE_SELECT, 8
.set DRIVER_FEATURE, 12
.set DEVICE_STATUS, 20
.set QUEUE_SELECT, 22
.set QUEUE_SIZE, 24
.set QUEUE_ENABLE, 28
.set QUEUE_DESC, 32
.set QUEUE_DRIVER, 40
.set QUEUE_DEVICE, 48

.set STACK, 0x3000

.globl start
start:
    jmp begin
    .balign 4
requests:
    .long 1
begin:
    mov esp, STACK
    mov ebp, 1
    mov ecx, ID
    call read_config
    cmp eax, 0x10441af4
    jne finish
    mov ecx, COMMAND
    call select
    mov eax, 6                                  # memory, bus master
    out dx, eax
    mov ecx, BAR0
    call read_config
    and eax, -16
    mov ebx, eax                                # will be the common configuration
    mov edi, eax                                # will be the doorbell
    mov ecx, CAPABILITIES
    call read_config
capability:
    movzx esi, al
    test esi, esi
    jz found
    mov ecx, esi
    call read_config
    push eax
    cmp al, VENDOR_SPECIFIC
    jne next
    shr eax, 24
    cmp al, COMMON_CFG
    je common
    cmp al, NOTIFY_CFG
    jne next
    lea ecx, [esi + 8]
    call read_config
    add edi, eax                                # queue 0 has the first doorbell
    jmp next
common:
    lea ecx, [esi + 8]
    call read_config
    add ebx, eax
next:
    pop eax
    shr eax, 8
    jmp capability

found:
    mov ebp, 2
    mov byte ptr [ebx + DEVICE_STATUS], 0
    mov byte ptr [ebx + DEVICE_STATUS], 1       # ACKNOWLEDGE
    mov byte ptr [ebx + DEVICE_STATUS], 3       # DRIVER
    mov dword ptr [ebx + DRIVER_FEATURE_SELECT], 1
    mov dword ptr [ebx + DRIVER_FEATURE], 1     # VERSION_1
    mov byte ptr [ebx + DEVICE_STATUS], 11      # FEATURES_OK
    cmp byte ptr [ebx + DEVICE_STATUS], 11
    jne finish

    mov word ptr [ebx + QUEUE_SELECT], 0
    mov word ptr [ebx + QUEUE_SIZE], SIZE
    mov dword ptr [ebx + QUEUE_DESC], DESCRIPTORS
    mov dword ptr [ebx + QUEUE_DESC + 4], 0
    mov dword ptr [ebx + QUEUE_DRIVER], AVAILABLE
    mov dword ptr [ebx + QUEUE_DRIVER + 4], 0
    mov dword ptr [ebx + QUEUE_DEVICE], USED
    mov dword ptr [ebx + QUEUE_DEVICE + 4], 0
    mov word ptr [ebx + QUEUE_ENABLE], 1
    mov byte ptr [ebx + DEVICE_STATUS], 15      # DRIVER_OK

    ask_and_end mov word ptr [edi], 0

# Reads the dword at the offset ecx of the device's configuration space, into eax.
read_config:
    call select
    in eax, dx
    ret

# Selects the register at the offset ecx: its port is dx.
select:
    lea eax, [ecx + DEVICE_1]
    mov dx, CONFIG_ADDRESS
    out dx, eax
    mov dx, CONFIG_DATA
    ret
