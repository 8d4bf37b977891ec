import { KvmError, type KvmOptions, pageSize } from '@kvm/core';
import { boolean, integer, optionsOf } from '@kvm/core/struct';
import type { VirtioPlan } from '../virtio/plan.js';
import { type BoardModel, type BoardModelOptions, boardOf, boardOptions } from '../x86/board-model.js';
import type { FlatBoot, LinuxBoot } from '../x86/boot-options.js';
import type { CpuTemplate } from '../x86/cpu/template.js';
import { cpuTemplates } from '../x86/cpu/templates.js';

/** A device of your own: a module that exports a function `device`. */
export interface DeviceModule {
  /** The module: `new URL('./my-device.js', import.meta.url)`. It is loaded in the thread of the devices. */
  module: URL | string;
  /** What the module's function gets as `context.data`: anything that `postMessage` carries. */
  data?: unknown;
}

/** How a machine's processors differ from the host's. */
export interface CpuModel {
  /** A template, or the name of one of `cpuTemplates`: `'x86-64-v3'`. */
  template?: CpuTemplate | string;
  /** Changes of features by the names of /proc/cpuinfo, after the template: `'+avx2,-avx512f'`. */
  features?: string;
}

/** A source of random bytes for the guest. */
export interface RngOptions {
  /** How much the guest gets; 1 MiB. */
  bytesPerSecond?: number;
}

/** What a machine is made of. */
export interface MachineOptions extends BoardModelOptions {
  /** Guest memory: bytes, or a number with a unit: `'512M'`, `'2G'`. Whole pages. */
  memory: number | string;
  /** The number of processors; 1. */
  cpus?: number;
  /** What its processors are: as the host's, without this. */
  cpu?: CpuModel;
  /** What it boots: `linux({ kernel })`, `flat({ image })`. */
  boot: LinuxBoot | FlatBoot;
  /** A source of random bytes: virtio-rng, Linux's /dev/hwrng; false. */
  rng?: boolean | RngOptions;
  /**
   * How the guest reaches its virtio devices: by memory-mapped registers of each, or by a PCI bus with MSI-X; `'mmio'`.
   * A guest with PCI starts a little later, for it looks for devices.
   */
  transport?: 'mmio' | 'pci';
  /** Devices of your own, beside those of the platform. */
  devices?: readonly DeviceModule[];
  /** Called with what devices of your own send by `context.post`, and their name. */
  onMessage?: (message: unknown, device: string) => void;
  /**
   * Called with a description of each exit after it was handled, and the number of its processor. If it returns a
   * promise, that processor may wait for it.
   */
  onExit?: (description: string, vcpu: number) => unknown;
  /** Asks the host for huge pages for the guest's memory; false. */
  hugePages?: boolean;
  /** Takes all guest memory from the host before the guest starts; false. */
  prefault?: boolean;
  /** How to open KVM; as `Kvm.open` does by default. */
  kvm?: KvmOptions;
}

/** Checked options. */
export interface Plan {
  readonly memorySize: number;
  readonly cpus: number;
  readonly cpu: { readonly template: CpuTemplate | undefined; readonly features: string | undefined };
  readonly boot: LinuxBoot | FlatBoot;
  readonly board: BoardModel;
  readonly virtio: readonly VirtioPlan[];
  readonly transport: 'mmio' | 'pci';
  readonly modules: readonly { readonly url: string; readonly data: unknown }[];
  readonly onMessage: (message: unknown, device: string) => void;
  readonly onExit: ((description: string, vcpu: number) => unknown) | undefined;
  readonly hugePages: boolean;
  readonly prefault: boolean;
  readonly kvm: KvmOptions | undefined;
}

const known = [
  'memory',
  'cpus',
  'cpu',
  'boot',
  ...boardOptions,
  'rng',
  'transport',
  'devices',
  'onMessage',
  'onExit',
  'hugePages',
  'prefault',
  'kvm',
] as const;

/** More than any host allows. */
const mostCpus = 2 ** 16;

