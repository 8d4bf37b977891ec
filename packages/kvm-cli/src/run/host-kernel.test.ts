import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { CliError } from '../exit-status.js';
import { findHostKernel } from './host-kernel.js';

/** A root with some files. */
function rootWith(files: Readonly<Record<string, Uint8Array | string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'kvm-host-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

/** The head of an ELF file with one program header, of a type. */
function elf(type: number): Buffer {
  const bytes = Buffer.alloc(128);
  bytes.writeUInt32BE(0x7f45_4c46);
  bytes.writeBigUInt64LE(64n, 0x20);
  bytes.writeUInt16LE(56, 0x36);
  bytes.writeUInt16LE(1, 0x38);
  bytes.writeUInt32LE(type, 64);
  return bytes;
}

test('the kernel of the release and its initrd are found', () => {
  const root = rootWith({ 'boot/vmlinuz-1.2': 'k', 'boot/vmlinuz-1.3': 'k', 'boot/initrd.img-1.2': 'i' });
  expect(findHostKernel(undefined, '1.2', root)).toEqual({
    kernel: join(root, 'boot/vmlinuz-1.2'),
    initrd: join(root, 'boot/initrd.img-1.2'),
  });
});

test('an initrd that is named is used', () => {
  const root = rootWith({ 'boot/vmlinuz-1.2': 'k', 'boot/initrd.img-1.2': 'i' });
  expect(findHostKernel('/my/initrd', '1.2', root).initrd).toBe('/my/initrd');
});

test('without an initrd, one is made of a static busybox', () => {
  const busybox = elf(1);
  const root = rootWith({ 'lib/modules/1.2/vmlinuz': 'k', 'bin/busybox': busybox });
  const { kernel, initrd } = findHostKernel(undefined, '1.2', root);
  expect(kernel).toBe(join(root, 'lib/modules/1.2/vmlinuz'));
  const archive = readFileSync(initrd);
  expect(archive.toString('latin1', 0, 6)).toBe('070701');
  expect(archive.includes(busybox)).toBe(true);
  expect(archive.includes('setsid -c sh')).toBe(true);
});

test.each([
  ['no kernel', { 'boot/vmlinuz-1.3': 'k' }, "the host's kernel 1.2 is in none of /boot/vmlinuz-1.2, "],
  ['neither initrd nor busybox', { 'boot/vmlinuz-1.2': 'k' }, 'install busybox-static, or name an initrd'],
  ['a busybox that needs libraries', { 'boot/vmlinuz-1.2': 'k', 'bin/busybox': elf(3) }, 'install busybox-static'],
  ['a busybox that is none', { 'boot/vmlinuz-1.2': 'k', 'bin/busybox': 'text' }, 'install busybox-static'],
])('a host with %s gets a clear word', (_, files, message) => {
  const root = rootWith(files as Record<string, string>);
  expect(() => findHostKernel(undefined, '1.2', root)).toThrow(CliError);
  expect(() => findHostKernel(undefined, '1.2', root)).toThrow(message);
});
