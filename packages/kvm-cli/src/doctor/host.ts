import { accessSync, constants, readdirSync, readFileSync, statSync } from 'node:fs';
import { type BackendName, Cap, Kvm, KvmError } from '@kvm/core';

/** What is visible of KVM without opening it: the device, the modules. */
export interface DeviceReport {
  readonly path: string;
  readonly exists: boolean;
  /** Whether this user may read and write it. */
  readonly permitted: boolean;
  /** The KVM modules of the kernel, loaded or built in; null where /sys cannot be read. */
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

/**
 * Why a kernel for real hardware cannot run here in reasonable time; undefined if nothing speaks against it. Such a KVM
 * has its own way to run guests that are made for it, and interprets all others.
 *
 * @param cpuinfo the text of /proc/cpuinfo of an x86 host.
 */
export function whyNoKernels(
  cpuinfo: string = cpuInfo(),
  loaded: readonly string[] | null = modules(),
): string | undefined {
  const flags = /^flags\s*:(.*)$/m.exec(cpuinfo)?.[1]?.trim().split(/\s+/);
  if (flags === undefined || flags.includes('vmx') || flags.includes('svm')) return undefined;
  const module = loaded?.find((name) => name !== 'kvm');
  const by = module === undefined ? 'KVM' : `KVM (${module})`;
  return `the processor shows neither VMX nor SVM, so ${by} interprets a kernel's instructions, which takes hours`;
}

function cpuInfo(): string {
  return process.arch === 'x64' ? readFileSync('/proc/cpuinfo', 'utf8') : '';
}

/** Capabilities that this project needs to work, or to be fast. */
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

/** What KVM reports once it is open. */
export interface KvmReport {
  readonly apiVersion: number;
  /** Bytes. */
  readonly vcpuMmapSize: number;
  readonly capabilities: Readonly<Record<string, number>>;
}

/** Opens KVM through a backend and queries it. Returns the error when it cannot be opened. */
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
