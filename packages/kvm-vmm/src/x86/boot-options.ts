import type { FlatBoot, LinuxBoot } from '../machine/document.js';
import { boot } from './schema/boot.js';

/**
 * The command line of a kernel by default: the console is the serial port, a panic reboots, which ends the machine, and
 * there is no PCI. With `transport: 'pci'` it lacks the last.
 */
export const defaultCommandLine: string = boot.anyOf[0].properties.cmdline.default;
export const pciCommandLine = 'console=ttyS0 panic=-1';

/** Boots a kernel: Linux, or another one that a protocol of Linux, PVH or multiboot can start. */
export function linux(options: Omit<LinuxBoot, 'type'>): LinuxBoot {
  return { type: 'linux', ...options };
}

/** Boots a flat binary. */
export function flat(options: Omit<FlatBoot, 'type'>): FlatBoot {
  return { type: 'flat', ...options };
}
