import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Cap, Kvm, KvmError } from '@kvm/core';
import { expect, onTestFinished, test } from 'vitest';
import { describeUnless, onEachBackend } from '../../../kvm-core/test/backends.js';
import { elfImage } from '../../test/boot-images.js';
import { guest } from '../../test/machine.js';
import { allMade, pokes } from '../../test/pokes.js';
import type { BusRange } from '../devices/device.js';
import { flat, linux } from '../x86/boot-options.js';
import { Machine } from './machine.js';
import type { MachineOptions } from './options.js';

const descriptors = (): number => readdirSync('/proc/self/fd').length;
const device = new URL('../../test/latch-device.mjs', import.meta.url);

/** The hexadecimal code of a real-mode guest, with comments. */
function code(listing: string): Uint8Array {
  return Buffer.from(listing.replaceAll(/;.*|\s/g, ''), 'hex');
}

/** Never ends by itself. */
const spin = Buffer.from(code('ebfe'));

async function outputOf(machine: Machine): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of machine.console as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('latin1');
}

onEachBackend('a machine', (backend) => {
  const create = (options: Partial<MachineOptions> & Pick<MachineOptions, 'boot'>): Promise<Machine> =>
    Machine.create({ memory: '1M', kvm: { backend }, ...options });

  test('runs a flat guest to its end, and gives all that it wrote', async () => {
    await using machine = await create({ boot: flat({ image: guest('hello16') }) });
    const output = outputOf(machine);
    machine.start();
    expect(await machine.done).toEqual({ kind: 'halt' });
    expect(await output).toBe('Hello from real mode.\n');
    const { exits, exitCount, requests, unclaimed } = machine.stats;
    expect(exits).toMatchObject({ KVM_EXIT_HLT: 1 });
    expect(exitCount).toBe(requests + 1);
    expect(unclaimed).toEqual({ pio: 0, mmio: 0 });
  });

  test('counts exits by the device that answered, and knows when output began', async () => {
    const image = code('ba0005 ec 30c0 e680 baf803 ee ee f4'); // in al, 0x500; out 0x80, 0; out 0x3f8, 0 twice; hlt
    const devices = [{ module: device, data: { byte: 41 } }];
    await using machine = await create({ boot: flat({ image }), devices });
    expect(machine.stats).toMatchObject({ began: undefined, secondsToOutput: undefined, seconds: 0, devices: {} });
    const before = Date.now();
    machine.start();
    await machine.done;
    const { stats } = machine;
    expect(stats.devices).toEqual({ com1: 2, latch: 1 });
    expect([stats.requests, stats.unclaimed.pio, stats.exitCount]).toEqual([3, 1, 5]);
    expect(stats.began).toBeGreaterThan(before - 1);
    expect(stats.secondsToOutput).toBeGreaterThan(0);
    expect(stats.secondsToOutput).toBeLessThanOrEqual(stats.seconds);
  });

  test('has the memory of a file, and replaces its content', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kvm-machine-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const memoryFile = join(folder, 'ram');
    writeFileSync(memoryFile, new Uint8Array(2 ** 20).fill(1));
    const image = code('c606002055 f4'); // mov byte [0x2000], 0x55; hlt
    await using machine = await create({ boot: flat({ image }), memoryFile });
    machine.start();
    expect(await machine.done).toEqual({ kind: 'halt' });
    const bytes = readFileSync(memoryFile);
    expect([bytes.length, bytes[0x2000], bytes[0x2001], bytes[0x1000]]).toEqual([2 ** 20, 0x55, 0, image[0]]);
  });

  test('reports the exits that its filter names', async () => {
    const lines: string[] = [];
    const image = code('e680 e681 e682 f4'); // out 0x80, al; out 0x81, al; out 0x82, al; hlt
    const onExit = (description: string): unknown => lines.push(description);
    await using machine = await create({ boot: flat({ image }), trace: 'io:0x80,hlt,io:0x82', onExit });
    machine.start();
    await machine.done;
    expect(lines.map((line) => /port=0x8\d|HLT/.exec(line)?.[0])).toEqual(['port=0x80', 'port=0x82', 'HLT']);
  });

  test('passes input to the guest', async () => {
    await using machine = await create({ boot: flat({ image: guest('echo') }) });
    const output = outputOf(machine);
    machine.start();
    machine.console.write('typed\x04');
    await machine.done;
    expect(await output).toContain('typed');
    expect(machine.readsConsole).toBe(true);
  });

  // KVM reports each byte of a string, and an emulated one takes minutes for so many.
  const tooSlow = process.env['KVM_LAB_KERNEL'] === undefined ? undefined : 'the KVM of a lab is too slow for it';
  /** Writes 64 pages of zeroes to its console: more than the ring and the stream take. */
  const talkative = code(`bb4000 baf803 fc      ; mov bx, 64; mov dx, 0x3f8; cld
                          b90010 be0080 f36e    ; again: mov cx, 4096; mov si, 0x8000; rep outsb
                          4b 75f5 f4            ; dec bx; jnz again; hlt`);

  describeUnless(tooSlow, 'with a slow reader', () => {
    test('waits for a slow reader of its console, who gets everything', async () => {
      await using machine = await create({ boot: flat({ image: talkative }) });
      const { console } = machine;
      machine.start();
      await expect.poll(() => console.readableLength, { timeout: 60_000 }).toBeGreaterThan(0);
      expect(await outputOf(machine)).toBe('\0'.repeat(64 * 4096));
      expect(await machine.done).toEqual({ kind: 'halt' });
    });

    test('is stopped while it waits for a reader who never reads', async () => {
      await using machine = await create({ boot: flat({ image: talkative }) });
      const { console } = machine;
      machine.start();
      // The stream and the ring before it are full then.
      await expect.poll(() => machine.stats.requests, { timeout: 60_000 }).toBeGreaterThan(2 ** 17);
      expect(await machine.stop()).toEqual({ kind: 'interrupted' });
      expect(console.readableLength).toBeGreaterThan(0);
    });
  });

  test('keeps what a guest writes for a program that asks later', async () => {
    await using machine = await create({ boot: flat({ image: guest('hello16') }) });
    machine.start();
    expect(await machine.done).toEqual({ kind: 'halt' });
    expect(await outputOf(machine)).toBe('Hello from real mode.\n');
  });

  test('has devices of a module, which get their data, and send messages', async () => {
    const messages: unknown[] = [];
    const image = code('ba0005 ec 40 ee b001 e6f4 f4'); // mov dx, 0x500; in al, dx; inc ax; out dx, al; out 0xf4, 1
    await using machine = await create({
      boot: flat({ image }),
      devices: [{ module: device, data: { byte: 41 } }],
      onMessage: (message, name) => messages.push([name, message]),
    });
    machine.start();
    expect(await machine.done).toEqual({ kind: 'exit', status: 1 });
    expect(messages).toEqual([['latch', 42]]);
  });

  test.each([
    ['a module that is not there', new URL('file:///nowhere/device.mjs'), undefined, /nowhere/],
    ['a module without a device', 'data:text/javascript,export const other = 1', undefined, /no function device/],
    ['data that the device refuses', device, { byte: -1 }, /byte/],
  ])('is not made with %s, and leaves nothing open', async (_, module, data, message) => {
    const make = () => create({ boot: flat({ image: spin }), devices: [{ module, data }] });
    await expect(make()).rejects.toThrow(message);
    const before = descriptors();
    await expect(make()).rejects.toThrow(message);
    expect(descriptors()).toBe(before);
  });

  test('fails with the error of a device', async () => {
    const image = code('ba0005 b0ff ee f4'); // the latch throws at 0xff
    await using machine = await create({ boot: flat({ image }), devices: [{ module: device, data: { byte: 0 } }] });
    machine.start();
    await expect(machine.done).rejects.toThrow('the latch is full');
  });

  test.each(['before its start', 'while it runs', 'while it is paused'])('can be stopped %s', async (when) => {
    await using machine = await create({ boot: flat({ image: spin }) });
    if (when !== 'before its start') {
      machine.start();
      await machine.started;
    }
    if (when === 'while it is paused') await machine.pause();
    expect(await machine.stop()).toEqual({ kind: 'interrupted' });
    expect(await machine.done).toEqual({ kind: 'interrupted' });
    expect(() => machine.start()).toThrow(KvmError);
  });

  test('stands still while it is paused', async () => {
    const image = code('40 ba0005 ee ebf9'); // inc ax; mov dx, 0x500; out dx, al; again
    let seen = 0;
    await using machine = await create({
      boot: flat({ image }),
      devices: [{ module: device, data: { byte: 0, isPatient: true } }],
      onMessage: () => seen++,
    });
    machine.start();
    while (seen < 3) await new Promise(setImmediate);
    await machine.pause();
    const { exitCount } = machine.stats;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(machine.stats.exitCount).toBe(exitCount);
    machine.resume();
    // A pause may follow at once.
    await machine.pause();
    machine.resume();
    while (machine.stats.exitCount === exitCount) await new Promise(setImmediate);
    await machine.stop();
  });

  test.each<Partial<MachineOptions>>([
    { machine: 'pc', fwCfg: {} },
    { machine: 'pc', acpi: 'full', interrupts: 'split' },
    { machine: 'test' },
  ])('survives a guest that pokes the devices of %o', async (options) => {
    const ports = [
      [0xe0, 12],
      [0x3f8, 8],
      [0x510, 2],
      [0x2000, 24],
    ] as const;
    const ranges: BusRange[] = ports.map(([start, length]) => ({ bus: 'pio', start, length }));
    ranges.push({ bus: 'mmio', start: 0xff00_0000n, length: 64n });
    await using machine = await create({ boot: flat({ image: pokes(3, 300, ranges), mode: 'long' }), ...options });
    machine.start();
    const status = options.machine === 'test' ? (allMade << 1) | 1 : allMade;
    expect(await machine.done).toEqual({ kind: 'exit', status });
  });

  test('closes all that it has', async () => {
    const run = async (): Promise<void> => {
      await using machine = await create({ boot: flat({ image: guest('exit') }) });
      machine.start();
      expect(await machine.done).toEqual({ kind: 'exit', status: 42 });
    };
    await run();
    const before = descriptors();
    await run();
    expect(descriptors()).toBe(before);
  });

  test('is what the unit tests of KVM expect', async () => {
    const kernel = join(mkdtempSync(join(tmpdir(), 'kvm-kernel-')), 'kernel');
    onTestFinished(() => rmSync(dirname(kernel), { recursive: true }));
    writeFileSync(kernel, guest('unit'));
    await using machine = await create({ boot: linux({ kernel }), memory: '4M', machine: 'test', cpus: 2 });
    const output = outputOf(machine);
    machine.start();
    expect([await output, await machine.done]).toEqual(['1234567', { kind: 'exit', status: 1 }]);
  });

  test('has no more processors than the host allows', async () => {
    const kernel = join(mkdtempSync(join(tmpdir(), 'kvm-kernel-')), 'kernel');
    onTestFinished(() => rmSync(dirname(kernel), { recursive: true }));
    writeFileSync(kernel, elfImage({ segments: [{ paddr: 0x100_0000n, data: spin }], pvh: 0x100_0000n }));
    using kvm = Kvm.open({ backend });
    const most = kvm.checkExtension(Cap.MaxVcpus);
    const make = () => create({ boot: linux({ kernel }), memory: '32M', cpus: most + 1 });
    await expect(make()).rejects.toThrow(`this host's KVM allows ${most} processors for a guest, not ${most + 1}`);
  });

  test('reports its exits', async () => {
    const exits: string[] = [];
    await using machine = await create({
      boot: flat({ image: guest('exit') }),
      onExit: (text, vcpu) => exits.push(`${vcpu} ${text}`),
    });
    machine.start();
    await machine.done;
    expect(exits).toEqual([expect.stringMatching(/^0 KVM_EXIT_IO out port=0xf4 /)]);
  });
});

