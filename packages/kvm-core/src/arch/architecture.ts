import type { Ioctl } from '../abi/ioctl.js';
import type * as x86 from '../abi/x86/index.js';
import type { Struct, StructType } from '../struct/struct.js';
import { type Abis, type ArchName, machines } from './list.js';

/**
 * What stands between the code that serves every architecture and the ABI of the one at work. Generic code takes types from
 * x86's ABI, whose generic part all share, and values from the architecture it was given: so a process loads the ABI of one.
 */

/** The names that a group has on every architecture: of a union, TypeScript keeps the keys that all members have. */
type Shared<N extends 'Cap'> = keyof Abis[ArchName][N];

/** What the generic code uses of the generated ABI. Where an architecture lacks one of these, its `architecture()` does not compile. */
type GenericName =
  | 'CreateDeviceFlag'
  | 'DeviceType'
  | 'DirtyGfnFlag'
  | 'ExitReason'
  | 'GuestMemfdFlag'
  | 'IoeventfdFlag'
  | 'IrqRoutingType'
  | 'IrqfdFlag'
  | 'KVM_API_VERSION'
  | 'KVM_CHECK_EXTENSION'
  | 'KVM_CLEAR_DIRTY_LOG'
  | 'KVM_CREATE_DEVICE'
  | 'KVM_CREATE_GUEST_MEMFD'
  | 'KVM_CREATE_IRQCHIP'
  | 'KVM_CREATE_VCPU'
  | 'KVM_CREATE_VM'
  | 'KVM_DIRTY_LOG_PAGE_OFFSET'
  | 'KVM_ENABLE_CAP'
  | 'KVM_GET_API_VERSION'
  | 'KVM_GET_DEVICE_ATTR'
  | 'KVM_GET_DIRTY_LOG'
  | 'KVM_GET_MP_STATE'
  | 'KVM_GET_ONE_REG'
  | 'KVM_GET_REG_LIST'
  | 'KVM_GET_STATS_FD'
  | 'KVM_GET_VCPU_MMAP_SIZE'
  | 'KVM_HAS_DEVICE_ATTR'
  | 'KVM_INTERRUPT'
  | 'KVM_IOEVENTFD'
  | 'KVM_IRQFD'
  | 'KVM_IRQ_LINE'
  | 'KVM_IRQ_LINE_STATUS'
  | 'KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL'
  | 'KVM_PRE_FAULT_MEMORY'
  | 'KVM_REGISTER_COALESCED_MMIO'
  | 'KVM_REG_SIZE'
  | 'KVM_RESET_DIRTY_RINGS'
  | 'KVM_RUN'
  | 'KVM_SET_DEVICE_ATTR'
  | 'KVM_SET_GSI_ROUTING'
  | 'KVM_SET_MP_STATE'
  | 'KVM_SET_ONE_REG'
  | 'KVM_SET_SIGNAL_MASK'
  | 'KVM_SET_USER_MEMORY_REGION'
  | 'KVM_SET_USER_MEMORY_REGION2'
  | 'KVM_SIGNAL_MSI'
  | 'KVM_STATS_BASE_MASK'
  | 'KVM_STATS_TYPE_MASK'
  | 'KVM_STATS_UNIT_MASK'
  | 'KVM_UNREGISTER_COALESCED_MMIO'
  | 'KvmClearDirtyLog'
  | 'KvmCoalescedMmio'
  | 'KvmCoalescedMmioRing'
  | 'KvmCreateDevice'
  | 'KvmCreateGuestMemfd'
  | 'KvmDeviceAttr'
  | 'KvmDirtyGfn'
  | 'KvmDirtyLog'
  | 'KvmEnableCap'
  | 'KvmIrqLevel'
  | 'KvmIrqRouting'
  | 'KvmMpState'
  | 'KvmOneReg'
  | 'KvmPreFaultMemory'
  | 'KvmRunMmio'
  | 'KvmSignalMask'
  | 'KvmStatsDesc'
  | 'KvmStatsHeader'
  | 'KvmUserspaceMemoryRegion'
  | 'KvmUserspaceMemoryRegion2'
  | 'MemoryFlag'
  | 'MsiFlag'
  | 'StatsBase'
  | 'StatsType'
  | 'StatsUnit';

/** The same ioctl may have another number elsewhere: powerpc and mips encode directions in their own way. */
type Generic<T> = T extends Ioctl ? Ioctl<T['fd'][number], T['argument']> : T extends number ? number : T;

/** The members of `struct kvm_run` that mean the same everywhere. */
export type RunHead = Struct & Pick<x86.KvmRun, 'immediateExit' | 'exitReason' | 'mmio' | 'padding'>;

/** The ABI of an architecture, as generic code knows it. */
export type Abi = { readonly [N in GenericName]: Generic<(typeof x86)[N]> } & {
  readonly Cap: Pick<(typeof x86)['Cap'], Shared<'Cap'>>;
  readonly capNames: Readonly<Record<number, string>>;
  readonly capSince: Readonly<Record<number, string>>;
  readonly exitReasonNames: Readonly<Record<number, string>>;
  readonly KvmRun: RunType;
};

interface RunType extends StructType<RunHead> {
  at(bytes: Uint8Array): RunHead;
  from(init: { immediateExit: number }): RunHead;
}

/** What refusals of ioctls mean: hints by ioctl and errno. */
export type IoctlHints = Readonly<Record<string, Readonly<Record<number, string>>>>;

/** One architecture. */
export interface Architecture<A extends Abi = Abi> {
  /** The kernel's name for it: "x86", "arm64". */
  readonly name: ArchName;
  /** `process.arch` on such a machine: "x64", "arm64". */
  readonly machine: string;
  readonly abi: A;
  /** The entries of its table of ioctls: only what the generator made can be called. */
  readonly ioctls: ReadonlySet<unknown>;
  /** The request of KVM_CHECK_EXTENSION, for a call that comes often: a look-up in a large module takes as long as the call. */
  readonly checkExtension: number;
  /** FIOCLEX, the ioctl of any file that sets close-on-exec. */
  readonly fioclex: number;
  /** Hints for refusals that only this architecture has. */
  readonly hints: IoctlHints;
}

/** What differs from most architectures. */
interface Differences {
  readonly fioclex?: number;
  readonly hints?: IoctlHints;
}

/** @param differences FIOCLEX is 0x5451 but on architectures with ioctl numbers of their own. */
export function architecture<A extends Abi>(
  name: ArchName,
  abi: A,
  { fioclex = 0x5451, hints = {} }: Differences = {},
): Architecture<A> {
  const ioctls = new Set((Object.values(abi) as unknown[]).filter(isIoctl).map(frozen));
  const checkExtension = abi.KVM_CHECK_EXTENSION.request;
  return { name, machine: machines[name], abi, ioctls, checkExtension, fioclex, hints };
}

/** Of all that an ABI has, only the entries of the table have a request. */
function isIoctl(part: unknown): part is Ioctl {
  return typeof part === 'object' && part !== null && 'request' in part;
}

/** Frozen to the last part, so that what is known of an ioctl is what it says. */
function frozen(ioctl: Ioctl): Ioctl {
  for (const part of Object.values(ioctl)) Object.freeze(part);
  return Object.freeze(ioctl);
}
