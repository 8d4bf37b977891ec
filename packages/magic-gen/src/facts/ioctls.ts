import type { IoctlFacts } from './facts.js';
import { table } from './table.js';

/**
 * One entry for each ioctl of linux/kvm.h, from Linux 6.1 and later, in the header's order. The sources are the
 * headers, the kernel's API document and the code. Where the document and the code disagree, the code counts and a
 * comment says so. `arch` lists where the call does something; a stub that only refuses does not count.
 */

const x86 = ['x86'] as const;
const arm64 = ['arm64'] as const;
const s390 = ['s390'] as const;
const powerpc = ['powerpc'] as const;

/** These build KVM's coalesced MMIO; s390 does not. */
const withMmio = ['x86', 'arm64', 'riscv', 'powerpc', 'mips', 'loongarch'] as const;
/** These have in-kernel interrupt controllers with routing; mips has none. */
const withRouting = ['x86', 'arm64', 'riscv', 's390', 'powerpc', 'loongarch'] as const;
/** Their asm/kvm.h defines __KVM_HAVE_IRQ_LINE. The same architectures select HAVE_KVM_MSI. */
const withIrqLine = ['x86', 'arm64', 'riscv', 'powerpc', 'loongarch'] as const;

/** Kernels have long refused all of these. */
const deprecatedTrace = {
  enable: { fd: ['system'], arch: x86 },
  pause: { fd: ['system'], argument: 'none', arch: x86 },
} satisfies Record<string, IoctlFacts>;
// Declared _IOR, but only reads its argument. KVM_ASSIGN_DEV_IRQ replaced it.
const deprecatedAssignIrq: IoctlFacts = { fd: ['vm'], direction: 'write', arch: x86 };
const deprecatedDebugGuest: IoctlFacts = { fd: ['vcpu'], arch: x86 };

