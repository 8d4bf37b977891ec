import type { Disagreement } from './disagreements.js';

const irqchip = 'arch/*/kvm/Kconfig selects HAVE_KVM_IRQCHIP, HAVE_KVM_IRQ_ROUTING and HAVE_KVM_MSI';
const generic = 'virt/kvm/kvm_main.c has it for every architecture';
const regs = 'arch/riscv/kvm/vcpu.c answers EINVAL';
const switches = 'the functions of arch/*/kvm';
const dirtyLog = 'arch/*/kvm/Kconfig selects KVM_GENERIC_DIRTYLOG_READ_PROTECT';
const dirtyRing = 'arch/*/kvm/Kconfig selects HAVE_KVM_DIRTY_RING_TSO and HAVE_KVM_DIRTY_RING_ACQ_REL';
const powerpcOnly = 'arch/powerpc/kvm/powerpc.c answers KVM_CHECK_EXTENSION, but not KVM_ENABLE_CAP';
const x86Only = 'arch/x86/kvm/x86.c answers KVM_CHECK_EXTENSION, but not KVM_ENABLE_CAP';

/**
 * Where the kernel's API document and the facts disagree, what the kernel's code says. The facts follow the code. Every
 * disagreement with Linux 6.12 and with 7.3 was looked up in that kernel's code.
 */
export const settled: Readonly<Record<string, string>> = {
  'KVM_GET_MSR_INDEX_LIST capability': 'the section describes two ioctls, and the capability belongs to the other one',
  'KVM_GET_DIRTY_LOG direction': 'virt/kvm/kvm_main.c copies the struct in; the result goes to an address in it',
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
  'KVM_ENABLE_CAP capability': 'the VM and the vCPU each have a capability of their own',
  'KVM_SET_GSI_ROUTING architectures': irqchip,
  'KVM_SIGNAL_MSI architectures': irqchip,
  'KVM_IRQFD architectures': irqchip,
  'KVM_PPC_GET_SMMU_INFO argument': 'arch/powerpc/kvm/powerpc.c copies the struct out',
  'KVM_PPC_ALLOCATE_HTAB direction': 'arch/powerpc/kvm/book3s_hv.c only reads it',
  'KVM_SET_DEVICE_ATTR architectures': generic,
  'KVM_GET_DEVICE_ATTR kinds of descriptor': 'arch/x86/kvm/x86.c has it for /dev/kvm as well',
  'KVM_GET_DEVICE_ATTR architectures': generic,
  'KVM_HAS_DEVICE_ATTR kinds of descriptor': 'arch/x86/kvm/x86.c has it for /dev/kvm as well',
  'KVM_GET_REG_LIST capability': 'the registers it lists are those of KVM_CAP_ONE_REG',
  'KVM_SET_GUEST_DEBUG architectures': switches,
  'KVM_S390_GET_IRQ_STATE direction': 'arch/s390/kvm copies the struct in; the result goes to an address in it',
  'KVM_MEMORY_ENCRYPT_REG_REGION kinds of descriptor': 'kvm_arch_vm_ioctl in arch/x86/kvm/x86.c has it',
  'KVM_MEMORY_ENCRYPT_UNREG_REGION kinds of descriptor': 'kvm_arch_vm_ioctl in arch/x86/kvm/x86.c has it',
  'KVM_CLEAR_DIRTY_LOG architectures': dirtyLog,
  'KVM_GET_STATS_FD capability': 'the document misspells it',
  'KVM_S390_PV_CPU_COMMAND argument': 'arch/s390/kvm copies a struct kvm_pv_cmd in and out',
  'KVM_ARM_GET_REG_WRITABLE_MASKS direction':
    'arch/arm64/kvm/arm.c copies the struct in; the result goes to an address in it',
  'KVM_CREATE_GUEST_MEMFD architectures': 'arch/*/kvm/Kconfig selects KVM_GUEST_MEMFD',
  'KVM_PRE_FAULT_MEMORY architectures': 'arch/*/kvm/Kconfig selects KVM_GENERIC_PRE_FAULT_MEMORY',
  'KVM_CAP_SYNC_REGS enabled on': 'nothing enables it: kvm_run.kvm_valid_regs selects the registers',
  'KVM_CAP_PPC_FWNMI enabled on': 'kvm_vcpu_ioctl_enable_cap in arch/powerpc/kvm/powerpc.c enables it',
  'KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 architectures': dirtyLog,
  'KVM_CAP_MAX_VCPU_ID architectures': switches,
  'KVM_CAP_DIRTY_LOG_RING architectures': dirtyRing,
  'KVM_CAP_DIRTY_LOG_RING_ACQ_REL architectures': dirtyRing,
  'KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED enabled on':
    'arch/arm64/kvm/arm.c answers KVM_CHECK_EXTENSION, but not KVM_ENABLE_CAP',
  'KVM_GET_DEBUGREGS kinds of descriptor': 'kvm_arch_vcpu_ioctl in arch/x86/kvm/x86.c has it',
  'KVM_SET_DEBUGREGS kinds of descriptor': 'kvm_arch_vcpu_ioctl in arch/x86/kvm/x86.c has it',
  'KVM_CREATE_DEVICE capability': 'virt/kvm/kvm_main.c always has both the ioctl and KVM_CAP_DEVICE_CTRL',
  'KVM_GET_REG_LIST architectures': 'arch/x86/kvm/x86.c of newer kernels has it',
  'KVM_MEMORY_ENCRYPT_OP kinds of descriptor': 'arch/x86/kvm/x86.c of newer kernels has it for vCPUs as well, for TDX',
  'KVM_CAP_PPC_RPT_INVALIDATE enabled on': powerpcOnly,
  'KVM_CAP_PPC_AIL_MODE_3 enabled on': powerpcOnly,
  'KVM_CAP_MEMORY_FAULT_INFO enabled on': x86Only,
  'KVM_CAP_X86_GUEST_MODE enabled on': x86Only,
  'KVM_CAP_MIPS_TE architectures': 'arch/mips/kvm no longer has trap-and-emulate',
  'KVM_CAP_PPC_MULTITCE entry': 'the document misspells KVM_CAP_SPAPR_MULTITCE',
  'KVM_CAP_STEAL_TIME architectures': 'arch/loongarch/kvm/vm.c answers it',
};

/** What the code says about a disagreement; undefined where nobody has looked yet. */
export function settledBy({ name, about }: Pick<Disagreement, 'name' | 'about'>): string | undefined {
  return Object.hasOwn(settled, `${name} ${about}`) ? settled[`${name} ${about}`] : undefined;
}
