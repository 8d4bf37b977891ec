import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { onEachBackend } from '../../test/backends.js';
import { kvmError } from '../../test/errors.js';
import { Kvm } from '../arch/x86/kvm.js';
import { EventFd } from './event-fd.js';

onEachBackend('EventFd', (backend) => {
  test('adds up what is written, returns it once, and does not block when it is 0', () => {
    using kvm = Kvm.open({ backend });
    using eventfd = kvm.createEventFd(3);
    expect(eventfd.read()).toBe(3n);
    expect(eventfd.read()).toBe(0n);
    eventfd.write();
    eventfd.write(0xffff_ffffn);
    expect(eventfd.read()).toBe(0x1_0000_0000n);
    // The counter is at its maximum.
    eventfd.write(0xffff_ffff_ffff_fffen);
    expect(kvmError('ERR_KVM_SYSCALL', () => eventfd.write())).toMatchObject({ errno: constants.errno.EAGAIN });
    expect(eventfd.read()).toBe(0xffff_ffff_ffff_fffen);
  });

  test('can be waited for without a change of its counter', () => {
    using kvm = Kvm.open({ backend });
    using eventfd = kvm.createEventFd();
    expect(eventfd.wait(0)).toBe(false);
    expect(eventfd.wait(1)).toBe(false);
    eventfd.write(2n);
    expect(eventfd.wait(0)).toBe(true);
    expect(eventfd.wait(0x7fff_ffff)).toBe(true);
    expect(eventfd.read()).toBe(2n);
    expect(eventfd.wait(0)).toBe(false);
  });

  test('wakes a waiting thread when any thread writes', async () => {
    using kvm = Kvm.open({ backend });
    using eventfd = kvm.createEventFd();
    using answer = kvm.createEventFd();
    const core = new URL('../../dist/index.js', import.meta.url).href;
    const worker = new Worker(
      `const { parentPort, workerData } = require('node:worker_threads');
       import(${JSON.stringify(core)}).then(({ EventFd }) => {
         const [asked, answer] = workerData.map((shared) => EventFd.from(shared));
         parentPort.postMessage('ready');
         while (!asked.wait(1000));
         answer.write(asked.read() + 1n);
         for (const each of [asked, answer]) each.close();
       });`,
      { eval: true, workerData: [eventfd.share(), answer.share()] },
    );
    await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    // The Worker waits now, or is about to.
    eventfd.write(6n);
    expect(answer.wait(60_000)).toBe(true);
    expect(answer.read()).toBe(7n);
    await worker.terminate();
  });

  test('is shared as the same counter, with a descriptor of its own', () => {
    using kvm = Kvm.open({ backend });
    const eventfd = kvm.createEventFd(1);
    const shared = structuredClone(eventfd.share());
    using other = EventFd.from(shared);
    expect(other.fd).not.toBe(eventfd.fd);
    other.write(2n);
    expect(eventfd.read()).toBe(3n);
    eventfd.close();
    other.write();
    expect(other.read()).toBe(1n);
    expect(kvmError('ERR_KVM_CLOSED', () => EventFd.from(shared)).hint).toMatch(/keep the EventFd open/);
    const json: unknown = JSON.parse(JSON.stringify(shared));
    for (const wrong of [undefined, {}, json, { ...shared, fd: undefined }, { ...shared, claim: new Int32Array(1) }]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => EventFd.from(wrong as never));
    }
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => EventFd.from({ ...shared, backend: 'other' as never }));
  });

  test('refuses wrong counts and timeouts', () => {
    using kvm = Kvm.open({ backend });
    kvmError('ERR_KVM_OUT_OF_RANGE', () => kvm.createEventFd(-1));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => kvm.createEventFd(2 ** 32));
    using eventfd = kvm.createEventFd();
    kvmError('ERR_KVM_OUT_OF_RANGE', () => eventfd.write(-1n));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => eventfd.write(1n << 64n));
    expect(kvmError('ERR_KVM_SYSCALL', () => eventfd.write(0xffff_ffff_ffff_ffffn)).errno).toBe(constants.errno.EINVAL);
    kvmError('ERR_KVM_OUT_OF_RANGE', () => eventfd.wait(-1));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => eventfd.wait(Number.POSITIVE_INFINITY));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => eventfd.wait(undefined as never));
  });

  test('closes its descriptor once', () => {
    using kvm = Kvm.open({ backend });
    const eventfd = kvm.createEventFd();
    const { fd } = eventfd;
    eventfd.close();
    eventfd.close();
    expect(() => readFileSync(`/proc/self/fdinfo/${fd}`)).toThrow(/ENOENT/);
    for (const use of [
      () => eventfd.fd,
      () => eventfd.read(),
      () => eventfd.write(),
      () => eventfd.wait(0),
      () => eventfd.share(),
    ]) {
      kvmError('ERR_KVM_CLOSED', use);
    }
  });
});
