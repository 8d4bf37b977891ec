import type { Ioctl } from '../abi/ioctl.js';
import type * as x86 from '../abi/x86/index.js';
import type { Struct, StructType } from '../struct/struct.js';
import { type Abis, type ArchName, machines } from './list.js';

/**
 * The interface between generic code and the ABI of one architecture. Generic code takes types from x86's ABI, whose
 * generic part all architectures share, and values from the architecture it was given. So a process loads only one ABI.
 */

/** The names that a group has on every architecture: `keyof` a union keeps the keys that all its members have. */
type Shared<N extends 'Cap'> = keyof Abis[ArchName][N];

/**
 * The parts of the generated ABI that generic code uses. If an architecture lacks one, its call of `architecture()`
 * does not compile.
 */
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

/** An ioctl's number depends on the architecture: powerpc and mips encode directions differently. */
type Generic<T> = T extends Ioctl ? Ioctl<T['fd'][number], T['argument']> : T extends number ? number : T;

/** The members of `struct kvm_run` that mean the same everywhere. */
export type RunHead = Struct & Pick<x86.KvmRun, 'immediateExit' | 'exitReason' | 'mmio' | 'padding'>;

/** The ABI of an architecture, as generic code sees it. */
export type Abi = { readonly [N in GenericName]: Generic<(typeof x86)[N]> } & {
  readonly Cap: Pick<(typeof x86)['Cap'], Shared<'Cap'>>;
  readonly capArch: Readonly<Record<string, readonly number[]>>;
  readonly capNames: Readonly<Record<number, string>>;
  readonly capSince: Readonly<Record<number, string>>;
  readonly exitReasonNames: Readonly<Record<number, string>>;
  readonly KvmRun: RunType;
};

interface RunType extends StructType<RunHead> {
  at(bytes: Uint8Array): RunHead;
  from(init: { immediateExit: number }): RunHead;
}

/** Hints that explain why an ioctl failed, by ioctl and errno. */
export type IoctlHints = Readonly<Record<string, Readonly<Record<number, string>>>>;

/** One architecture. */
export interface Architecture<A extends Abi = Abi> {
  /** The kernel's name: "x86", "arm64". */
  readonly name: ArchName;
  /** `process.arch` on such a machine: "x64", "arm64". */
  readonly machine: string;
  readonly abi: A;
  /** The entries of the generated ioctl table. Only these can be called. */
  readonly ioctls: ReadonlySet<unknown>;
  /** The request of KVM_CHECK_EXTENSION. A look-up in the large ABI module would take as long as the call. */
  readonly checkExtension: number;
  /** FIOCLEX, the ioctl of any file that sets close-on-exec. */
  readonly fioclex: number;
  /** Hints for errors that only this architecture has. */
  readonly hints: IoctlHints;
}

/** The values in which an architecture differs from most. */
interface Differences {
  readonly fioclex?: number;
  readonly hints?: IoctlHints;
}

/** @param differences FIOCLEX is 0x5451 except on architectures with their own ioctl numbers. */
export function architecture<A extends Abi>(
  name: ArchName,
  abi: A,
  { fioclex = 0x5451, hints = {} }: Differences = {},
): Architecture<A> {
  let ioctls: ReadonlySet<unknown> | undefined;
  return {
    name,
    machine: machines[name],
    abi,
    // Only raw ioctls ask for it, and it takes a quarter of the import.
    get ioctls() {
      ioctls ??= new Set((Object.values(abi) as unknown[]).filter(isIoctl).map(frozen));
      return ioctls;
    },
    checkExtension: abi.KVM_CHECK_EXTENSION.request,
    fioclex,
    hints,
  };
}

/** Only the entries of the ioctl table have a request. */
function isIoctl(part: unknown): part is Ioctl {
  return typeof part === 'object' && part !== null && 'request' in part;
}

/** Freezes an entry deeply, so that a program cannot change its request or argument. */
function frozen(ioctl: Ioctl): Ioctl {
  for (const part of Object.values(ioctl)) Object.freeze(part);
  return Object.freeze(ioctl);
}
