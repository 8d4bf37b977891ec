import { KvmError } from '@kvm/core';
import { boolean } from '@kvm/core/struct';

/** Ports, addresses and interrupts of a device, as `_CRS` lists them. */
export type Resource =
  | IoResource
  | IrqResource
  | InterruptResource
  | MemoryResource
  | MemoryWindow
  | IoWindow
  | BusNumbers;

/** I/O ports that a device decodes with all 16 bits. */
export interface IoResource {
  readonly type: 'io';
  readonly port: number;
  /** Up to 255 ports. */
  readonly length: number;
}

/** How an interrupt is signalled. */
export interface Signal {
  /** `edge`. */
  readonly trigger?: 'edge' | 'level';
  /** `high`. */
  readonly polarity?: 'high' | 'low';
  /** Whether other devices may use it, too; false. */
  readonly shared?: boolean;
}

/** An ISA interrupt. */
export interface IrqResource extends Signal {
  readonly type: 'irq';
  /** 0 to 15. */
  readonly irq: number;
}

/** An input of an I/O APIC. */
export interface InterruptResource extends Signal {
  readonly type: 'interrupt';
  /** The number of the global system interrupt. */
  readonly gsi: number;
}

/** Registers in memory: Memory32Fixed below 4 GiB, QWordMemory elsewhere. */
export interface MemoryResource {
  readonly type: 'memory';
  readonly start: bigint;
  readonly length: bigint;
}

/** Addresses that a bridge passes on: DWordMemory below 4 GiB, QWordMemory elsewhere. */
export interface MemoryWindow {
  readonly type: 'memoryWindow';
  readonly start: bigint;
  readonly length: bigint;
  /** Whether reads have no side effects; false. */
  readonly prefetchable?: boolean;
}

/** I/O ports that a bridge passes on. */
export interface IoWindow {
  readonly type: 'ioWindow';
  readonly port: number;
  readonly length: number;
}

/** The numbers of the buses behind a bridge. */
export interface BusNumbers {
  readonly type: 'busNumbers';
  readonly first: number;
  readonly last: number;
}

/** The bits of a signal, for the formats that have them in different places. */
export function signalBits({ trigger = 'edge', polarity = 'high', shared = false }: Signal) {
  if (!['edge', 'level'].includes(trigger) || !['high', 'low'].includes(polarity)) {
    throw new KvmError(
      'ERR_KVM_INVALID_ARGUMENT',
      'an interrupt has the trigger edge or level, the polarity high or low',
    );
  }
  boolean(shared, 'shared');
  return { edge: trigger === 'edge' ? 1 : 0, low: polarity === 'low' ? 1 : 0, shared: shared ? 1 : 0 };
}
