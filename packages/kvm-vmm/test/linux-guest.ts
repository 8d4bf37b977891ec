import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { noKvm } from '../../kvm-core/test/backends.js';
import { cpio, folder, regularFile } from '../src/boot/cpio.js';

/** Linux guests of tests. Their kernel is that of a lab, which runs these tests. */

const { KVM_LAB_KERNEL, KVM_LAB_BUSYBOX, KVM_LAB_MODULES } = process.env;

/** Why there can be no such guest, or undefined. */
export const noLinux: string | undefined =
  noKvm ??
  (KVM_LAB_KERNEL === undefined || KVM_LAB_BUSYBOX === undefined || KVM_LAB_MODULES === undefined
    ? 'there is no kernel: a lab has one'
    : undefined);

/** The paths of the kernel, of a static busybox, and of the folder with the kernel's modules. */
export const [vmlinux, busybox, modules] = [KVM_LAB_KERNEL, KVM_LAB_BUSYBOX, KVM_LAB_MODULES] as [
  string,
  string,
  string,
];

const mounts = `#!/bin/busybox sh
busybox mkdir -p /proc /sys /dev
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
busybox mount -t devtmpfs dev /dev
`;
const loads = 'for module in /modules/*; do busybox insmod $module; done\n';

export interface InitrdOptions {
  /** Which modules are loaded, by their names; none without it. */
  readonly drivers?: RegExp;
  /** Further files, by their paths. */
  readonly files?: Readonly<Record<string, Uint8Array>>;
}

/** An initial ramdisk with busybox, whose init runs some lines of shell. */
export function initrdOf(work: string, { drivers, files = {} }: InitrdOptions = {}): Uint8Array {
  const names = drivers === undefined ? [] : readdirSync(modules).filter((name) => drivers.test(name));
  const contents = {
    'bin/busybox': readFileSync(busybox),
    init: Buffer.from(`${mounts}${names.length > 0 ? loads : ''}${work}`),
    ...Object.fromEntries(names.map((name) => [`modules/${name}`, readFileSync(join(modules, name))])),
    ...files,
  };
  return cpio([
    ...['bin', 'modules'].map((path) => ({ path, mode: folder })),
    ...Object.entries(contents).map(([path, data]) => ({ path, mode: regularFile, data })),
  ]);
}
