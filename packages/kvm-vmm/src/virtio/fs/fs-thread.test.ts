import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { EventFd, type SharedEventFd } from '@kvm/core';
import { selectBackend } from '@kvm/core/backend';
import { expect, onTestFinished, test } from 'vitest';
import { ram } from '../../../test/ram.js';
import { areas, SplitDriver } from '../../../test/virtio-driver.js';
import * as abi from '../../abi/fuse/index.js';
import { __NR_unshare } from '../../abi/unistd/constants.js';
import { VIRTIO_F_VERSION_1 } from '../../abi/virtio/constants.js';
import { bit } from '../features.js';
import { Area, QueueSetup } from '../queue-setup.js';
import { RemoteDevice } from '../remote/remote-device.js';
import { allocateWords, Word } from '../remote/thread-words.js';
import { queueSizes, remoteFs } from './config.js';
import type { FsOrder } from './fs-order.js';
import { CLONE_FS } from './linux.js';
import { openShare } from './open-share.js';

const ringSize = 16;
const at = { request: 0x8000, answer: 0xa000 };
const backend = selectBackend();

/** An eventfd without a VM, as `share` passes it on. */
function sharedEventFd(): SharedEventFd {
  const claim = new Int32Array(new SharedArrayBuffer(4)).fill(1);
  const fd = backend.eventfd(0);
  onTestFinished(() => void backend.close(fd));
  return { backend: backend.name, fd, claim };
}

test('the thread of a share answers requests, and makes files with the permissions that they are to have', async () => {
  const place = mkdtempSync(join(tmpdir(), 'kvm-fs-'));
  const memory = ram(2 ** 16);
  const mask = process.umask();
  const share = openShare({ path: place, tag: 'tag', readOnly: false, cache: 'auto', ids: 'squash' }, 1);
  const words = allocateWords(queueSizes.length);
  const [doorbell, report] = [sharedEventFd(), sharedEventFd()];
  const order: FsOrder = {
    ...{ words, doorbell, report, share: share.order, backend: backend.name },
    memory: memory.share(),
  };
  const worker = new Worker(new URL('../../../dist/virtio/fs/fs-thread.js', import.meta.url), { workerData: order });
  const device = new RemoteDevice(remoteFs({ tag: 'tag' }, 'fs0'), words, EventFd.from(doorbell));
  const reports = EventFd.from(report);
  onTestFinished(async () => {
    Atomics.store(words, Word.Quit, 1);
    device.notify();
    await once(worker, 'exit');
    for (const each of [share, device.doorbell, reports]) each.close();
    rmSync(place, { recursive: true });
  });
  const calls: number[] = [];
  device.attach({
    configChanged: () => {},
    needsReset: () => calls.push(-1),
    usedChains: (queue) => calls.push(queue),
  });
  const requests = new QueueSetup(ringSize);
  requests.setHalf(Area.Descriptor, false, areas.descriptorArea);
  requests.setHalf(Area.Driver, false, areas.driverArea);
  requests.setHalf(Area.Device, false, areas.deviceArea);
  requests.isEnabled = true;
  device.activate([], bit(VIRTIO_F_VERSION_1), [new QueueSetup(ringSize), requests]);
  const driver = new SplitDriver(memory, ringSize, false);
  const call = (opcode: number, nodeid: bigint, parts: readonly (Uint8Array | string)[]): Uint8Array => {
    const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(`${part}\0`) : part)));
    const len = abi.FuseInHeader.size + body.length;
    memory.write(at.request, Buffer.concat([abi.FuseInHeader.from({ len, opcode, nodeid }).bytes, body]));
    driver.add([
      { address: at.request, length: len, isWritable: false },
      { address: at.answer, length: 400, isWritable: true },
    ]);
    device.notify();
    for (let used = driver.used(); ; used = driver.used()) {
      if (used !== undefined) {
        device.reported();
        return memory.read(at.answer + 16, used.length - 16);
      }
      reports.wait(1000);
      reports.read();
    }
  };
  const create = abi.FuseCreateIn.from({ flags: 0o102, mode: 0o666 }).bytes;
  const created = call(abi.FUSE_CREATE, 1n, [create, 'new']);
  const id = abi.FuseEntryOut.at(created.slice(0, 128)).nodeid;
  const { fh } = abi.FuseOpenOut.at(created.slice(128));
  const written = call(abi.FUSE_WRITE, id, [abi.FuseWriteIn.from({ fh, size: 5 }).bytes, Buffer.from('hello')]);
  expect(abi.FuseWriteOut.at(written.slice()).size).toBe(5);
  expect(readFileSync(join(place, 'new'), 'utf8')).toBe('hello');
  // The guest has applied its own mask. That of this process stays, and counts only where a thread cannot leave it.
  expect(process.umask()).toBe(mask);
  const canLeave = backend.syscall(__NR_unshare, CLONE_FS, 0, 0, 0, 0, 0) === 0;
  expect(statSync(join(place, 'new')).mode & 0o777).toBe(canLeave ? 0o666 : 0o666 & ~mask);
  expect(calls).toContain(1);
  expect(calls).not.toContain(-1);
  device.reset();
});