/** @throws KvmError `ERR_KVM_INVALID_ARGUMENT` or `ERR_KVM_OUT_OF_RANGE` for options that cannot be. */
export function checkOptions(options: MachineOptions): Plan {
  const {
    memory,
    cpus = 1,
    cpu = {},
    boot,
    rng = false,
    transport = 'mmio',
    devices = [],
    onMessage = () => {},
    onExit,
    hugePages = false,
    prefault = false,
    kvm,
    ...board
  } = optionsOf(options, 'the options of a Machine', known);
  if (boot?.type !== 'linux' && boot?.type !== 'flat') {
    throw invalid('boot must be what linux({ kernel }) or flat({ image }) returns');
  }
  if (transport !== 'mmio' && transport !== 'pci') throw invalid("transport must be 'mmio' or 'pci'");
  const model = boardOf(board, boot.type);
  integer(cpus, 1, mostCpus, 'cpus');
  if (model.interrupts === 'none' && cpus !== 1)
    throw invalid('several processors need interrupt controllers to start');
  if (typeof onMessage !== 'function') throw invalid('onMessage must be a function');
  if (onExit !== undefined && typeof onExit !== 'function') throw invalid('onExit must be a function');
  if (!Array.isArray(devices)) throw invalid('devices must be an array of { module, data }');
  return {
    memorySize: bytesOf(memory),
    cpus,
    cpu: modelOf(cpu),
    boot,
    board: model,
    virtio: rngOf(rng),
    transport,
    modules: devices.map(moduleOf),
    onMessage,
    onExit,
    hugePages: boolean(hugePages, 'hugePages'),
    prefault: boolean(prefault, 'prefault'),
    kvm,
  };
}

const units: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

function bytesOf(memory: unknown): number {
  let size = memory;
  if (typeof memory === 'string') {
    const [, number, unit] = /^(\d+)([kmgt]?)(?:i?b)?$/i.exec(memory.trim()) ?? [];
    if (number === undefined)
      throw invalid(`memory must be bytes, or a number with a unit as in '512M', not ${memory}`);
    size = Number(number) * (units[(unit ?? '').toLowerCase()] as number);
  }
  integer(size as number, pageSize, Number.MAX_SAFE_INTEGER, 'memory, in bytes,');
  if ((size as number) % pageSize !== 0) {
    throw new KvmError('ERR_KVM_OUT_OF_RANGE', `memory must be whole pages of ${pageSize} bytes, not ${size} bytes`);
  }
  return size as number;
}

function modelOf(cpu: CpuModel): Plan['cpu'] {
  const { template, features } = optionsOf(cpu, 'the cpu of a Machine', ['template', 'features']);
  if (typeof template !== 'string') return { template, features };
  const named = Object.hasOwn(cpuTemplates, template) ? cpuTemplates[template] : undefined;
  if (named !== undefined) return { template: named, features };
  throw invalid(`there is no CPU template ${template}; there are ${Object.keys(cpuTemplates).join(', ')}`);
}

/** Bytes a second: more than a guest needs, and less than a host notices. */
const defaultRate = 2 ** 20;

function rngOf(rng: boolean | RngOptions): VirtioPlan[] {
  if (typeof rng === 'boolean') return rng ? [{ kind: 'rng', bytesPerSecond: defaultRate }] : [];
  const { bytesPerSecond = defaultRate } = optionsOf(rng, 'the rng of a Machine', ['bytesPerSecond']);
  return [{ kind: 'rng', bytesPerSecond: integer(bytesPerSecond, 1, Number.MAX_SAFE_INTEGER, 'bytesPerSecond') }];
}

function moduleOf(device: DeviceModule): { url: string; data: unknown } {
  const { module, data } = optionsOf(device, 'a device of a Machine', ['module', 'data']);
  try {
    return { url: new URL(module).href, data };
  } catch (cause) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'the module of a device must be a URL', {
      cause,
      hint: "new URL('./my-device.js', import.meta.url)",
    });
  }
}

function invalid(message: string): KvmError {
  return new KvmError('ERR_KVM_INVALID_ARGUMENT', message);
}
