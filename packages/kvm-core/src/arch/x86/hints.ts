import { constants } from 'node:os';
import type { IoctlHints } from '../architecture.js';

const { EBADF, EBUSY, EEXIST, EINVAL, ENOENT, ENOTTY, ENXIO, EPERM } = constants.errno;

const noController = 'call createIrqChip first';
const noTimer = 'call createPit2 first';
const noLocalApic =
  'the vCPU has no local APIC in the kernel: call createIrqChip or createSplitIrqChip before creating the vCPU';
const lateTimer = { [EEXIST]: 'the VM already has a timer', [ENOENT]: noController };

const notEncrypted =
  'this needs a host with SEV or TDX enabled in the kvm module, and a VM initialised for it: sev.init2, tdx.initVm';

const xenAttributes = {
  [ENOENT]: 'this kernel does not support the attribute',
  [ENOTTY]: 'Cap.XenHvm must have XenHvmConfigFlag.SharedInfo: older kernels have no attributes of Xen',
};

/** Hints for errors that only x86 has. */
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
  KVM_SET_NR_MMU_PAGES: { [EINVAL]: 'the minimum is 64' },
  KVM_GET_NR_MMU_PAGES: { [ENOTTY]: 'newer kernels do not report it' },
  KVM_GET_XSAVE: { [EINVAL]: 'the state is longer than 4096 bytes on this host: use getXsave2' },
  KVM_SET_XSAVE: {
    [EINVAL]: 'the header names state components that this vCPU lacks, or has a reserved bit set',
  },
  KVM_SET_XCRS: { [EINVAL]: 'XCR0 must have bit 0 set, and no bit for a state that the CPUID of the vCPU lacks' },
  KVM_SET_SREGS: {
    [EINVAL]:
      'the control registers contradict each other (paging needs protected mode, long mode needs PAE), or CPUID ' +
      'lacks a feature: call setCpuid2 first, which some hosts require for long mode',
  },
  KVM_SET_SREGS2: {
    [EINVAL]:
      'the control registers contradict each other (paging needs protected mode, long mode needs PAE), CPUID lacks a ' +
      'feature (call setCpuid2 first, which some hosts require for long mode), or page-directory pointers are given ' +
      'for a paging mode that has none',
  },
  KVM_SET_DEBUGREGS: { [EINVAL]: 'flags must be 0, and DR6 and DR7 must fit in 32 bits' },
  KVM_SET_VCPU_EVENTS: {
    [EINVAL]: 'a flag is unknown to this kernel, or the vector of an exception is above 31 or that of the NMI',
  },
  KVM_SET_NESTED_STATE: {
    [EINVAL]: 'the state is from another kind of processor, or needs a CPUID that this vCPU lacks',
  },
  KVM_SET_TSC_KHZ: {
    [EINVAL]:
      'this host cannot slow down the counter of a guest, or the VM already has a vCPU: ' +
      'a VM accepts a frequency only before its first vCPU',
  },
  KVM_SET_CLOCK: {
    [EINVAL]:
      'a flag is unknown to this kernel: the value of Cap.AdjustClock has the known flags, and kernels before 5.16 ' +
      'accept none; clock alone always works',
  },
  KVM_KVMCLOCK_CTRL: { [EINVAL]: 'the guest has not set up kvmclock' },
  KVM_X86_SETUP_MCE: {
    [EINVAL]: 'bits 0 to 7 are the number of banks, at least one; the other bits must be in getMceCapSupported()',
  },
  KVM_X86_SET_MCE: { [EINVAL]: 'status must have its valid bit, 63, set, and the bank must be one of setupMce' },
  KVM_SET_GUEST_DEBUG: { [EBUSY]: 'an exception is pending, and another cannot be injected' },
  KVM_X86_SET_MSR_FILTER: {
    [EINVAL]: "the default 'deny' needs a range: without one, the guest could not use any MSR",
  },
  KVM_SET_PMU_EVENT_FILTER: {
    [EINVAL]: 'a masked event has invalid bits, or this kernel does not support masked events',
  },
  KVM_XEN_HVM_CONFIG: {
    [EINVAL]:
      'a flag cannot be set, the MSR is not from 0x40000000 to 0x4fffffff, or pages are given with InterceptHcall',
  },
  KVM_XEN_HVM_GET_ATTR: xenAttributes,
  KVM_XEN_HVM_SET_ATTR: xenAttributes,
  KVM_XEN_VCPU_GET_ATTR: xenAttributes,
  KVM_XEN_VCPU_SET_ATTR: xenAttributes,
  KVM_XEN_HVM_EVTCHN_SEND: { [ENOTTY]: 'Cap.XenHvm must have XenHvmConfigFlag.EvtchnSend' },
  KVM_HYPERV_EVENTFD: {
    [EEXIST]: 'the connection already has an eventfd',
    [ENOENT]: 'the connection has no eventfd to remove',
  },
  KVM_MEMORY_ENCRYPT_OP: {
    [ENOTTY]: notEncrypted,
    [EBADF]: 'the descriptor must be that of /dev/sev, and stay open as long as the VM',
    [EPERM]: 'an SEV-SNP guest accepts only the snp commands',
    [EINVAL]: 'the guest is not in the right state for this command, or an argument does not fit the kind of guest',
  },
  KVM_MEMORY_ENCRYPT_REG_REGION: { [ENOTTY]: notEncrypted },
  KVM_MEMORY_ENCRYPT_UNREG_REGION: {
    [ENOTTY]: notEncrypted,
    [EINVAL]: 'no region with this address and size is registered',
  },
};
