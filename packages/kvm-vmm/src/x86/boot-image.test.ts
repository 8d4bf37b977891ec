import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { kvmError } from '../../../kvm-core/test/errors.js';
import { commandLine, openBoot } from './boot-image.js';
import { flat, linux } from './boot-options.js';

const folder = mkdtempSync(join(tmpdir(), 'kvm-vmm-boot-'));
afterAll(() => rmSync(folder, { recursive: true }));

const none = join(folder, 'none');
const fifo = join(folder, 'fifo');
execFileSync('mkfifo', [fifo]);

test.each([
  ['is missing', none],
  ['is a folder', folder],
  // Without a writer, to read it would take for ever.
  ['is a pipe', fifo],
])('a file to boot that %s is refused', (_, path) => {
  const opened = [flat({ image: path }), linux({ kernel: path })].map(
    (boot) => kvmError('ERR_KVM_INVALID_ARGUMENT', () => openBoot(boot, 2 ** 20)).message,
  );
  for (const message of opened) expect(message).toContain(path);
});

test('a flat file that does not fit into the memory is refused', () => {
  const path = join(folder, 'image');
  writeFileSync(path, new Uint8Array(0x3000));
  using image = openBoot(flat({ image: path }), 2 ** 20);
  expect(image).toBeDefined();
  expect(kvmError('ERR_KVM_OUT_OF_RANGE', () => openBoot(flat({ image: path }), 0x3000)).message).toMatch(
    /of 12288 bytes does not fit/,
  );
});

test('the bytes of a flat image must be bytes', () => {
  for (const image of [5, {}, [1], undefined]) {
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => openBoot(flat({ image } as never), 2 ** 20));
  }
});

test.each([
  ['mmio', 'serial', 'console=ttyS0 panic=-1 pci=off'],
  ['mmio', 'virtio', 'console=hvc0 panic=-1 pci=off'],
  ['pci', 'serial', 'console=ttyS0 panic=-1'],
  ['pci', 'virtio', 'console=hvc0 panic=-1'],
] as const)('with virtio by %s and a %s console, the default command line is "%s"', (transport, console, line) => {
  expect(commandLine(undefined, { transport, console, virtioCount: 2 })).toBe(line);
  expect(commandLine('quiet', { transport, console, virtioCount: 2 })).toBe('quiet');
});

test('a kernel without ACPI is told where its devices are', () => {
  const setup = { transport: 'mmio', console: 'serial', virtioCount: 2 } as const;
  expect(commandLine('acpi=off', setup)).toMatch(/^acpi=off virtio_mmio\.device=\S+ virtio_mmio\.device=\S+$/);
  expect(commandLine('acpi=off', { ...setup, virtioCount: 0 })).toBe('acpi=off');
  expect(commandLine('acpi=off', { ...setup, transport: 'pci' })).toBe('acpi=off');
});
