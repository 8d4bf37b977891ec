import type { Duplex } from 'node:stream';
import type { Architecture } from './architecture/architecture.js';
import { findRelease } from './kernel/catalogue.js';
import { fetchKernel, type Kernel } from './kernel/kernel.js';
import { initramfs } from './machine/initramfs.js';
import { runMachine } from './machine/machine.js';
import { scriptFor } from './machine/script.js';
import { Phases } from './phases.js';
import type { Progress } from './progress.js';
import { fetchBusybox } from './tools/busybox.js';
import { findProgram } from './tools/programs.js';
import { fetchUserland } from './tools/userland.js';

/** Everything that a lab of an architecture needs, in the cache. */
export interface Provisions {
  qemu: string;
  kernel: Kernel;
  busybox: string;
  initramfs: string;
  /** The folders that are mounted over the host's files. */
  layers: string[];
}

let provided: Promise<unknown> = Promise.resolve();

/**
 * Gets everything that a lab needs, from the cache if possible. Labs that start together get it one after the other,
 * because they may need the same files and apt allows only one process.
 */
export function provide(architecture: Architecture, wanted: string, progress: Progress): Promise<Provisions> {
  const provisions = provided.then(() => gather(architecture, wanted, progress));
  provided = provisions.catch(() => undefined);
  return provisions;
}

async function gather(architecture: Architecture, wanted: string, progress: Progress): Promise<Provisions> {
  const qemu = await findProgram(architecture.qemu, `a lab for ${architecture.name}`, progress);
  const release = await findRelease(wanted, architecture, { progress });
  const kernel = await fetchKernel(release, architecture, progress);
  const busybox = await fetchBusybox(architecture, progress);
  const layers = architecture.node === process.arch ? [] : [await fetchUserland(architecture, progress)];
  progress.done();
  return { qemu, kernel, busybox, initramfs: await initramfs(kernel, busybox), layers };
}

export interface LabRun {
  architecture: Architecture;
  kernel: string;
  command: readonly string[];
  cpus: number;
  /** In MiB. */
  memory: number;
  /** Seconds for the command. */
  timeout?: number;
  /** Folders that the machine may write to. */
  shares: readonly string[];
  /** Folders that are mounted over the host's files. */
  layers?: readonly string[];
  /** The working directory of the command. */
  folder: string;
  environment: Readonly<Record<string, string>>;
  isTerminal?: boolean;
  gdbPort?: number;
}

export interface LabIo {
  progress: Progress;
  signal: AbortSignal;
  onOutput(chunk: Buffer): void;
  onErrors(chunk: Buffer): void;
  onCommand?(terminal: Duplex | undefined): void;
  /** What begins, with the version of the kernel. */
  onStage?(stage: Stage, kernel: string): void;
}

/** The kernel boots, its modules are loaded, the command runs. */
export type Stage = 'boot' | 'modules' | 'command';

export interface LabResult {
  status: number;
  kernel: string;
  phases: Phases;
}

/** Runs one command in a lab. @throws LabError if it has no exit status. */
export async function runLab(run: LabRun, io: LabIo): Promise<LabResult> {
  const { architecture } = run;
  const phases = new Phases();
  const { qemu, kernel, busybox, initramfs: files, layers } = await provide(architecture, run.kernel, io.progress);
  phases.end('prepare');
  io.onStage?.('boot', kernel.version);
  const isForeign = architecture.node !== process.arch;
  // For machines within the lab: tests boot its own kernel in them.
  const kernels = {
    KVM_LAB_KERNEL: kernel.image,
    KVM_LAB_DISTRIBUTED_KERNEL: kernel.distributed,
    KVM_LAB_BUSYBOX: busybox,
    KVM_LAB_MODULES: kernel.guestModules,
  };
  const path = isForeign ? '/usr/bin:/bin' : (process.env['PATH'] ?? '/usr/bin:/bin');
  try {
    const status = await runMachine({
      architecture,
      qemu,
      image: kernel.image,
      initramfs: files,
      cpus: run.cpus,
      memory: run.memory,
      layers: [...layers, ...(run.layers ?? [])],
      shares: run.shares,
      isTerminal: run.isTerminal ?? false,
      gdbPort: run.gdbPort,
      script: scriptFor(run.command, run.folder, { PATH: path, ...kernels, ...run.environment }),
      // A machine that waits for gdb has no timeout.
      bootSeconds: run.gdbPort === undefined ? 120 : 24 * 60 * 60,
      commandSeconds: run.timeout,
      signal: io.signal,
      onOutput: io.onOutput,
      onErrors: io.onErrors,
      onCommand: (terminal) => io.onCommand?.(terminal),
      onPhase: (name) => {
        phases.end(name === 'modules' ? 'kernel' : name);
        io.onStage?.(name === 'modules' ? 'modules' : 'command', kernel.version);
      },
    });
    return { status, kernel: kernel.version, phases };
  } finally {
    phases.end('command');
  }
}