export const ioctlFacts: Readonly<Record<string, IoctlFacts>> = table({
  // The header keeps the numbers and the old names. Newer headers have neither.
  __KVM_DEPRECATED_MAIN_W_0x06: deprecatedTrace.enable,
  __KVM_DEPRECATED_MAIN_0x07: deprecatedTrace.pause,
  __KVM_DEPRECATED_MAIN_0x08: deprecatedTrace.pause,
  __KVM_DEPRECATED_VM_R_0x70: deprecatedAssignIrq,
  __KVM_DEPRECATED_VCPU_W_0x87: deprecatedDebugGuest,
  KVM_TRACE_ENABLE: deprecatedTrace.enable,
  KVM_TRACE_PAUSE: deprecatedTrace.pause,
  KVM_TRACE_DISABLE: deprecatedTrace.pause,
  KVM_ASSIGN_IRQ: deprecatedAssignIrq,
  KVM_DEBUG_GUEST: deprecatedDebugGuest,

  // /dev/kvm.
  KVM_GET_API_VERSION: { fd: ['system'], argument: 'none' },
  // The argument is a machine type, KVM_VM_* or KVM_X86_*_VM; 0 is the default everywhere.
  KVM_CREATE_VM: { fd: ['system'], argument: 'value', gives: 'fd' },
  KVM_GET_MSR_INDEX_LIST: { fd: ['system'], arch: x86 },
  KVM_S390_ENABLE_SIE: { fd: ['system'], argument: 'none', arch: s390 },
  KVM_CHECK_EXTENSION: {
    fd: ['system', 'vm'],
    argument: 'value',
    capabilityOn: { vm: 'KVM_CAP_CHECK_EXTENSION_VM' },
  },
  KVM_GET_VCPU_MMAP_SIZE: { fd: ['system'], argument: 'none' },
  KVM_GET_SUPPORTED_CPUID: { fd: ['system'], capability: 'KVM_CAP_EXT_CPUID', arch: x86 },
  KVM_GET_EMULATED_CPUID: { fd: ['system'], capability: 'KVM_CAP_EXT_EMUL_CPUID', arch: x86 },
  KVM_GET_MSR_FEATURE_INDEX_LIST: { fd: ['system'], capability: 'KVM_CAP_GET_MSR_FEATURES', arch: x86 },

  // VMs: memory and vCPUs.
  // Gone since 2.6.36.
  KVM_SET_MEMORY_REGION: { fd: ['vm'] },
  KVM_CREATE_VCPU: { fd: ['vm'], argument: 'value', gives: 'fd' },
  // The struct is only read; the bitmap is written through its pointer.
  KVM_GET_DIRTY_LOG: { fd: ['vm'], pointers: ['dirty_bitmap'] },
  // Gone since 2.6.36.
  KVM_SET_MEMORY_ALIAS: { fd: ['vm'], arch: x86 },
  KVM_SET_NR_MMU_PAGES: {
    fd: ['vm'],
    argument: 'value',
    capability: 'KVM_CAP_MMU_SHADOW_CACHE_CONTROL',
    arch: x86,
  },
  // Newer kernels keep the number but no longer implement it.
  KVM_GET_NR_MMU_PAGES: {
    fd: ['vm'],
    argument: 'none',
    capability: 'KVM_CAP_MMU_SHADOW_CACHE_CONTROL',
    arch: x86,
  },
  KVM_SET_USER_MEMORY_REGION: { fd: ['vm'], capability: 'KVM_CAP_USER_MEMORY', pointers: ['userspace_addr'] },
  // The address is the argument itself, unlike that of KVM_SET_IDENTITY_MAP_ADDR.
  KVM_SET_TSS_ADDR: { fd: ['vm'], argument: 'value', capability: 'KVM_CAP_SET_TSS_ADDR', arch: x86 },
  // The document says `unsigned long`; the code reads a __u64 through the pointer, as the header declares.
  KVM_SET_IDENTITY_MAP_ADDR: { fd: ['vm'], capability: 'KVM_CAP_SET_IDENTITY_MAP_ADDR', arch: x86 },
  KVM_SET_USER_MEMORY_REGION2: { fd: ['vm'], capability: 'KVM_CAP_USER_MEMORY2', pointers: ['userspace_addr'] },

  // s390: user-controlled VMs.
  KVM_S390_UCAS_MAP: { fd: ['vcpu'], capability: 'KVM_CAP_S390_UCONTROL', arch: s390, pointers: ['user_addr'] },
  // The same struct; user_addr is ignored.
  KVM_S390_UCAS_UNMAP: { fd: ['vcpu'], capability: 'KVM_CAP_S390_UCONTROL', arch: s390 },
  // Declared _IOW of an `unsigned long`, but takes that number itself: a guest address.
  KVM_S390_VCPU_FAULT: { fd: ['vcpu'], argument: 'value', capability: 'KVM_CAP_S390_UCONTROL', arch: s390 },
  KVM_S390_KEYOP: { fd: ['vm'], capability: 'KVM_CAP_S390_KEYOP', arch: s390 },

  // VMs: interrupts, timers and devices.
  KVM_CREATE_IRQCHIP: {
    fd: ['vm'],
    argument: 'none',
    // On s390 it needs KVM_CAP_S390_IRQCHIP, which must also be enabled.
    capability: 'KVM_CAP_IRQCHIP',
    // On loongarch it succeeds and does nothing.
    arch: ['x86', 'arm64', 's390', 'loongarch'],
  },
  // On arm64 a line can also be set without an in-kernel controller.
  KVM_IRQ_LINE: { fd: ['vm'], capability: 'KVM_CAP_IRQCHIP', arch: withIrqLine },
  KVM_GET_IRQCHIP: { fd: ['vm'], capability: 'KVM_CAP_IRQCHIP', arch: x86 },
  // Declared _IOR, but the kernel reads its argument.
  KVM_SET_IRQCHIP: { fd: ['vm'], direction: 'write', capability: 'KVM_CAP_IRQCHIP', arch: x86 },
  KVM_CREATE_PIT: { fd: ['vm'], argument: 'none', capability: 'KVM_CAP_PIT', arch: x86 },
  KVM_GET_PIT: { fd: ['vm'], capability: 'KVM_CAP_PIT', arch: x86 },
  // Declared _IOR, but the kernel reads its argument.
  KVM_SET_PIT: { fd: ['vm'], direction: 'write', capability: 'KVM_CAP_PIT', arch: x86 },
  KVM_IRQ_LINE_STATUS: { fd: ['vm'], capability: 'KVM_CAP_IRQ_INJECT_STATUS', arch: withIrqLine },
  // With `pio` set in the zone it needs KVM_CAP_COALESCED_PIO. The document says all architectures; s390 does not build
  // it.
  KVM_REGISTER_COALESCED_MMIO: { fd: ['vm'], capability: 'KVM_CAP_COALESCED_MMIO', arch: withMmio },
  KVM_UNREGISTER_COALESCED_MMIO: { fd: ['vm'], capability: 'KVM_CAP_COALESCED_MMIO', arch: withMmio },
  // PCI device assignment was removed in 4.12, and most of its capabilities are gone from the header.
  KVM_ASSIGN_PCI_DEVICE: { fd: ['vm'], direction: 'write', arch: x86 },
  KVM_SET_GSI_ROUTING: { fd: ['vm'], capability: 'KVM_CAP_IRQ_ROUTING', arch: withRouting },
  KVM_ASSIGN_DEV_IRQ: { fd: ['vm'], capability: 'KVM_CAP_ASSIGN_DEV_IRQ', arch: x86 },
  // An _IO, but it reads a struct through its argument.
  KVM_REINJECT_CONTROL: {
    fd: ['vm'],
    argument: 'value',
    record: 'kvm_reinject_control',
    direction: 'write',
    capability: 'KVM_CAP_REINJECT_CONTROL',
    arch: x86,
  },
  KVM_DEASSIGN_PCI_DEVICE: { fd: ['vm'], arch: x86 },
  KVM_ASSIGN_SET_MSIX_NR: { fd: ['vm'], arch: x86 },
  KVM_ASSIGN_SET_MSIX_ENTRY: { fd: ['vm'], arch: x86 },
  KVM_DEASSIGN_DEV_IRQ: { fd: ['vm'], capability: 'KVM_CAP_ASSIGN_DEV_IRQ', arch: x86 },
  KVM_IRQFD: { fd: ['vm'], capability: 'KVM_CAP_IRQFD', arch: withRouting },
  KVM_CREATE_PIT2: { fd: ['vm'], capability: 'KVM_CAP_PIT2', arch: x86 },
  KVM_SET_BOOT_CPU_ID: { fd: ['vm'], argument: 'value', capability: 'KVM_CAP_SET_BOOT_CPU_ID', arch: x86 },
  KVM_IOEVENTFD: { fd: ['vm'], capability: 'KVM_CAP_IOEVENTFD' },
  // When the guest writes the MSR, KVM copies a page from one of the two blobs.
  KVM_XEN_HVM_CONFIG: {
    fd: ['vm'],
    capability: 'KVM_CAP_XEN_HVM',
    arch: x86,
    pointers: ['blob_addr_32', 'blob_addr_64'],
  },
  KVM_SET_CLOCK: { fd: ['vm'], capability: 'KVM_CAP_ADJUST_CLOCK', arch: x86 },
  KVM_GET_CLOCK: { fd: ['vm'], capability: 'KVM_CAP_ADJUST_CLOCK', arch: x86 },
  KVM_GET_PIT2: { fd: ['vm'], capability: 'KVM_CAP_PIT_STATE2', arch: x86 },
  KVM_SET_PIT2: { fd: ['vm'], capability: 'KVM_CAP_PIT_STATE2', arch: x86 },
  // Declared _IOW, but only fills its argument.
  KVM_PPC_GET_PVINFO: { fd: ['vm'], direction: 'read', capability: 'KVM_CAP_PPC_GET_PVINFO', arch: powerpc },
  // On a VM it sets the frequency of vCPUs created later.
  KVM_SET_TSC_KHZ: {
    fd: ['vcpu', 'vm'],
    argument: 'value',
    capability: 'KVM_CAP_TSC_CONTROL',
    capabilityOn: { vm: 'KVM_CAP_VM_TSC_CONTROL' },
    arch: x86,
  },
  KVM_GET_TSC_KHZ: {
    fd: ['vcpu', 'vm'],
    argument: 'none',
    capability: 'KVM_CAP_GET_TSC_KHZ',
    capabilityOn: { vm: 'KVM_CAP_VM_TSC_CONTROL' },
    arch: x86,
  },
  KVM_ASSIGN_SET_INTX_MASK: { fd: ['vm'], capability: 'KVM_CAP_PCI_2_3', arch: x86 },
  KVM_SIGNAL_MSI: { fd: ['vm'], capability: 'KVM_CAP_SIGNAL_MSI', arch: withIrqLine },
  KVM_PPC_GET_SMMU_INFO: { fd: ['vm'], capability: 'KVM_CAP_PPC_GET_SMMU_INFO', arch: powerpc },
  // Declared _IOWR. Old kernels wrote the order they chose; newer ones only read it.
  KVM_PPC_ALLOCATE_HTAB: { fd: ['vm'], direction: 'write', capability: 'KVM_CAP_PPC_ALLOC_HTAB', arch: powerpc },
  KVM_CREATE_SPAPR_TCE: { fd: ['vm'], capability: 'KVM_CAP_SPAPR_TCE', arch: powerpc, gives: 'fd' },
  KVM_CREATE_SPAPR_TCE_64: { fd: ['vm'], capability: 'KVM_CAP_SPAPR_TCE_64', arch: powerpc, gives: 'fd' },
  // Gone since 4.0. The header's comment calls the capability KVM_CAP_RMA.
  KVM_ALLOCATE_RMA: { fd: ['vm'], capability: 'KVM_CAP_PPC_RMA', arch: powerpc, gives: 'fd' },
  KVM_PPC_GET_HTAB_FD: { fd: ['vm'], capability: 'KVM_CAP_PPC_HTAB_FD', arch: powerpc, gives: 'fd' },
  // `addr` is an address of the guest.
  KVM_ARM_SET_DEVICE_ADDR: { fd: ['vm'], capability: 'KVM_CAP_ARM_SET_DEVICE_ADDR', arch: arm64 },
  KVM_PPC_RTAS_DEFINE_TOKEN: { fd: ['vm'], capability: 'KVM_CAP_PPC_RTAS', arch: powerpc },
  // Both are declared _IOR, but only read their argument.
  KVM_PPC_RESIZE_HPT_PREPARE: {
    fd: ['vm'],
    direction: 'write',
    capability: 'KVM_CAP_SPAPR_RESIZE_HPT',
    arch: powerpc,
  },
  KVM_PPC_RESIZE_HPT_COMMIT: {
    fd: ['vm'],
    direction: 'write',
    capability: 'KVM_CAP_SPAPR_RESIZE_HPT',
    arch: powerpc,
  },
  // KVM_CAP_PPC_MMU_HASH_V3 also suffices. The header's comments name the two differently.
  KVM_PPC_CONFIGURE_V3_MMU: { fd: ['vm'], capability: 'KVM_CAP_PPC_MMU_RADIX', arch: powerpc },
  // Declared _IOW, but only fills its argument.
  KVM_PPC_GET_RMMU_INFO: { fd: ['vm'], direction: 'read', capability: 'KVM_CAP_PPC_MMU_RADIX', arch: powerpc },
  KVM_PPC_GET_CPU_CHAR: { fd: ['vm'], capability: 'KVM_CAP_PPC_GET_CPU_CHAR', arch: powerpc },
  KVM_SET_PMU_EVENT_FILTER: { fd: ['vm'], capability: 'KVM_CAP_PMU_EVENT_FILTER', arch: x86 },
  KVM_PPC_SVM_OFF: { fd: ['vm'], argument: 'none', arch: powerpc },
  // Declared _IOR, but only reads its argument; the tags are copied through `addr` in either direction.
  KVM_ARM_MTE_COPY_TAGS: {
    fd: ['vm'],
    direction: 'write',
    capability: 'KVM_CAP_ARM_MTE',
    arch: arm64,
    pointers: ['addr'],
  },
  KVM_ARM_SET_COUNTER_OFFSET: { fd: ['vm'], capability: 'KVM_CAP_COUNTER_OFFSET', arch: arm64 },
  // Declared _IOR, but only reads its argument; the masks are written through `addr`.
  KVM_ARM_GET_REG_WRITABLE_MASKS: {
    fd: ['vm'],
    direction: 'write',
    capability: 'KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES',
    arch: arm64,
    pointers: ['addr'],
  },
  // An _IO, because its struct grows: `size` in it gives its length.
  KVM_PPC_GET_COMPAT_CAPS: {
    fd: ['vm'],
    argument: 'value',
    record: 'kvm_ppc_compat_caps',
    direction: 'readwrite',
    capability: 'KVM_CAP_PPC_COMPAT_CAPS',
    arch: powerpc,
  },
  // The document names KVM_CAP_DEVICE_CTRL. For a long time x86 did not report it, although it had the call and VFIO's
  // device.
  KVM_CREATE_DEVICE: { fd: ['vm'], gives: 'fd' },

  // Devices, and the attributes that VMs, vCPUs and /dev/kvm have in the same way. A device's own attributes need no
  // capability: see KVM_CREATE_DEVICE.
  KVM_SET_DEVICE_ATTR: {
    fd: ['device', 'vm', 'vcpu'],
    capabilityOn: { vm: 'KVM_CAP_VM_ATTRIBUTES', vcpu: 'KVM_CAP_VCPU_ATTRIBUTES' },
    pointers: ['addr'],
  },
  // The value is written through `addr`; the struct itself is only read.
  KVM_GET_DEVICE_ATTR: {
    fd: ['device', 'vm', 'vcpu', 'system'],
    capabilityOn: {
      vm: 'KVM_CAP_VM_ATTRIBUTES',
      vcpu: 'KVM_CAP_VCPU_ATTRIBUTES',
      system: 'KVM_CAP_SYS_ATTRIBUTES',
    },
    pointers: ['addr'],
  },
  // `addr` is ignored.
  KVM_HAS_DEVICE_ATTR: {
    fd: ['device', 'vm', 'vcpu', 'system'],
    capabilityOn: {
      vm: 'KVM_CAP_VM_ATTRIBUTES',
      vcpu: 'KVM_CAP_VCPU_ATTRIBUTES',
      system: 'KVM_CAP_SYS_ATTRIBUTES',
    },
  },

  // vCPUs.
  // Any argument other than 0 is refused.
  KVM_RUN: { fd: ['vcpu'], argument: 'none' },
  // The document excludes only arm64; riscv refuses as well. Both have KVM_GET_ONE_REG.
  KVM_GET_REGS: { fd: ['vcpu'], arch: ['x86', 's390', 'powerpc', 'mips', 'loongarch'] },
  KVM_SET_REGS: { fd: ['vcpu'], arch: ['x86', 's390', 'powerpc', 'mips', 'loongarch'] },
  // The document lists x86 and powerpc; s390 has it too.
  KVM_GET_SREGS: { fd: ['vcpu'], arch: ['x86', 's390', 'powerpc'] },
  KVM_SET_SREGS: { fd: ['vcpu'], arch: ['x86', 's390', 'powerpc'] },
  // The document lists only x86; Book E powerpc translates too. Book 3S and mips succeed but translate nothing.
  KVM_TRANSLATE: { fd: ['vcpu'], arch: ['x86', 'powerpc'] },
  KVM_INTERRUPT: { fd: ['vcpu'], arch: ['x86', 'riscv', 'powerpc', 'mips', 'loongarch'] },
  // On /dev/kvm it reads the feature MSRs.
  KVM_GET_MSRS: {
    fd: ['system', 'vcpu'],
    capabilityOn: { system: 'KVM_CAP_GET_MSR_FEATURES' },
    arch: x86,
  },
  KVM_SET_MSRS: { fd: ['vcpu'], arch: x86 },
  KVM_SET_CPUID: { fd: ['vcpu'], arch: x86 },
  // A null pointer removes the mask.
  KVM_SET_SIGNAL_MASK: { fd: ['vcpu'] },
  // The document lists x86 and loongarch; s390 has it too.
  KVM_GET_FPU: { fd: ['vcpu'], arch: ['x86', 's390', 'loongarch'] },
  KVM_SET_FPU: { fd: ['vcpu'], arch: ['x86', 's390', 'loongarch'] },
  KVM_GET_LAPIC: { fd: ['vcpu'], capability: 'KVM_CAP_IRQCHIP', arch: x86 },
  KVM_SET_LAPIC: { fd: ['vcpu'], capability: 'KVM_CAP_IRQCHIP', arch: x86 },
  KVM_SET_CPUID2: { fd: ['vcpu'], capability: 'KVM_CAP_EXT_CPUID', arch: x86 },
  KVM_GET_CPUID2: { fd: ['vcpu'], capability: 'KVM_CAP_EXT_CPUID', arch: x86 },
  KVM_TPR_ACCESS_REPORTING: { fd: ['vcpu'], capability: 'KVM_CAP_VAPIC', arch: x86 },
  // A guest address.
  KVM_SET_VAPIC_ADDR: { fd: ['vcpu'], capability: 'KVM_CAP_VAPIC', arch: x86 },
  KVM_S390_INTERRUPT: { fd: ['vm', 'vcpu'], arch: s390 },
  // Declared _IOW of an `unsigned long`, but takes that number itself: a guest address or KVM_S390_STORE_STATUS_*.
  KVM_S390_STORE_STATUS: { fd: ['vcpu'], argument: 'value', arch: s390 },
  KVM_S390_SET_INITIAL_PSW: { fd: ['vcpu'], arch: s390 },
  KVM_S390_INITIAL_RESET: { fd: ['vcpu'], argument: 'none', arch: s390 },
  KVM_GET_MP_STATE: {
    fd: ['vcpu'],
    capability: 'KVM_CAP_MP_STATE',
    arch: ['x86', 'arm64', 'riscv', 's390', 'loongarch'],
  },
  KVM_SET_MP_STATE: {
    fd: ['vcpu'],
    capability: 'KVM_CAP_MP_STATE',
    arch: ['x86', 'arm64', 'riscv', 's390', 'loongarch'],
  },
  KVM_NMI: { fd: ['vcpu'], argument: 'none', capability: 'KVM_CAP_USER_NMI', arch: x86 },
  // The document's list ends with arm64; riscv and loongarch were added later.
  KVM_SET_GUEST_DEBUG: {
    fd: ['vcpu'],
    capability: 'KVM_CAP_SET_GUEST_DEBUG',
    arch: ['x86', 'arm64', 'riscv', 's390', 'powerpc', 'loongarch'],
  },
  KVM_X86_SETUP_MCE: { fd: ['vcpu'], capability: 'KVM_CAP_MCE', arch: x86 },
  KVM_X86_GET_MCE_CAP_SUPPORTED: { fd: ['system'], capability: 'KVM_CAP_MCE', arch: x86 },
  KVM_X86_SET_MCE: { fd: ['vcpu'], capability: 'KVM_CAP_MCE', arch: x86 },
  KVM_GET_VCPU_EVENTS: { fd: ['vcpu'], capability: 'KVM_CAP_VCPU_EVENTS', arch: ['x86', 'arm64'] },
  KVM_SET_VCPU_EVENTS: { fd: ['vcpu'], capability: 'KVM_CAP_VCPU_EVENTS', arch: ['x86', 'arm64'] },
  KVM_GET_DEBUGREGS: { fd: ['vcpu'], capability: 'KVM_CAP_DEBUGREGS', arch: x86 },
  KVM_SET_DEBUGREGS: { fd: ['vcpu'], capability: 'KVM_CAP_DEBUGREGS', arch: x86 },
  // args[0] is a plain number for nearly every capability. Two capabilities of a vCPU take an address: KVM writes there
  // for KVM_CAP_HYPERV_ENLIGHTENED_VMCS and reads there for KVM_CAP_SW_TLB.
  KVM_ENABLE_CAP: {
    fd: ['vcpu', 'vm'],
    capability: 'KVM_CAP_ENABLE_CAP',
    capabilityOn: { vm: 'KVM_CAP_ENABLE_CAP_VM' },
    pointers: ['args'],
  },
  // Writes the struct's own 4096 bytes, and is refused where KVM_GET_XSAVE2 would need more.
  KVM_GET_XSAVE: { fd: ['vcpu'], capability: 'KVM_CAP_XSAVE', arch: x86 },
  // Reads as many bytes as KVM_CHECK_EXTENSION of KVM_CAP_XSAVE2 returns, which may exceed the struct.
  KVM_SET_XSAVE: { fd: ['vcpu'], capability: 'KVM_CAP_XSAVE', length: { capability: 'KVM_CAP_XSAVE2' }, arch: x86 },
  KVM_GET_XCRS: { fd: ['vcpu'], capability: 'KVM_CAP_XCRS', arch: x86 },
  KVM_SET_XCRS: { fd: ['vcpu'], capability: 'KVM_CAP_XCRS', arch: x86 },
  KVM_DIRTY_TLB: { fd: ['vcpu'], capability: 'KVM_CAP_SW_TLB', arch: powerpc, pointers: ['bitmap'] },
  // On x86 only in newer kernels. The value is written through `addr`; the struct itself is only read.
  KVM_GET_ONE_REG: { fd: ['vcpu'], capability: 'KVM_CAP_ONE_REG', pointers: ['addr'] },
  KVM_SET_ONE_REG: { fd: ['vcpu'], capability: 'KVM_CAP_ONE_REG', pointers: ['addr'] },
  KVM_KVMCLOCK_CTRL: { fd: ['vcpu'], argument: 'none', capability: 'KVM_CAP_KVMCLOCK_CTRL', arch: x86 },
  KVM_ARM_VCPU_INIT: { fd: ['vcpu'], arch: arm64 },
  KVM_ARM_PREFERRED_TARGET: { fd: ['vm'], arch: arm64 },
  // s390, powerpc and loongarch have single registers but no list of them. On x86 only in newer kernels.
  KVM_GET_REG_LIST: { fd: ['vcpu'], capability: 'KVM_CAP_ONE_REG', arch: ['x86', 'arm64', 'riscv', 'mips'] },
  // The oldest headers lack `old_addr`.
  KVM_S390_MEM_OP: {
    fd: ['vm', 'vcpu'],
    capability: 'KVM_CAP_S390_MEM_OP',
    capabilityOn: { vm: 'KVM_CAP_S390_MEM_OP_EXTENSION' },
    arch: s390,
    pointers: ['buf', 'old_addr'],
  },
  // The keys are written through the pointer.
  KVM_S390_GET_SKEYS: { fd: ['vm'], capability: 'KVM_CAP_S390_SKEYS', arch: s390, pointers: ['skeydata_addr'] },
  KVM_S390_SET_SKEYS: { fd: ['vm'], capability: 'KVM_CAP_S390_SKEYS', arch: s390, pointers: ['skeydata_addr'] },
  KVM_S390_IRQ: { fd: ['vcpu'], capability: 'KVM_CAP_S390_INJECT_IRQ', arch: s390 },
  KVM_S390_SET_IRQ_STATE: { fd: ['vcpu'], capability: 'KVM_CAP_S390_IRQ_STATE', arch: s390, pointers: ['buf'] },
  // The interrupts are written through `buf`.
  KVM_S390_GET_IRQ_STATE: { fd: ['vcpu'], capability: 'KVM_CAP_S390_IRQ_STATE', arch: s390, pointers: ['buf'] },
  KVM_SMI: { fd: ['vcpu'], argument: 'none', capability: 'KVM_CAP_X86_SMM', arch: x86 },
  KVM_S390_GET_CMMA_BITS: { fd: ['vm'], capability: 'KVM_CAP_S390_CMMA_MIGRATION', arch: s390, pointers: ['values'] },
  KVM_S390_SET_CMMA_BITS: { fd: ['vm'], capability: 'KVM_CAP_S390_CMMA_MIGRATION', arch: s390, pointers: ['values'] },

  // Encrypted memory.
  // `unsigned long` in the header, but a struct in the code, which KVM reads and writes back: on AMD this one, on Intel
  // kvm_tdx_cmd, which has the same size and `data` at the same offset. On vCPUs since TDX.
  KVM_MEMORY_ENCRYPT_OP: {
    fd: ['vm', 'vcpu'],
    argument: 'value',
    record: 'kvm_sev_cmd',
    direction: 'readwrite',
    arch: x86,
    pointers: ['data'],
  },
  // The document says /dev/kvm; the code has both on VMs. Declared _IOR, but only read their argument.
  KVM_MEMORY_ENCRYPT_REG_REGION: { fd: ['vm'], direction: 'write', arch: x86, pointers: ['addr'] },
  KVM_MEMORY_ENCRYPT_UNREG_REGION: { fd: ['vm'], direction: 'write', arch: x86, pointers: ['addr'] },

  KVM_HYPERV_EVENTFD: { fd: ['vm'], capability: 'KVM_CAP_HYPERV_EVENTFD', arch: x86 },
  // Fills as many bytes as `size` in the struct says.
  KVM_GET_NESTED_STATE: { fd: ['vcpu'], capability: 'KVM_CAP_NESTED_STATE', length: { member: 'size' }, arch: x86 },
  KVM_SET_NESTED_STATE: { fd: ['vcpu'], capability: 'KVM_CAP_NESTED_STATE', length: { member: 'size' }, arch: x86 },
  // Declared _IOWR, but only reads its argument. The document omits riscv and loongarch, which build it too.
  KVM_CLEAR_DIRTY_LOG: {
    fd: ['vm'],
    direction: 'write',
    capability: 'KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2',
    arch: ['x86', 'arm64', 'riscv', 'mips', 'loongarch'],
    pointers: ['dirty_bitmap'],
  },
  KVM_GET_SUPPORTED_HV_CPUID: {
    fd: ['system', 'vcpu'],
    capability: 'KVM_CAP_HYPERV_CPUID',
    capabilityOn: { system: 'KVM_CAP_SYS_HYPERV_CPUID' },
    arch: x86,
  },
  KVM_ARM_VCPU_FINALIZE: { fd: ['vcpu'], capability: 'KVM_CAP_ARM_SVE', arch: arm64 },
  KVM_S390_NORMAL_RESET: { fd: ['vcpu'], argument: 'none', capability: 'KVM_CAP_S390_VCPU_RESETS', arch: s390 },
  KVM_S390_CLEAR_RESET: { fd: ['vcpu'], argument: 'none', capability: 'KVM_CAP_S390_VCPU_RESETS', arch: s390 },
  KVM_S390_PV_COMMAND: { fd: ['vm'], capability: 'KVM_CAP_S390_PROTECTED', arch: s390, pointers: ['data'] },
  KVM_X86_SET_MSR_FILTER: {
    fd: ['vm'],
    capability: 'KVM_CAP_X86_MSR_FILTER',
    arch: x86,
    // In each of the ranges.
    pointers: ['ranges.bitmap'],
  },
  // On architectures with weakly ordered memory, such as arm64, the capability is KVM_CAP_DIRTY_LOG_RING_ACQ_REL.
  KVM_RESET_DIRTY_RINGS: { fd: ['vm'], argument: 'none', capability: 'KVM_CAP_DIRTY_LOG_RING' },

  // Xen. Older headers lack `hva`, which overlays gfn and gpa: the type says which of them is meant.
  KVM_XEN_HVM_GET_ATTR: { fd: ['vm'], capability: 'KVM_CAP_XEN_HVM', arch: x86 },
  KVM_XEN_HVM_SET_ATTR: {
    fd: ['vm'],
    capability: 'KVM_CAP_XEN_HVM',
    arch: x86,
    pointers: ['u.shared_info.hva'],
  },
  KVM_XEN_VCPU_GET_ATTR: { fd: ['vcpu'], capability: 'KVM_CAP_XEN_HVM', arch: x86 },
  KVM_XEN_VCPU_SET_ATTR: { fd: ['vcpu'], capability: 'KVM_CAP_XEN_HVM', arch: x86, pointers: ['u.hva'] },
  KVM_XEN_HVM_EVTCHN_SEND: { fd: ['vm'], capability: 'KVM_CAP_XEN_HVM', arch: x86 },

  KVM_GET_SREGS2: { fd: ['vcpu'], capability: 'KVM_CAP_SREGS2', arch: x86 },
  KVM_SET_SREGS2: { fd: ['vcpu'], capability: 'KVM_CAP_SREGS2', arch: x86 },
  // The document has the capability's name with its words swapped.
  KVM_GET_STATS_FD: { fd: ['vm', 'vcpu'], argument: 'none', capability: 'KVM_CAP_BINARY_STATS_FD', gives: 'fd' },
  // Writes as many bytes as KVM_CHECK_EXTENSION of KVM_CAP_XSAVE2 returns on the VM, which may exceed the struct.
  KVM_GET_XSAVE2: { fd: ['vcpu'], capability: 'KVM_CAP_XSAVE2', length: { capability: 'KVM_CAP_XSAVE2' }, arch: x86 },
  KVM_S390_PV_CPU_COMMAND: {
    fd: ['vcpu'],
    capability: 'KVM_CAP_S390_PROTECTED_DUMP',
    arch: s390,
    pointers: ['data'],
  },
  // The addresses in it are guest addresses.
  KVM_S390_ZPCI_OP: { fd: ['vm'], capability: 'KVM_CAP_S390_ZPCI_OP', arch: s390 },

  // Memory of confidential guests. `address` and `gpa` are guest addresses.
  KVM_SET_MEMORY_ATTRIBUTES: { fd: ['vm'], capability: 'KVM_CAP_MEMORY_ATTRIBUTES', arch: x86 },
  // Declared _IOWR, but only reads its argument; the result is the file descriptor.
  KVM_CREATE_GUEST_MEMFD: {
    fd: ['vm'],
    direction: 'write',
    capability: 'KVM_CAP_GUEST_MEMFD',
    arch: ['x86', 'arm64'],
    gives: 'fd',
  },
  // The remaining range is returned in the struct.
  KVM_PRE_FAULT_MEMORY: { fd: ['vcpu'], capability: 'KVM_CAP_PRE_FAULT_MEMORY', arch: ['x86', 's390'] },
});
