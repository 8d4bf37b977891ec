import { existsSync, readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { kvmError } from '../../test/errors.js';
import { builtCore, core, ended, machineGuest, machineImage, onEveryMachine } from '../../test/machine.js';
import { exitOf } from '../../test/run.js';
import { codeAddress } from '../../test/start-guest.mjs';
import type { Backend } from '../backend/backend.js';
import { loadBackend } from '../backend/select.js';
import { GuestMemory } from './guest-memory.js';
import { pageSize } from './page-size.js';

const { Kvm } = core;

onEveryMachine('GuestMemory', (name) => {
  let backend: Backend;
  beforeAll(() => {
    backend = loadBackend(name) as Backend;
  });

  test('is zeroed pages on a page boundary', () => {
    using memory = GuestMemory.allocate(backend, { size: 3 * pageSize });
    expect(memory.size).toBe(3 * pageSize);
    expect(backend.address(memory.bytes()) % pageSize).toBe(0);
    expect(memory.bytes().every((byte) => byte === 0)).toBe(true);
  });

  test.each([
    ['0', 0, `from ${pageSize} to`],
    ['less than a page', 1, `from ${pageSize} to`],
    ['not whole pages', pageSize + 1, `whole pages of ${pageSize} bytes, not ${pageSize + 1}`],
    ['a fraction', pageSize + 0.5, /whole number/],
    ['negative', -pageSize, `from ${pageSize} to`],
    ['more than the address space of a process', 2 ** 46 + pageSize, `from ${pageSize} to `],
  ])('refuses a size that is %s', (_, size, message) => {
    expect(kvmError('ERR_KVM_OUT_OF_RANGE', () => GuestMemory.allocate(backend, { size })).message).toMatch(message);
  });

  test('takes no pages from the host before their first access', () => {
    const before = process.memoryUsage().rss;
    const size = Math.floor(Math.min(2 ** 30, totalmem() / 2) / pageSize) * pageSize;
    using memory = GuestMemory.allocate(backend, { size });
    expect(memory.bytes(size - 1, 1)[0]).toBe(0);
    expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 27);
  });

  test('may be larger than the memory of the host', () => {
    const size = Math.ceil((1.5 * totalmem()) / pageSize) * pageSize;
    using memory = GuestMemory.allocate(backend, { size }, Math.ceil(size / 4 / pageSize) * pageSize);
    memory.write(size - 1, Uint8Array.of(5));
    expect(memory.read(size - 1, 1)[0]).toBe(5);
    const error = kvmError('ERR_KVM_OUT_OF_RANGE', () => GuestMemory.allocate(backend, { size, reserve: true }));
    expect(error.message).toMatch(/cannot reserve \d+ bytes of memory/);
  });

  test('has all its pages at once if they are reserved', () => {
    const before = process.memoryUsage().rss;
    // Much more than a collection of garbage may give back meanwhile.
    const size = 2 ** 26;
    using memory = GuestMemory.allocate(backend, { size, reserve: true });
    expect(process.memoryUsage().rss - before).toBeGreaterThan(size / 2);
    expect(memory.read(0, 2 ** 20).every((byte) => byte === 0)).toBe(true);
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => GuestMemory.allocate(backend, { size, reserve: 1 as never }));
  });

  test('loses exactly the discarded pages, in each window and for each object that shares it', () => {
    using memory = GuestMemory.allocate(backend, { size: 6 * pageSize }, 2 * pageSize);
    const shared = GuestMemory.from(memory.share());
    memory.write(0, new Uint8Array(6 * pageSize).fill(7));
    memory.discard(pageSize, 3 * pageSize);
    for (const each of [memory, shared]) {
      const pages = Array.from({ length: 6 }, (_, i) => new Set(each.read(i * pageSize, pageSize)));
      expect(pages.map((page) => [...page])).toEqual([[7], [0], [0], [0], [7], [7]]);
    }
    memory.write(pageSize, Uint8Array.of(9));
    expect(shared.read(pageSize, 1)[0]).toBe(9);
    memory.discard();
    expect(memory.read(0, memory.size).every((byte) => byte === 0)).toBe(true);
    memory.discard(memory.size);
    kvmError('ERR_KVM_OUT_OF_RANGE', () => memory.discard(1, pageSize));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => memory.discard(0, 1));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => memory.discard(5 * pageSize, 2 * pageSize));
    memory.close();
    kvmError('ERR_KVM_CLOSED', () => memory.discard(0, pageSize));
  });

  test('reads back what is written at any offset, with one window or several', () => {
    const pages = 6;
    using memory = GuestMemory.allocate(backend, { size: pages * pageSize }, 2 * pageSize);
    const model = new Uint8Array(pages * pageSize);
    fc.assert(
      fc.property(fc.nat(model.length), fc.uint8Array({ maxLength: 3 * pageSize }), (offset, bytes) => {
        if (offset + bytes.length > model.length) {
          kvmError('ERR_KVM_OUT_OF_RANGE', () => memory.write(offset, bytes));
        } else {
          memory.write(offset, bytes);
          model.set(bytes, offset);
        }
        expect(Buffer.compare(memory.read(0, memory.size), model)).toBe(0);
      }),
    );
    expect(kvmError('ERR_KVM_OUT_OF_RANGE', () => memory.bytes(pageSize, 2 * pageSize)).message).toMatch(/two windows/);
  });

  test('of 2 MiB or more starts on a boundary of 2 MiB, so that KVM can map huge pages', () => {
    for (const size of [2 ** 21, 2 ** 21 + pageSize, 2 ** 26]) {
      using memory = GuestMemory.allocate(backend, { size });
      expect(backend.address(memory.bytes()) % 2 ** 21).toBe(0);
    }
  });

  test('with huge pages starts on a boundary of 2 MiB and is marked for the host', (context) => {
    if (!existsSync('/sys/kernel/mm/transparent_hugepage')) context.skip('the host has no transparent huge pages');
    const huge = 2 ** 21;
    for (const limit of [undefined, huge]) {
      using memory = GuestMemory.allocate(backend, { size: 3 * huge, hugePages: true }, limit);
      const address = backend.address(memory.bytes(0, pageSize));
      expect(address % huge).toBe(0);
      // The flag "hg" marks a mapping that asked for huge pages.
      const areas = readFileSync('/proc/self/smaps', 'latin1').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
      const area = areas.find((text) => {
        const [start = '', end = ''] = text.split(' ', 1)[0]?.split('-') ?? [];
        return Number.parseInt(start, 16) <= address && address < Number.parseInt(end, 16);
      });
      expect(area).toMatch(/^VmFlags:.* hg/m);
    }
    kvmError('ERR_KVM_INVALID_ARGUMENT', () =>
      GuestMemory.allocate(backend, { size: pageSize, hugePages: 'yes' as never }),
    );
  });

  test('copies many bytes correctly, aligned or not', () => {
    using memory = GuestMemory.allocate(backend, { size: 64 * pageSize }, 33 * pageSize);
    const bytes = Uint8Array.from({ length: 50 * pageSize }, (_, i) => (i * 31 + (i >> 8)) & 0xff);
    for (const offset of [0, 1, 13, pageSize + 5]) {
      memory.write(offset, bytes.subarray(3));
      expect(Buffer.compare(memory.read(offset, bytes.length - 3), bytes.subarray(3))).toBe(0);
    }
  });

  test('throws for an access beyond its end, and never wraps', () => {
    using memory = GuestMemory.allocate(backend, { size: pageSize });
    for (const use of [
      () => memory.bytes(pageSize, 1),
      () => memory.bytes(pageSize + 1),
      () => memory.bytes(-1, 1),
      () => memory.read(1, pageSize),
      () => memory.read(0, 2 ** 53 - 1),
      () => memory.write(pageSize, Uint8Array.of(1)),
      () => memory.bytes(Number.NaN, 1),
    ]) {
      kvmError('ERR_KVM_OUT_OF_RANGE', use);
    }
    expect(memory.bytes(pageSize, 0)).toHaveLength(0);
  });

  test('is unusable after close, but stays in the slots of guests', () => {
    using kvm = Kvm.open({ backend: name });
    using vm = kvm.createVm();
    const memory = kvm.allocateMemory({ size: pageSize });
    vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memory });
    memory.close();
    memory.close();
    for (const use of [
      () => memory.bytes(),
      () => memory.read(0, 1),
      () => memory.write(0, new Uint8Array(1)),
      () => memory.share(),
    ]) {
      kvmError('ERR_KVM_CLOSED', use);
    }
    using guest = machineGuest(name, 'off');
    guest.memory.close();
    expect(ended(exitOf(guest.vcpu))).toBe(true);
  });

  test('returns to the host when it is closed, and views of it read zero', () => {
    const size = 2 ** 26;
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 8; i++) {
      using memory = GuestMemory.allocate(backend, { size });
      memory.bytes().fill(1);
      const view = memory.bytes(size - pageSize);
      memory.close();
      expect(view[0]).toBe(0);
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(size);
  });

  test('remains while a slot or another Worker has it', () => {
    using kvm = Kvm.open({ backend: name });
    const vm = kvm.createVm();
    const memory = kvm.allocateMemory({ size: 2 * pageSize });
    const view = memory.bytes().fill(7);
    vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memory, size: pageSize });
    vm.setUserMemoryRegion({
      slot: 1,
      guestPhysAddr: BigInt(16 * pageSize),
      memory,
      offset: pageSize,
      size: pageSize,
    });
    memory.close();
    vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n });
    expect(view[0]).toBe(7);
    vm.close();
    expect(view[0]).toBe(0);
    using shared = kvm.allocateMemory({ size: pageSize });
    shared.write(0, Uint8Array.of(9));
    using other = GuestMemory.from(shared.share());
    shared.close();
    expect(other.read(0, 1)[0]).toBe(9);
  });

  test('is read into existing bytes, from one window or several', () => {
    using memory = GuestMemory.allocate(backend, { size: 4 * pageSize }, pageSize);
    const pattern = Uint8Array.from({ length: 3 * pageSize }, (_, i) => i % 251);
    memory.write(100, pattern);
    const into = new Uint8Array(pattern.length + 2);
    memory.readInto(100, into.subarray(1, -1));
    expect(Buffer.compare(into.subarray(1, -1), pattern)).toBe(0);
    expect([into[0], into.at(-1)]).toEqual([0, 0]);
    memory.readInto(memory.size, new Uint8Array());
    kvmError('ERR_KVM_OUT_OF_RANGE', () => memory.readInto(memory.size - 1, new Uint8Array(2)));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => memory.readInto(0, new Uint16Array(1) as never));
  });

  test('copies between overlapping ranges of itself', () => {
    using memory = GuestMemory.allocate(backend, { size: pageSize });
    memory.write(0, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    memory.write(2, memory.bytes(0, 6));
    expect([...memory.read(0, 8)]).toEqual([1, 2, 1, 2, 3, 4, 5, 6]);
    memory.readInto(2, memory.bytes(0, 6));
    expect([...memory.read(0, 8)]).toEqual([1, 2, 3, 4, 5, 6, 5, 6]);
  });

  test('refuses values that are not bytes or not a result of share', () => {
    using memory = GuestMemory.allocate(backend, { size: pageSize });
    for (const source of [[1], 'abc', undefined, new Uint16Array([0x1234]), new Float64Array([1.5])]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => memory.write(0, source as never));
    }
    const whole = memory.share();
    for (const shared of [
      undefined,
      {},
      { ...whole, windows: [] },
      { ...whole, size: 2 * pageSize },
      { ...whole, windows: [new Uint8Array(pageSize)] },
      { ...whole, windowSize: 1 },
      { ...whole, windows: [...whole.windows, ...whole.windows] },
      { ...whole, backend: 'none' },
    ]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => GuestMemory.from(shared as never));
    }
  });

  test('accepts only whole windows of shared memory', () => {
    const size = 16 * pageSize;
    const shared = (length: number) => new Uint8Array(new SharedArrayBuffer(length));
    const record = { size, windowSize: size, backend: name };
    for (const windows of [
      [shared(pageSize)],
      [shared(size), shared(0)],
      [shared(0), shared(size)],
      [new Uint16Array(new SharedArrayBuffer(size))],
      [null],
      { length: 1 },
      JSON.parse(JSON.stringify([shared(size)])),
    ]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => GuestMemory.from({ ...record, windows } as never));
    }
    for (const windowSize of [0, -1, Number.NaN, 'size', [Symbol.iterator], undefined, size / 2]) {
      const windows = [shared(size / 2), shared(size / 2 - 1)];
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => GuestMemory.from({ ...record, windowSize, windows } as never));
    }
  });

  test('of several windows takes one slot for each, and is contiguous for the guest', () => {
    using guest = machineGuest(name, 'sum');
    const { vm, vcpu } = guest;
    vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n });
    using memory = GuestMemory.allocate(backend, { size: 4 * pageSize }, pageSize);
    expect(vm.mapMemory(memory, 0n)).toEqual([0, 1, 2, 3]);
    memory.write(codeAddress, machineImage('sum'));
    memory.write(0x2000, Uint8Array.of(4));
    expect(ended(exitOf(vcpu))).toBe(true);
    expect(memory.read(0x2004, 1)[0]).toBe(10);
    kvmError('ERR_KVM_SYSCALL', () => vm.mapMemory(memory, BigInt(3 * pageSize)));
    expect(vm.mapMemory(memory, BigInt(16 * pageSize))).toEqual([4, 5, 6, 7]);
  });

  test('is shared with every Worker', async () => {
    using memory = GuestMemory.allocate(backend, { size: 2 * pageSize }, pageSize);
    const worker = new Worker(
      `const { parentPort, workerData } = require('node:worker_threads');
       import(${JSON.stringify(builtCore)}).then(({ GuestMemory }) => {
         const memory = GuestMemory.from(workerData);
         memory.write(${pageSize - 2}, Uint8Array.of(1, 2, 3, 4));
         parentPort.postMessage(memory.size);
       });`,
      { eval: true, workerData: memory.share() },
    );
    const size = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    await worker.terminate();
    expect(size).toBe(2 * pageSize);
    expect([...memory.read(pageSize - 2, 4)]).toEqual([1, 2, 3, 4]);
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => GuestMemory.from({ ...memory.share(), windows: [] }));
  });
});
