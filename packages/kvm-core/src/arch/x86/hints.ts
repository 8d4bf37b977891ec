import { constants } from 'node:os';
import type { IoctlHints } from '../architecture.js';

const { EBADF, EBUSY, EEXIST, EINVAL, ENOENT, ENOTTY, ENXIO, EPERM } = constants.errno;

const noController = 'createIrqChip comes first';
const noTimer = 'createPit2 comes first';
const noLocalApic =
  'the vCPU has no local APIC in the kernel: createIrqChip or createSplitIrqChip comes before the vCPU';
const lateTimer = { [EEXIST]: 'the VM has a timer already', [ENOENT]: noController };

const notEncrypted =
  'it takes a host with SEV or TDX, where the kvm module has it on, and a VM that was made for it: sev.init2, tdx.initVm';

const xenAttributes = {
  [ENOENT]: 'this kernel does not know the attribute',
  [ENOTTY]: 'Cap.XenHvm must have XenHvmConfigFlag.SharedInfo: older kernels have no attributes of Xen',
};

/** What a refusal means, of the ioctls that x86 alone has, and of those about the state of its CPUs. */
export const hints: IoctlHints = {
  KVM_SET_IDENTITY_MAP_ADDR: { [EINVAL]: 'it must be set before the first vCPU is created' },
  KVM_SET_CPUID2: { [EINVAL]: 'the table cannot change once the vCPU has run' },
  KVM_CREATE_PIT: lateTimer,
  KVM_CREATE_PIT2: lateTimer,
  KVM_GET_PIT: { [ENXIO]: noTimer },
  KVM_SET_PIT: { [ENXIO]: noTimer },
  KVM_GET_PIT2: { [ENXIO]: noTimer },
  KVM_SET_PIT2: { [ENXIO]: noTimer },
  KVM_REINJECT_CONTROL: { [ENXIO]: noTimer },
  KVM_GET_LAPIC: { [EINVAL]: noLocalApic },
  KVM_SET_LAPIC: { [EINVAL]: noLocalApic },
  KVM_SET_VAPIC_ADDR: { [EINVAL]: `the guest has no memory at the address, or ${noLocalApic}` },
  KVM_SET_BOOT_CPU_ID: { [EBUSY]: 'it must be set before the first vCPU is created' },
  KVM_SET_NR_MMU_PAGES: { [EINVAL]: 'no guest can do with fewer than 64' },
  KVM_GET_NR_MMU_PAGES: { [ENOTTY]: 'newer kernels do not tell' },
  KVM_GET_XSAVE: { [EINVAL]: 'the state is longer than 4096 bytes here: getXsave2' },
  KVM_SET_XSAVE: {
    [EINVAL]: 'the header names state components that this vCPU does not have, or has a reserved bit set',
  },
  KVM_SET_XCRS: { [EINVAL]: 'XCR0 must have bit 0, and no state that the CPUID of the vCPU lacks' },
  KVM_SET_SREGS: {
    [EINVAL]:
      'the control registers contradict each other (paging needs protection, long mode needs PAE), or CPUID lacks a feature: call setCpuid2 first, as long mode wants on some hosts',
  },
  KVM_SET_SREGS2: {
    [EINVAL]:
      'the control registers contradict each other (paging needs protection, long mode needs PAE), CPUID lacks a feature (call setCpuid2 first, as long mode wants on some hosts), or page-directory pointers are given where paging has none',
  },
  KVM_SET_DEBUGREGS: { [EINVAL]: 'flags must be 0, and DR6 and DR7 have no bits above the lower 32' },
  KVM_SET_VCPU_EVENTS: { [EINVAL]: 'a flag is unknown here, or an exception is beyond vector 31 or is the NMI' },
  KVM_SET_NESTED_STATE: {
    [EINVAL]: 'the state is of another kind of processor, or is of a CPUID that this vCPU does not have',
  },
  KVM_SET_TSC_KHZ: {
    [EINVAL]:
      'this host cannot slow the counter of a guest down, or it is too late: a VM takes a frequency before its first vCPU only',
  },
  KVM_SET_CLOCK: {
    [EINVAL]:
      'a flag is unknown here: Cap.AdjustClock says which there are, and kernels before 5.16 take none; clock alone always works',
  },
  KVM_KVMCLOCK_CTRL: { [EINVAL]: 'the guest has not set up kvmclock' },
  KVM_X86_SETUP_MCE: {
    [EINVAL]: 'bits 0 to 7 count the banks, at least one, and the others must be among getMceCapSupported()',
  },
  KVM_X86_SET_MCE: { [EINVAL]: 'status must have its valid bit, 63, and the bank must be one of setupMce' },
  KVM_SET_GUEST_DEBUG: { [EBUSY]: 'an exception is pending, and another cannot be injected' },
  KVM_X86_SET_MSR_FILTER: { [EINVAL]: "the default 'deny' needs a range: without one the guest could use no MSR" },
  KVM_SET_PMU_EVENT_FILTER: {
    [EINVAL]: 'a masked event has bits that no mask may have, or this kernel knows no masked events',
  },
  KVM_XEN_HVM_CONFIG: {
    [EINVAL]:
      'a flag is not one to be set, the MSR is not from 0x40000000 to 0x4fffffff, or pages are given with InterceptHcall',
  },
  KVM_XEN_HVM_GET_ATTR: xenAttributes,
  KVM_XEN_HVM_SET_ATTR: xenAttributes,
  KVM_XEN_VCPU_GET_ATTR: xenAttributes,
  KVM_XEN_VCPU_SET_ATTR: xenAttributes,
  KVM_XEN_HVM_EVTCHN_SEND: { [ENOTTY]: 'Cap.XenHvm must have XenHvmConfigFlag.EvtchnSend' },
  KVM_HYPERV_EVENTFD: {
    [EEXIST]: 'the connection has an eventfd already',
    [ENOENT]: 'the connection has no eventfd to take away',
  },
  KVM_MEMORY_ENCRYPT_OP: {
    [ENOTTY]: notEncrypted,
    [EBADF]: 'the descriptor must be that of /dev/sev, open as long as the VM',
    [EPERM]: 'a guest of SEV-SNP takes the snp commands only',
    [EINVAL]: 'it is not the time for this command, or an argument does not fit the kind of guest',
  },
  KVM_MEMORY_ENCRYPT_REG_REGION: { [ENOTTY]: notEncrypted },
  KVM_MEMORY_ENCRYPT_UNREG_REGION: {
    [ENOTTY]: notEncrypted,
    [EINVAL]: 'no region of this place and size is registered',
  },
};
