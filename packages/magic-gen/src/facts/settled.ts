import type { Disagreement } from './disagreements.js';

const irqchip = 'arch/*/kvm/Kconfig: who selects HAVE_KVM_IRQCHIP, and the rest that goes with it';
const generic = 'virt/kvm/kvm_main.c: for any architecture';
const regs = 'arch/riscv/kvm/vcpu.c answers EINVAL';
const switches = "arch/*/kvm: the architectures' own switches";
const dirtyLog = 'virt/kvm/Kconfig: who selects KVM_GENERIC_DIRTYLOG_READ_PROTECT';
const dirtyRing = 'virt/kvm/kvm_main.c: by who selects HAVE_KVM_DIRTY_RING_TSO or _ACQ_REL';
const powerpcOnly = 'arch/powerpc/kvm/powerpc.c answers it, and enables nothing';
const x86Only = 'arch/x86/kvm/x86.c answers it, and enables nothing';

/**
 * What the kernel's code (of Linux 7.3) says where the document and the facts disagree: where to look, or why it is so. The facts
 * follow the code.
 */
export const settled: Readonly<Record<string, string>> = {
  'KVM_GET_MSR_INDEX_LIST capability': 'the section is about two ioctls, and the capability is the other one’s',
  'KVM_GET_DIRTY_LOG direction': 'virt/kvm/kvm_main.c copies the struct in; what comes out is behind a pointer',
  'KVM_GET_REGS architectures': regs,
  'KVM_SET_REGS architectures': regs,
  'KVM_GET_SREGS architectures': switches,
  'KVM_SET_SREGS architectures': switches,
  'KVM_TRANSLATE architectures': 'arch/powerpc/kvm/booke.c has it',
  'KVM_GET_FPU architectures': 'arch/s390/kvm has it',
  'KVM_SET_FPU architectures': 'arch/s390/kvm has it',
  'KVM_CREATE_IRQCHIP architectures': 'arch/loongarch/kvm/vm.c has it',
  'KVM_IRQ_LINE architectures': irqchip,
  'KVM_ENABLE_CAP kinds of descriptor': generic,
  'KVM_ENABLE_CAP architectures': generic,
  'KVM_ENABLE_CAP capability': 'each kind of descriptor has its own',
  'KVM_SET_GSI_ROUTING architectures': irqchip,
  'KVM_SIGNAL_MSI architectures': irqchip,
  'KVM_IRQFD architectures': irqchip,
  'KVM_PPC_GET_SMMU_INFO argument': 'arch/powerpc/kvm/powerpc.c copies the struct out',
  'KVM_PPC_ALLOCATE_HTAB direction': 'arch/powerpc/kvm/book3s_hv.c only reads it',
  'KVM_SET_DEVICE_ATTR architectures': generic,
  'KVM_GET_DEVICE_ATTR kinds of descriptor': 'arch/x86/kvm/x86.c: /dev/kvm, too',
  'KVM_GET_DEVICE_ATTR architectures': generic,
  'KVM_HAS_DEVICE_ATTR kinds of descriptor': 'arch/x86/kvm/x86.c: /dev/kvm, too',
  'KVM_GET_REG_LIST capability': 'the registers it lists are those of KVM_CAP_ONE_REG',
  'KVM_SET_GUEST_DEBUG architectures': switches,
  'KVM_S390_GET_IRQ_STATE direction': 'arch/s390/kvm copies the struct in; what comes out is behind a pointer',
  'KVM_MEMORY_ENCRYPT_REG_REGION kinds of descriptor': 'arch/x86/kvm/x86.c: kvm_arch_vm_ioctl',
  'KVM_MEMORY_ENCRYPT_UNREG_REGION kinds of descriptor': 'arch/x86/kvm/x86.c: kvm_arch_vm_ioctl',
  'KVM_CLEAR_DIRTY_LOG architectures': dirtyLog,
  'KVM_GET_STATS_FD capability': 'the document misspells it',
  'KVM_S390_PV_CPU_COMMAND argument': 'arch/s390/kvm copies a struct kvm_pv_cmd in and out',
  'KVM_ARM_GET_REG_WRITABLE_MASKS direction':
    'arch/arm64/kvm/arm.c copies the struct in; what comes out is behind a pointer',
  'KVM_CREATE_GUEST_MEMFD architectures': 'arch/*/kvm/Kconfig: who selects KVM_GUEST_MEMFD',
  'KVM_PRE_FAULT_MEMORY architectures': 'arch/*/kvm/Kconfig: who selects KVM_GENERIC_PRE_FAULT_MEMORY',
  'KVM_CAP_SYNC_REGS enabled on': 'nothing enables it: kvm_run.kvm_valid_regs asks for each exit',
  'KVM_CAP_PPC_FWNMI enabled on': 'arch/powerpc/kvm/powerpc.c: kvm_vcpu_ioctl_enable_cap',
  'KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 architectures': dirtyLog,
  'KVM_CAP_MAX_VCPU_ID architectures': switches,
  'KVM_CAP_DIRTY_LOG_RING architectures': dirtyRing,
  'KVM_CAP_DIRTY_LOG_RING_ACQ_REL architectures': dirtyRing,
  'KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED enabled on': 'arch/arm64/kvm/arm.c answers it, and enables nothing',
  'KVM_GET_DEBUGREGS kinds of descriptor': 'arch/x86/kvm/x86.c: kvm_arch_vcpu_ioctl',
  'KVM_SET_DEBUGREGS kinds of descriptor': 'arch/x86/kvm/x86.c: kvm_arch_vcpu_ioctl',
  'KVM_CREATE_DEVICE capability': 'virt/kvm/kvm_main.c has both the ioctl and KVM_CAP_DEVICE_CTRL without a condition',
  'KVM_GET_REG_LIST architectures': 'arch/x86/kvm/x86.c of newer kernels has it',
  'KVM_MEMORY_ENCRYPT_OP kinds of descriptor': 'arch/x86/kvm/x86.c of newer kernels: vCPUs, too, for TDX',
  'KVM_CAP_PPC_RPT_INVALIDATE enabled on': powerpcOnly,
  'KVM_CAP_PPC_AIL_MODE_3 enabled on': powerpcOnly,
  'KVM_CAP_MEMORY_FAULT_INFO enabled on': x86Only,
  'KVM_CAP_X86_GUEST_MODE enabled on': x86Only,
  'KVM_CAP_MIPS_TE architectures': 'arch/mips/kvm no longer has trap and emulate',
  'KVM_CAP_PPC_MULTITCE entry': 'the document misspells KVM_CAP_SPAPR_MULTITCE',
  'KVM_CAP_STEAL_TIME architectures': 'arch/loongarch/kvm/vm.c answers it',
};

/** What settled a disagreement for the facts; undefined where nobody has looked yet. */
export function settledBy({ name, about }: Pick<Disagreement, 'name' | 'about'>): string | undefined {
  return Object.hasOwn(settled, `${name} ${about}`) ? settled[`${name} ${about}`] : undefined;
}
