import { randomBytes } from 'node:crypto';
import { totalmem } from 'node:os';
import { type BackendName, KvmError, pageSize } from '@kvm/core';
import type { Mode } from '@kvm/core/x86';
import { type FlatPlan, planFlat } from '@kvm/vmm';
import { CliError } from '../exit-status.js';
import { builtInGuest, readGuest } from './guest-file.js';
import type { Operands } from './messages.js';

/** The options of `kvm-cli run`, parsed. */
export interface RunFlags {
  mode?: Mode;
  mem?: number;
  loadAddr?: bigint;
  entry?: bigint;
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
  readonly memorySize: number;
  readonly image: Uint8Array;
  readonly layout: FlatPlan;
  /** For the demo. */
  readonly challenge: Operands | undefined;
  readonly trace: boolean;
}

const defaultMemory = 16 * 2 ** 20;

/** Reads the guest and checks everything that can be checked before there is a VM. */
export async function planRun(file: string | undefined, flags: RunFlags): Promise<RunPlan> {
  const { mem: memorySize = defaultMemory, backend, device, trace = false } = flags;
  checkMemory(memorySize);
  const common = { device, backend, memorySize, trace };
  if (file === undefined) {
    for (const flag of ['mode', 'loadAddr', 'entry'] as const) {
      if (flags[flag] !== undefined)
        throw new CliError(`--${dashed(flag)} needs a guest file: the built-in guest has its own`);
    }
    const image = builtInGuest();
    const layout = layOut('the built-in guest', 'long', memorySize, image, {});
    return { ...common, image, layout, challenge: operands() };
  }
  const image = await readGuest(file, memorySize, flags.timeout);
  const layout = layOut(file, flags.mode ?? 'real', memorySize, image, flags);
  return { ...common, image, layout, challenge: undefined };
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
