import { randomBytes } from 'node:crypto';
import { totalmem } from 'node:os';
import { KvmError } from '@kvm/core';
import {
  checkMachine,
  type FlatBoot,
  type FlatPlan,
  flat,
  type LinuxBoot,
  type MachineDocument,
  planFlat,
} from '@kvm/vmm';
import type { Operands } from '../demo/challenge.js';
import { CliError } from '../exit-status.js';
import { type Draft, draftOf, type FlagValues } from './document.js';
import { builtInGuest, readGuest } from './guest-file.js';
import { isKernelFile } from './guest-format.js';
import { findHostKernel } from './host-kernel.js';

/** The options of `kvm-cli run` that are not options of a machine, parsed. */
export interface RunFlags {
  /** A machine as a JSON document. */
  config?: string;
  /** Boots the kernel that this host runs. */
  hostKernel?: boolean;
  traceFile?: string;
  stats?: boolean;
  json?: boolean;
  /** False for `--no-stdin`. */
  stdin?: boolean;
  /** Seconds. */
  timeout?: number;
}

/** A guest, and the machine that it runs on. */
export interface RunPlan {
  readonly machine: MachineDocument;
  /** The file of the guest; undefined for the demo. */
  readonly file: string | undefined;
  /** The guest as `--json` shows it. */
  readonly guest: Readonly<Record<string, unknown>>;
  /** For the demo. */
  readonly challenge: Operands | undefined;
}

/** Reads the guest and checks everything that can be checked before there is a VM. */
export async function planRun(given: string | undefined, flags: RunFlags & FlagValues): Promise<RunPlan> {
  const draft = draftOf(flags.config, flags);
  if (flags.hostKernel !== true) return await planGuest(given, draft, flags);
  if (given !== undefined) throw new CliError(`--host-kernel boots the host's kernel, and not ${given}`);
  const { kernel, initrd } = findHostKernel(draft.changes['initrd'] as string | undefined);
  const before = draft.boot?.['type'] === 'linux' ? draft.boot : {};
  return planKernel(draft, { ...before, ...draft.changes, kernel, initrd });
}

async function planGuest(given: string | undefined, draft: Draft, flags: RunFlags): Promise<RunPlan> {
  if (given === undefined && flags.config === undefined) return planDemo(draft);
  const boot = given === undefined ? draft.boot : bootOf(given, draft);
  if (boot?.['type'] !== 'flat') return planKernel(draft, { ...boot, ...draft.changes });
  refuse(draft, 'linux', given ?? 'the guest');
  const machine = check(draft, { ...boot, ...draft.changes });
  const { image, ...rest } = machine.boot as FlatBoot;
  const memorySize = checkMemory(machine, draft);
  const file = image as string;
  const bytes = await readGuest(file, memorySize, flags.timeout);
  return planImage(file, machine, bytes, layOut(file, memorySize, bytes, rest));
}

/** How a file boots: as flags say that are for one kind of guest, else as its bytes say. */
function bootOf(file: string, { boot, given }: Draft): Readonly<Record<string, unknown>> {
  const flagged = given.find(({ boots }) => boots !== undefined)?.boots;
  const isFlat = file === '-' || (flagged === undefined ? !isKernelFile(file) : flagged === 'flat');
  const type = isFlat ? 'flat' : 'linux';
  const before = boot?.['type'] === type ? boot : {};
  return { ...before, type, ...(isFlat ? { image: file } : { kernel: file }) };
}

function planKernel(draft: Draft, boot: object): RunPlan {
  refuse(draft, 'flat', 'a kernel');
  const machine = check(draft, { type: 'linux', ...boot });
  const memory = checkMemory(machine, draft);
  const { kernel, initrd = null, cmdline = null } = machine.boot as LinuxBoot;
  const { cpus = 1, cpu = null } = machine;
  return { machine, file: kernel, guest: { file: kernel, initrd, cmdline, cpus, cpu, memory }, challenge: undefined };
}

function planDemo(draft: Draft): RunPlan {
  refuse(draft, 'linux', 'the demo');
  const unfit = draft.given.find(({ boots }) => boots !== undefined);
  if (unfit !== undefined) {
    throw new CliError(`${unfit.option.long} needs a guest file: the built-in guest has its own`);
  }
  const image = builtInGuest();
  const machine = check(draft, flat({ image, mode: 'long' }));
  const layout = layOut('the built-in guest', checkMemory(machine, draft), image, { mode: 'long' });
  return { ...planImage(undefined, machine, image, layout), challenge: operands() };
}

function planImage(
  file: string | undefined,
  machine: Checked,
  image: Uint8Array,
  { mode, loadAddr, entry }: FlatPlan,
): RunPlan {
  return {
    machine: { ...machine, boot: flat({ image, mode, loadAddr, entry }) },
    file,
    guest: { file: file ?? null, mode, bytes: image.length, memory: machine.memory, loadAddr, entry },
    challenge: undefined,
  };
}

/** @throws CliError for a flag of what is not booted. */
function refuse({ given }: Draft, kind: 'linux' | 'flat', name: string): void {
  const unfit = given.find(({ boots }) => boots === kind);
  if (unfit === undefined) return;
  const what = kind === 'linux' ? 'kernels' : 'flat binaries';
  throw new CliError(`${unfit.option.long} is for ${what}, and ${name} is none`);
}

/** A document, with the size of its memory in bytes. */
type Checked = ReturnType<typeof checkMachine>;

function check({ machine, name }: Draft, boot: object): Checked {
  return checkMachine({ ...machine, boot }, name);
}

/** Returns the size of the memory in bytes. */
function checkMemory({ memory: size }: Checked, { name }: Draft): number {
  const hostMemory = totalmem();
  if (size <= hostMemory) return size;
  throw new CliError(`${name('memory')}: ${size} bytes are more than the memory of this host, ${hostMemory} bytes`);
}

function layOut(
  name: string,
  memorySize: number,
  image: Uint8Array,
  { mode = 'real', loadAddr, entry }: Omit<FlatBoot, 'type' | 'image'>,
): FlatPlan {
  try {
    return planFlat({
      mode,
      memorySize,
      imageSize: image.length,
      ...(loadAddr !== undefined && { loadAddr: BigInt(loadAddr) }),
      ...(entry !== undefined && { entry: BigInt(entry) }),
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
