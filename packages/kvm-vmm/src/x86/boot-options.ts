import type { Mode } from '@kvm/core/x86';
import type { BootProtocol } from './boot/plan.js';

/** A kernel to boot. */
export interface LinuxBoot {
  readonly type: 'linux';
  /** The path of a bzImage, of an ELF64 `vmlinux`, or of a multiboot kernel; its bytes tell which. */
  kernel: string;
  /** The path of the initial RAM file system. */
  initrd?: string;
  /** The kernel's command line; `defaultCommandLine`. */
  cmdline?: string;
  /** Forces one of the protocols that the kernel has. */
  protocol?: BootProtocol;
}

/** A flat binary to boot. */
export interface FlatBoot {
  readonly type: 'flat';
  /** The path of the binary, or its bytes. */
  image: string | Uint8Array;
  /** The mode of the processor at its first instruction; real. */
  mode?: Mode;
  /** Guest-physical address of its first byte; 0x1000. */
  loadAddr?: bigint;
  /** Guest-physical address of the first instruction; the load address. */
  entry?: bigint;
}

/**
 * The command line of a kernel by default: the console is the serial port, a panic reboots, which ends the machine, and
 * there is no PCI. For a machine with `transport: 'pci'` it lacks the last.
 */
export const defaultCommandLine = 'console=ttyS0 panic=-1 pci=off';
export const pciCommandLine = 'console=ttyS0 panic=-1';

/** Boots a kernel: Linux, or another one that a protocol of Linux, PVH or multiboot can start. */
export function linux(options: Omit<LinuxBoot, 'type'>): LinuxBoot {
  return { type: 'linux', ...options };
}

/** Boots a flat binary. */
export function flat(options: Omit<FlatBoot, 'type'>): FlatBoot {
  return { type: 'flat', ...options };
}
