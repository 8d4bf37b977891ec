import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type CpioEntry, cpio, folder, regularFile, symbolicLink } from '@kvm/vmm/cpio';
import { cachedFolder, sha256 } from '../cache.js';
import type { Kernel } from '../kernel/kernel.js';

const init = join(import.meta.dirname, '../../guest/init.sh');

/** The busybox commands that init.sh calls. */
const applets =
  'sh ls mount insmod mkdir mkfifo cat cp chmod chroot setsid sleep usleep head hostname ifconfig kill read echo'.split(
    ' ',
  );

/**
 * The initramfs of a lab: busybox, the init, the modules. It is not compressed, because decompressing takes longer than
 * reading.
 */
export async function initramfs(kernel: Kernel, busybox: string): Promise<string> {
  const entries: CpioEntry[] = [
    ...['bin', 'dev', 'proc', 'sys', 'modules'].map((path) => ({ path, mode: folder })),
    { path: 'init', mode: regularFile, data: readFileSync(init) },
    { path: 'bin/busybox', mode: regularFile, data: readFileSync(busybox) },
    ...applets.map((name) => ({ path: `bin/${name}`, mode: symbolicLink, data: Buffer.from('busybox') })),
    ...kernel.modules.map((path) => ({
      path: `modules/${basename(path)}`,
      mode: regularFile,
      data: readFileSync(path),
    })),
  ];
  const archive = cpio(entries);
  const made = await cachedFolder(join('initramfs', sha256(archive).slice(0, 16)), async (fresh) => {
    writeFileSync(join(fresh, 'initramfs'), archive);
  });
  return join(made, 'initramfs');
}
