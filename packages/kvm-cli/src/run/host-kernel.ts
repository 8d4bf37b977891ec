import { accessSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CpioEntry, cpio, folder, regularFile } from '@kvm/vmm/cpio';
import { CliError } from '../exit-status.js';

/** The files of `--host-kernel`. */
export interface HostKernel {
  readonly kernel: string;
  readonly initrd: string;
}

/** Where distributions have them, by the release of the kernel. */
const kernels = (version: string): string[] => [
  `/boot/vmlinuz-${version}`,
  `/boot/vmlinux-${version}`,
  `/lib/modules/${version}/vmlinuz`,
  `/usr/lib/modules/${version}/vmlinuz`,
];
const initrds = (version: string): string[] => [
  `/boot/initrd.img-${version}`,
  `/boot/initramfs-${version}.img`,
  `/boot/initrd-${version}`,
];
const busyboxes = ['/bin/busybox', '/usr/bin/busybox', '/usr/lib/busybox/busybox'];

/** The first program of the minimal initramfs: a shell on the console. The machine is turned off when it ends. */
const init = `#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox --install -s /bin
echo
echo "Linux $(uname -r) on $(nproc) processors, in a machine of kvm-cli. exit turns it off."
setsid -c sh
poweroff -f
`;

/**
 * Finds the kernel that this host runs, and its initrd. Without an initrd, one is made of a static busybox.
 *
 * @param given an initrd to use instead.
 * @throws CliError that says what is missing.
 */
export function findHostKernel(given?: string, version: string = release(), root = '/'): HostKernel {
  const find = (paths: readonly string[]): string | undefined =>
    paths.map((path) => join(root, path)).find((path) => isReadable(path));
  const kernel = find(kernels(version));
  if (kernel === undefined) {
    throw new CliError(
      `the host's kernel ${version} is in none of ${kernels(version).join(', ')}, or may not be read: ` +
        'name a kernel instead of --host-kernel',
    );
  }
  const initrd = given ?? find(initrds(version));
  if (initrd !== undefined) return { kernel, initrd };
  const busybox = find(busyboxes);
  if (busybox === undefined || !isStatic(readFileSync(busybox))) {
    throw new CliError(
      `the host's kernel ${version} has no initrd in /boot, and there is no static busybox to make one of: ` +
        'install busybox-static, or name an initrd with --initrd',
    );
  }
  return { kernel, initrd: makeInitrd(readFileSync(busybox)) };
}

/** An initramfs of a shell. It is removed at the end of the process. */
function makeInitrd(busybox: Uint8Array): string {
  const entries: CpioEntry[] = [
    { path: 'bin', mode: folder },
    { path: 'bin/busybox', mode: regularFile, data: busybox },
    { path: 'init', mode: regularFile, data: Buffer.from(init) },
  ];
  const place = mkdtempSync(join(tmpdir(), 'kvm-cli-'));
  process.once('exit', () => rmSync(place, { recursive: true, force: true }));
  const path = join(place, 'initrd');
  writeFileSync(path, cpio(entries));
  return path;
}

/** Whether a 64-bit ELF file names no interpreter: it runs where there are no libraries. */
function isStatic(elf: Buffer): boolean {
  const interpreter = 3;
  if (elf.length < 64 || elf.readUInt32BE(0) !== 0x7f45_4c46) return false;
  const start = Number(elf.readBigUInt64LE(0x20));
  const size = elf.readUInt16LE(0x36);
  const count = elf.readUInt16LE(0x38);
  for (let at = start; at < start + size * count && at + 4 <= elf.length; at += size || elf.length) {
    if (elf.readUInt32LE(at) === interpreter) return false;
  }
  return true;
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
