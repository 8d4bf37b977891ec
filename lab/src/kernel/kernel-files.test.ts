import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { elfOfBzImage } from './bz-image.js';
import { loadOrder, withoutSignature } from './modules.js';

function moduleText(depends: string): Buffer {
  return Buffer.from(`\x7fELF\0license=GPL\0depends=${depends}\0name=x\0`);
}

/** Creates a folder of modules from their paths. */
function tree(files: Readonly<Record<string, Uint8Array | string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'lab-modules-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const [name, data] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), data);
  }
  return root;
}

test('modules load after their dependencies; built-in modules are left out', async () => {
  const root = tree({
    'kernel/fs/9p/9p.ko': moduleText('9pnet,netfs'),
    'kernel/net/9p/9pnet.ko': moduleText(''),
    'kernel/arch/kvm-amd.ko.gz': gzipSync(moduleText('kvm')),
    'modules.builtin': 'kernel/fs/netfs/netfs.ko\nkernel/virt/kvm.ko\n',
  });
  expect((await loadOrder(root, ['9p', 'kvm_amd'])).map(({ name }) => name)).toEqual(['9pnet', '9p', 'kvm_amd']);
  await expect(loadOrder(root, ['overlay'])).rejects.toThrow('the kernel has no module overlay');
});

test('without the list of built-in modules, a module without a file is built in', async () => {
  const root = tree({ 'kernel/9p.ko': moduleText('9pnet') });
  expect((await loadOrder(root, ['9p', 'overlay'])).map(({ name }) => name)).toEqual(['9p']);
});

test('a module loses its signature and nothing else', () => {
  const code = Buffer.from('code of the module');
  const length = Buffer.alloc(12);
  length.writeUInt32BE(5, 8);
  const signed = Buffer.concat([code, Buffer.from('12345'), length, Buffer.from('~Module signature appended~\n')]);
  expect(withoutSignature(signed)).toEqual(code);
  expect(withoutSignature(code)).toEqual(code);
});

test('the kernel inside a bzImage is found; other files are refused', async () => {
  const elf = Buffer.from('\x7fELF and the rest');
  const payload = Buffer.concat([gzipSync(elf), Buffer.alloc(4)]);
  const image = Buffer.alloc(0x600 + 16 + payload.length);
  image.set([2], 0x1f1);
  image.write('HdrS', 0x202);
  image.writeUInt32LE(16, 0x248);
  image.writeUInt32LE(payload.length, 0x24c);
  image.set(payload, 0x600 + 16);
  expect(Buffer.from(await elfOfBzImage(image)).toString()).toBe(elf.toString());
  await expect(elfOfBzImage(image.subarray(0, 100))).rejects.toThrow('the kernel is not a bzImage');
  image.fill(1, 0x600);
  await expect(elfOfBzImage(image)).rejects.toThrow('has an unknown compression');
});
