import { randomBytes } from 'node:crypto';
import { totalmem } from 'node:os';
import { type BackendName, KvmError, pageSize } from '@kvm/core';
import type { Mode } from '@kvm/core/x86';
import { type CpuModel, type FlatPlan, flat, linux, type MachineOptions, planFlat } from '@kvm/vmm';
import type { Operands } from '../demo/challenge.js';
import { CliError } from '../exit-status.js';
import { builtInGuest, readGuest } from './guest-file.js';
import { isKernelFile } from './guest-format.js';
import { findHostKernel } from './host-kernel.js';

/** The options of `kvm-cli run`, parsed. */
export interface RunFlags {
  mode?: Mode;
  mem?: number;
  loadAddr?: bigint;
  entry?: bigint;
  cpus?: number;
  /** Changes of features: `+avx2,-avx512f`, or a template and changes: `x86-64-v3,-avx2`. */
  cpu?: string;
  /** Boots the kernel that this host runs. */
  hostKernel?: boolean;
  initrd?: string;
  /** A source of random bytes. */
  rng?: boolean;
  cmdline?: string;
  backend?: BackendName;
  device: string;
  trace?: boolean;
  stats?: boolean;
  json?: boolean;
  /** False for `--no-stdin`. */
  stdin?: boolean;
  /** Seconds. */
  timeout?: number;
}

/** A guest, and the machine that it runs on. */
export interface RunPlan {
  readonly device: string;
  readonly backend: BackendName | undefined;
  readonly machine: Pick<MachineOptions, 'memory' | 'cpus' | 'cpu' | 'boot' | 'rng'>;
  /** The guest as `--json` shows it. */
  readonly guest: Readonly<Record<string, unknown>>;
  /** For the demo. */
  readonly challenge: Operands | undefined;
  readonly trace: boolean;
}

const MiB = 2 ** 20;
const defaultFlatMemory = 16 * MiB;
const defaultKernelMemory = 512 * MiB;

const flatFlags = ['mode', 'loadAddr', 'entry'] as const;
const kernelFlags = ['initrd', 'cmdline', 'cpus', 'cpu', 'rng'] as const;

/** Reads the guest and checks everything that can be checked before there is a VM. */
export async function planRun(given: string | undefined, flags: RunFlags): Promise<RunPlan> {
  if (flags.hostKernel !== true) return await planGuest(given, flags);
  if (given !== undefined) throw new CliError(`--host-kernel boots the host's kernel, and not ${given}`);
  const { kernel, initrd } = findHostKernel(flags.initrd);
  return await planGuest(kernel, { ...flags, initrd });
}

async function planGuest(file: string | undefined, flags: RunFlags): Promise<RunPlan> {
  const { backend, device, trace = false } = flags;
  const isFlat = flatFlags.some((flag) => flags[flag] !== undefined);
  const isKernel = file !== undefined && file !== '-' && !isFlat && isKernelFile(file);
  const memory = flags.mem ?? (isKernel ? defaultKernelMemory : defaultFlatMemory);
  checkMemory(memory);
  const common = { device, backend, trace };
  if (isKernel) return { ...common, ...planKernel(file, flags, memory), challenge: undefined };
  const unfit = kernelFlags.find((flag) => flags[flag] !== undefined);
  if (unfit !== undefined) throw new CliError(`--${dashed(unfit)} is for kernels, and ${file ?? 'the demo'} is none`);
  if (file === undefined) {
    const flag = flatFlags.find((each) => flags[each] !== undefined);
    if (flag !== undefined) {
      throw new CliError(`--${dashed(flag)} needs a guest file: the built-in guest has its own`);
    }
    const image = builtInGuest();
    const layout = layOut('the built-in guest', 'long', memory, image, {});
    return { ...common, ...planOf(undefined, memory, image, layout), challenge: operands() };
  }
  const image = await readGuest(file, memory, flags.timeout);
  const layout = layOut(file, flags.mode ?? 'real', memory, image, flags);
  return { ...common, ...planOf(file, memory, image, layout), challenge: undefined };
}

type Parts = Pick<RunPlan, 'machine' | 'guest'>;

function planKernel(kernel: string, { initrd, cmdline, cpus = 1, cpu, rng = false }: RunFlags, memory: number): Parts {
  return {
    machine: {
      memory,
      cpus,
      ...(cpu !== undefined && { cpu: cpuModel(cpu) }),
      rng,
      boot: linux({ kernel, ...(initrd !== undefined && { initrd }), ...(cmdline !== undefined && { cmdline }) }),
    },
    guest: { file: kernel, initrd: initrd ?? null, cmdline: cmdline ?? null, cpus, cpu: cpu ?? null, rng, memory },
  };
}

/** The first word is a template if it has no sign. */
function cpuModel(text: string): CpuModel {
  const [first = '', ...rest] = text.split(',');
  if (/^[+-]/.test(first)) return { features: text };
  return { template: first, ...(rest.length > 0 && { features: rest.join(',') }) };
}

function planOf(file: string | undefined, memory: number, image: Uint8Array, layout: FlatPlan): Parts {
  const { mode, loadAddr, entry } = layout;
  return {
    machine: { memory, boot: flat({ image, mode, loadAddr, entry }) },
    guest: { file: file ?? null, mode, bytes: image.length, memory, loadAddr, entry },
  };
}

function checkMemory(size: number): void {
  const hostMemory = totalmem();
  if (size === 0) throw new CliError(`--mem: a guest needs memory, at least one page of ${pageSize} bytes`);
  if (size % pageSize !== 0)
    throw new CliError(`--mem: ${size} bytes are not a whole number of pages of ${pageSize} bytes`);
  if (size > hostMemory)
    throw new CliError(`--mem: ${size} bytes are more than the memory of this host, ${hostMemory} bytes`);
}

function layOut(
  name: string,
  mode: Mode,
  memorySize: number,
  image: Uint8Array,
  { loadAddr, entry }: Pick<RunFlags, 'loadAddr' | 'entry'>,
): FlatPlan {
  try {
    return planFlat({
      mode,
      memorySize,
      imageSize: image.length,
      ...(loadAddr !== undefined && { loadAddr }),
      ...(entry !== undefined && { entry }),
    });
  } catch (error) {
    throw error instanceof KvmError ? new CliError(`${name}: ${error.message}`) : error;
  }
}

/** Random, so that no guest knows the result in advance. 32 bits are short enough to read; an odd b loses no bits. */
function operands(): Operands {
  const bytes = randomBytes(8);
  return { a: BigInt(bytes.readUInt32LE(0)), b: BigInt(bytes.readUInt32LE(4) | 1) & 0xffff_ffffn };
}

function dashed(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
