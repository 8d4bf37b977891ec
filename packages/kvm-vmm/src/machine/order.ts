import type { GuestMemory, KvmErrorJson, SharedEventFd, Vm } from '@kvm/core';
import type { DeviceState } from '../devices/device.js';
import type { Outcome } from '../devices/outcome.js';
import type { StreamPlan } from '../virtio/console/console-plan.js';
import type { VirtioPlan } from '../virtio/plan.js';
import type { BoardModel } from '../x86/board-model.js';
import type { SharedStats } from './vcpu-stats.js';

/** What the threads of a machine share. */
export interface Shared {
  /** The words of `control.ts`. */
  readonly control: Int32Array;
  /** The eventfd of `Bell`. */
  readonly wake: SharedEventFd;
  /** The slots of `Mailbox`, one for each vCPU. */
  readonly slots: SharedArrayBuffer;
  /** The ranges of `Claims`. */
  readonly claims: Float64Array;
  /** When the guest first wrote to its console: one number, in milliseconds of the wall clock; 0 before. */
  readonly firstOutput: Float64Array;
}

/** What the device thread starts with. */
export interface DeviceOrder {
  readonly shared: Shared;
  readonly cpus: number;
  readonly vm: ReturnType<Vm['share']>;
  readonly memory: ReturnType<GuestMemory['share']>;
  readonly board: BoardModel;
  /** The serial port. */
  readonly serial: StreamPlan;
  readonly modules: readonly { readonly url: string; readonly data: unknown }[];
  readonly virtio: readonly VirtioPlan[];
  /** How the guest reaches them. */
  readonly transport: 'mmio' | 'pci';
  /** The states that the devices begin with, for a machine that was saved. */
  readonly states: DeviceStates | undefined;
}

/** The states of devices, by their names. */
export type DeviceStates = Readonly<Record<string, DeviceState>>;

/** What the device thread reports. */
export type DeviceReport =
  /** All devices are there: their names, in the order of their claims. */
  | { readonly kind: 'ready'; readonly devices: readonly string[] }
  /** The main thread waits for output of a stream, and there is some. */
  | { readonly kind: 'output'; readonly stream: number }
  /** The main thread waits for room for a stream's input, and there is some. */
  | { readonly kind: 'room'; readonly stream: number }
  /** The guest has answered about its memory. */
  | { readonly kind: 'balloon' }
  | { readonly kind: 'message'; readonly device: string; readonly message: unknown }
  /** The thread stands still. */
  | { readonly kind: 'held'; readonly states: DeviceStates }
  /** The machine has ended; with how, if a device has ended it. */
  | { readonly kind: 'ended'; readonly outcome: Outcome | undefined }
  | { readonly kind: 'failed'; readonly error: KvmErrorJson | PlainError };

/** An error that is no KvmError. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
}

/** What the vCPU threads start with. */
export interface VcpuData {
  readonly shared: Shared;
  /** Of each vCPU, by its number. */
  readonly stats: readonly SharedStats[];
  /** The exits that are reported, for `ExitFilter`; undefined for none. */
  readonly trace: string | undefined;
  /** Whether the guest goes on where it was saved. */
  readonly isRestored: boolean;
}

/** What a vCPU thread sends. */
export type VcpuMessage =
  /** It is about to enter the guest. */
  | 'started'
  /** It stands still, until the pause with this number ends. */
  | { readonly pause: number }
  /** The bytes of its state, and the number of the pause in which it was saved. */
  | { readonly state: Uint8Array; readonly saved: number }
  /** An exit, after it was handled. */
  | { readonly trace: string };