test('what cannot be booted is refused before KVM is opened', async () => {
  const kvm = { path: '/nowhere/kvm' };
  const make = (boot: MachineOptions['boot']): Promise<Machine> => Machine.create({ memory: '1M', boot, kvm });
  await expect(make(flat({ image: new Uint8Array() }))).rejects.toThrow('the guest is empty');
  await expect(make(linux({ kernel: '/nowhere/vmlinuz' }))).rejects.toThrow('/nowhere/vmlinuz cannot be opened');
  await expect(make(linux({ kernel: join(import.meta.dirname, 'machine.ts') }))).rejects.toThrow(KvmError);
});

test.each([
  [{ path: '/nowhere/disk.img' }, /\/nowhere\/disk.img cannot be opened: ENOENT.*make one/],
  [{ path: '/dev/null' }, /neither a file nor a block device/],
  [{ path: 'a', serial: 'more than twenty bytes' }, /disks\[1\]\.serial must have at most 20 bytes/],
  [{ path: 'a', readOnly: true, overlay: true }, /disks\[1\]\.overlay is for a disk that the guest may write to/],
  [{ path: '' }, /disks\[1\]\.path must be the path of a disk/],
])('a disk that cannot be used is refused before KVM is opened: %j', async (disk, message) => {
  const path = join(mkdtempSync(join(tmpdir(), 'kvm-disk-')), 'good.img');
  onTestFinished(() => rmSync(dirname(path), { recursive: true }));
  writeFileSync(path, new Uint8Array(4096));
  const kvm = { path: '/nowhere/kvm' };
  const options = { memory: '1M', boot: flat({ image: code('f4') }), disks: [{ path }, disk], kvm };
  const before = readdirSync('/proc/self/fd').length;
  await expect(Machine.create(options)).rejects.toThrow(message);
  expect(readdirSync('/proc/self/fd')).toHaveLength(before);
});
