import { randomBytes } from 'node:crypto';
import { totalmem } from 'node:os';
import { type BackendName, KvmError, pageSize } from '@kvm/core';
import type { Mode } from '@kvm/core/x86';
import { planFlat } from '@kvm/vmm';
import { CliError } from '../exit-status.js';
import { builtInGuest, readGuest } from './guest-file.js';
import type { Operands, Task } from './protocol.js';

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

const defaultMemory = 16 * 2 ** 20;

/** What to run, all checked, before there is a VM. */
export async function planRun(file: string | undefined, flags: RunFlags): Promise<Task> {
  const { mem: memorySize = defaultMemory, backend, device, trace = false } = flags;
  checkMemory(memorySize);
  const common = { device, backend, memorySize, trace };
  if (file === undefined) {
    for (const flag of ['mode', 'loadAddr', 'entry'] as const) {
      if (flags[flag] !== undefined)
        throw new CliError(`--${dashed(flag)} needs a guest file: the built-in guest has its own`);
    }
    const image = builtInGuest();
    return { ...common, image, plan: plan('the built-in guest', 'long', memorySize, image, {}), challenge: operands() };
  }
  const image = await readGuest(file, memorySize, flags.timeout);
  return { ...common, image, plan: plan(file, flags.mode ?? 'real', memorySize, image, flags), challenge: undefined };
}

function checkMemory(size: number): void {
  const most = totalmem();
  if (size === 0) throw new CliError(`--mem: a guest needs memory, at least one page of ${pageSize} bytes`);
  if (size % pageSize !== 0)
    throw new CliError(`--mem: memory is whole pages of ${pageSize} bytes, and ${size} bytes are not`);
  if (size > most) throw new CliError(`--mem: ${size} bytes are more than this host has, which is ${most}`);
}

function plan(
  name: string,
  mode: Mode,
  memorySize: number,
  image: Uint8Array,
  { loadAddr, entry }: Pick<RunFlags, 'loadAddr' | 'entry'>,
): Task['plan'] {
  try {
    return planFlat({
      mode,
      memorySize,
      imageSize: image.length,
      ...(loadAddr === undefined ? {} : { loadAddr }),
      ...(entry === undefined ? {} : { entry }),
    });
  } catch (error) {
    throw error instanceof KvmError ? new CliError(`${name}: ${error.message}`) : error;
  }
}

/** New ones each time, so that no guest can have the answer with it; short enough to read, and odd, so that no bit is lost. */
function operands(): Operands {
  const bytes = randomBytes(8);
  return { a: BigInt(bytes.readUInt32LE(0)), b: BigInt(bytes.readUInt32LE(4) | 1) & 0xffff_ffffn };
}

function dashed(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
