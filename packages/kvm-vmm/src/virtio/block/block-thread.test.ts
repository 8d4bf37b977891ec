import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { EventFd, GuestMemory, type SharedEventFd } from '@kvm/core';
import { selectBackend } from '@kvm/core/backend';
import { expect, onTestFinished, test } from 'vitest';
import {
  VIRTIO_BLK_F_FLUSH,
  VIRTIO_BLK_S_OK,
  VIRTIO_BLK_T_OUT,
  VIRTIO_F_VERSION_1,
} from '../../abi/virtio/constants.js';
import { openDisk } from '../../storage/open-disk.js';
import { bit } from '../features.js';
import { Area, QueueSetup } from '../queue-setup.js';
import { RemoteDevice } from '../remote/remote-device.js';
import { allocateWords, Word } from '../remote/thread-words.js';
import type { BlockOrder } from './block-order.js';
import { remoteBlock } from './remote-block.js';

const page = 4096;
const sector = 512;
const ringSize = 64;
const memorySize = 128 * page;
/** Where the driver has its ring, and the header, data and status of each request. */
const at = { descriptors: 0, available: page, used: 2 * page, headers: 3 * page, statuses: 4 * page, data: 5 * page };
const features = bit(VIRTIO_F_VERSION_1) | bit(VIRTIO_BLK_F_FLUSH);
const size = 64 * sector;

const backend = selectBackend();

/** An eventfd without a VM, as `share` passes it on. */
function sharedEventFd(): SharedEventFd {
  const claim = new Int32Array(new SharedArrayBuffer(4)).fill(1);
  const fd = backend.eventfd(0);
  onTestFinished(() => void backend.close(fd));
  return { backend: backend.name, fd, claim };
}

/** A disk with its thread, and a driver that writes a sector with each request. */
async function start() {
  const folder = mkdtempSync(join(tmpdir(), 'kvm-block-'));
  const path = join(folder, 'disk.img');
  writeFileSync(path, new Uint8Array(size));
  const disk = await openDisk({ path, readOnly: false, overlay: false, serial: '' }, backend);
  const bytes = new Uint8Array(new SharedArrayBuffer(memorySize));
  const memory = GuestMemory.from({
    size: memorySize,
    windowSize: memorySize,
    windows: [bytes],
    backing: 'anonymous',
    backend: backend.name,
  });
  const words = allocateWords(1);
  const [doorbell, report] = [sharedEventFd(), sharedEventFd()];
  const order: BlockOrder = {
    ...{ words, doorbell, report, queues: 1, serial: '', backend: backend.name },
    storage: disk.order,
    memory: memory.share(),
  };
  const worker = new Worker(new URL('../../../dist/virtio/block/block-thread.js', import.meta.url), {
    workerData: order,
  });
  const plan = { kind: 'block', ...disk, queues: 1, words, doorbell, report } as const;
  const block = new RemoteDevice(remoteBlock(plan, 'disk0'), words, EventFd.from(doorbell));
  const reports = EventFd.from(report);
  onTestFinished(async () => {
    Atomics.store(words, Word.Quit, 1);
    block.notify();
    await once(worker, 'exit');
    for (const each of [disk, block.doorbell, reports]) each.close();
    rmSync(folder, { recursive: true });
  });
  return { block, reports, bytes, path, words };
}

/** Puts requests into the ring that write a sector of `value` each, from sector 0 on. */
function addWrites(bytes: Uint8Array, count: number, value: number): void {
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < count; i++) {
    const pieces = [
      { address: at.headers + 16 * i, length: 16, flags: 1 },
      { address: at.data + sector * i, length: sector, flags: 1 },
      { address: at.statuses + i, length: 1, flags: 2 },
    ];
    view.setUint32(at.headers + 16 * i, VIRTIO_BLK_T_OUT, true);
    view.setUint32(at.headers + 16 * i + 8, i, true);
    bytes.fill(value, at.data + sector * i, at.data + sector * (i + 1));
    bytes[at.statuses + i] = 0xff;
    for (const [j, { address, length, flags }] of pieces.entries()) {
      const descriptor = at.descriptors + 16 * (3 * i + j);
      view.setBigUint64(descriptor, BigInt(address), true);
      view.setUint32(descriptor + 8, length, true);
      view.setUint16(descriptor + 12, flags, true);
      view.setUint16(descriptor + 14, 3 * i + j + 1, true);
    }
    view.setUint16(at.available + 4 + 2 * i, 3 * i, true);
  }
  view.setUint16(at.available + 2, count, true);
}

function ring(): QueueSetup {
  const setup = new QueueSetup(256);
  setup.size = ringSize;
  setup.setHalf(Area.Descriptor, false, at.descriptors);
  setup.setHalf(Area.Driver, false, at.available);
  setup.setHalf(Area.Device, false, at.used);
  setup.isEnabled = true;
  return setup;
}

function attach(block: RemoteDevice): { calls: string[] } {
  const calls: string[] = [];
  block.attach({
    configChanged: () => calls.push('config'),
    needsReset: () => calls.push('needs reset'),
    usedChains: (queue) => calls.push(`queue ${queue}`),
  });
  return { calls };
}

test('the thread of a disk serves its queue, and the interrupt comes from here', async () => {
  const { block, reports, bytes, path } = await start();
  const { calls } = attach(block);
  addWrites(bytes, 20, 7);
  block.activate([], features, [ring()]);
  block.notify();
  while (bytes[at.used + 2] !== 20) reports.wait(1000);
  expect(reports.wait(10_000)).toBe(true);
  block.reported();
  expect(calls).toEqual(['queue 0']);
  expect(bytes.subarray(at.statuses, at.statuses + 20).every((status) => status === VIRTIO_BLK_S_OK)).toBe(true);
  expect(
    readFileSync(path)
      .subarray(0, 20 * sector)
      .every((byte) => byte === 7),
  ).toBe(true);
  expect(readFileSync(path)[20 * sector]).toBe(0);
});

test('a reset returns when nothing is in flight, and a new activation starts again', async () => {
  const { block, bytes, words } = await start();
  attach(block);
  for (let round = 0; round < 100; round++) {
    bytes.fill(0, at.used, at.used + page);
    addWrites(bytes, 20, round);
    block.activate([], features, [ring()]);
    block.notify();
    // Now and then some of the requests are done.
    if (round % 3 === 0) while (bytes[at.used + 2] === 0) Atomics.wait(words, Word.Quit, 0, 1);
    block.reset();
    const done = bytes[at.used + 2] as number;
    const before = bytes.slice();
    Atomics.wait(words, Word.Quit, 0, 1);
    expect(Buffer.compare(bytes.slice(), before)).toBe(0);
    const statuses = [...bytes.subarray(at.statuses, at.statuses + 20)];
    expect(statuses).toEqual(statuses.map((_, i) => (i < done ? VIRTIO_BLK_S_OK : 0xff)));
  }
});

test('a driver that breaks the rules is told here', async () => {
  const { block, reports, bytes } = await start();
  const { calls } = attach(block);
  addWrites(bytes, 1, 7);
  // Beyond the guest's memory.
  new DataView(bytes.buffer).setBigUint64(at.descriptors, BigInt(memorySize), true);
  block.activate([], features, [ring()]);
  block.notify();
  while (!reports.wait(1000));
  block.reported();
  expect(calls).toEqual(['needs reset']);
  expect(bytes[at.statuses]).toBe(0xff);
});
