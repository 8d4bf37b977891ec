import type { GuestMemory, Vcpu } from '@kvm/core';
import { type ByteSource, bytesSource, fileSource } from '../boot/byte-source.js';
import type { FlatBoot, LinuxBoot } from '../machine/document.js';
import { acpiStart } from './acpi-start.js';
import { loadSegments } from './boot/boot.js';
import { setEntryState } from './boot/entry-state.js';
import { bootFlat, planFlat } from './boot/flat.js';
import { planBoot } from './boot/plan-boot.js';
import { defaultCommandLine, pciCommandLine } from './boot-options.js';
import { virtioParameters } from './virtio-slots.js';

/** What a machine boots, opened and planned: everything that can be checked before there is a VM was checked. */
export interface BootImage extends Disposable {
  /** Sets the first vCPU up to enter it. */
  enter(vcpu: Vcpu, memory: GuestMemory): void;
  /** Loads it into memory. */
  load(memory: GuestMemory): void;
}

/** The virtio devices of the machine. */
interface VirtioSetup {
  readonly virtioCount: number;
  readonly transport: 'mmio' | 'pci';
  readonly console: 'serial' | 'virtio';
}

const noVirtio: VirtioSetup = { virtioCount: 0, transport: 'mmio', console: 'serial' };

/** @throws KvmError for an image that cannot be booted in so much memory, and for a file that cannot be read. */
export function openBoot(boot: LinuxBoot | FlatBoot, memorySize: number, virtio = noVirtio): BootImage {
  return boot.type === 'flat' ? openFlat(boot, memorySize) : openKernel(boot, memorySize, virtio);
}

function openKernel(
  { kernel, initrd, cmdline, protocol }: LinuxBoot,
  memorySize: number,
  virtio: VirtioSetup,
): BootImage {
  const open: (ByteSource & Disposable)[] = [];
  const source = (path: string): ByteSource => {
    const file = fileSource(path);
    open.push(file);
    return file;
  };
  const close = (): void => {
    for (const file of open) file[Symbol.dispose]();
  };
  try {
    const image = {
      kernel: source(kernel),
      initrd: initrd === undefined ? undefined : source(initrd),
      cmdline: commandLine(cmdline, virtio),
    };
    const plan = planBoot(image, { memorySize, rsdp: acpiStart, protocol });
    return {
      enter: (vcpu) => setEntryState(vcpu, plan.entry),
      load: (memory) => loadSegments(memory, plan),
      [Symbol.dispose]: close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/**
 * The command line of a kernel. One that shall not look into ACPI's tables is told by it where the devices are.
 */
export function commandLine(given: string | undefined, { transport, virtioCount, console }: VirtioSetup): string {
  const byDefault = transport === 'pci' ? pciCommandLine : defaultCommandLine;
  const line = given ?? (console === 'virtio' ? byDefault.replace('ttyS0', 'hvc0') : byDefault);
  if (transport === 'pci' || virtioCount === 0 || !/(^| )acpi=off( |$)/.test(line)) return line;
  return `${line} ${virtioParameters(virtioCount)}`;
}

function openFlat({ image, mode = 'real', loadAddr, entry }: FlatBoot, memorySize: number): BootImage {
  using file = typeof image === 'string' ? fileSource(image) : undefined;
  const source = file ?? bytesSource(image as Uint8Array);
  const plan = planFlat({
    mode,
    memorySize,
    imageSize: source.size,
    ...(loadAddr !== undefined && { loadAddr: BigInt(loadAddr) }),
    ...(entry !== undefined && { entry: BigInt(entry) }),
  });
  const bytes = new Uint8Array(source.size);
  source.read(0, bytes);
  return {
    enter: (vcpu, memory) => bootFlat(vcpu, memory, bytes, plan),
    load: () => {},
    [Symbol.dispose]: () => {},
  };
}
