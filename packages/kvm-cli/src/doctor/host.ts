import { accessSync, constants, readdirSync, statSync } from 'node:fs';
import { type BackendName, Cap, Kvm, KvmError } from '@kvm/core';

/** What can be seen of KVM from outside: the device, the modules. */
export interface DeviceReport {
  readonly path: string;
  readonly exists: boolean;
  /** Whether this user may read and write it. */
  readonly permitted: boolean;
  /** The kernel's modules that are loaded or built in; null where /sys does not tell. */
  readonly modules: readonly string[] | null;
}

export function inspectDevice(path: string): DeviceReport {
  return {
    path,
    exists: statSync(path, { throwIfNoEntry: false }) !== undefined,
    permitted: permitted(path),
    modules: modules(),
  };
}

function permitted(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function modules(): string[] | null {
  try {
    return readdirSync('/sys/module').filter((name) => /^kvm(_|$)/.test(name));
  } catch {
    return null;
  }
}

/** Capabilities without which much of this project does not work, or not as fast. */
const keyCapabilities = [
  'UserMemory',
  'ExtCpuid',
  'CheckExtensionVm',
  'ImmediateExit',
  'SyncRegs',
  'IrqChip',
  'Irqfd',
  'Ioeventfd',
  'CoalescedMmio',
  'NrMemslots',
  'MaxVcpus',
  'MaxVcpuId',
] as const satisfies readonly (keyof typeof Cap)[];

/** What KVM says of itself once it is open. */
export interface KvmReport {
  readonly apiVersion: number;
  /** Bytes. */
  readonly vcpuMmapSize: number;
  readonly capabilities: Readonly<Record<string, number>>;
}

/** Opens KVM through a backend and asks; the error when that cannot be. */
export function inspectKvm(path: string, backend: BackendName): KvmReport | KvmError {
  try {
    const kvm = Kvm.open({ path, backend });
    try {
      return {
        apiVersion: kvm.getApiVersion(),
        vcpuMmapSize: kvm.getVcpuMmapSize(),
        capabilities: Object.fromEntries(keyCapabilities.map((cap) => [cap, kvm.checkExtension(Cap[cap])])),
      };
    } finally {
      kvm.close();
    }
  } catch (error) {
    if (error instanceof KvmError) return error;
    throw error;
  }
}
