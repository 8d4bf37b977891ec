import type { GuestMemory, KvmErrorJson, Vm } from '@kvm/core';
import type { DeviceState } from '../devices/device.js';
import type { Outcome } from '../devices/outcome.js';
import type { SharedRing } from '../streams/byte-ring.js';

/** What the threads of a machine share. */
export interface Shared {
  /** The words of `control.ts`. */
  readonly control: Int32Array;
  /** The slots of `Mailbox`, one for each vCPU. */
  readonly slots: SharedArrayBuffer;
  /** The ranges of `Claims`. */
  readonly claims: Float64Array;
}

/** What the device thread starts with. */
export interface DeviceOrder {
  readonly shared: Shared;
  readonly cpus: number;
  readonly vm: ReturnType<Vm['share']>;
  readonly memory: ReturnType<GuestMemory['share']>;
  readonly hasInterrupts: boolean;
  /** Whether the guest finds the devices of a PC and ACPI tables. */
  readonly platform: 'pc' | 'bare';
  readonly consoleIn: SharedRing;
  readonly consoleOut: SharedRing;
  readonly modules: readonly { readonly url: string; readonly data: unknown }[];
}

/** What the device thread reports. */
export type DeviceReport =
  | { readonly kind: 'ready' }
  /** The main thread waits for output of the console, and there is some. */
  | { readonly kind: 'output' }
  /** The main thread waits for room for input, and there is some. */
  | { readonly kind: 'room' }
  | { readonly kind: 'message'; readonly device: string; readonly message: unknown }
  | { readonly kind: 'ended'; readonly end: DeviceEnd }
  | { readonly kind: 'failed'; readonly error: KvmErrorJson | string };

/** What the device thread leaves behind. */
export interface DeviceEnd {
  readonly outcome: Outcome | undefined;
  readonly states: Readonly<Record<string, DeviceState>>;
}

/** What the vCPU threads start with. */
export interface VcpuData {
  readonly shared: Shared;
  /** The memory of `ExitCounts`, of each vCPU. */
  readonly counts: readonly Float64Array[];
}
