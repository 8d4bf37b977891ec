import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { onEachBackend } from '../../test/backends.js';
import { kvmError } from '../../test/errors.js';
import { Kvm } from '../x86/kvm.js';

onEachBackend('EventFd', (backend) => {
  test('counts what is written, gives it once, and never blocks on nothing', () => {
    using kvm = Kvm.open({ backend });
    using eventfd = kvm.createEventFd(3);
    expect(eventfd.read()).toBe(3n);
    expect(eventfd.read()).toBe(0n);
    eventfd.write();
    eventfd.write(0xffff_ffffn);
    expect(eventfd.read()).toBe(0x1_0000_0000n);
    // The largest there can be, and no more.
    eventfd.write(0xffff_ffff_ffff_fffen);
    expect(kvmError('ERR_KVM_SYSCALL', () => eventfd.write())).toMatchObject({ errno: constants.errno.EAGAIN });
    expect(eventfd.read()).toBe(0xffff_ffff_ffff_fffen);
  });

  test('can be waited for, and is left as it was', () => {
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

  test('wakes a thread that waits for it, whoever writes', async () => {
    using kvm = Kvm.open({ backend });
    using eventfd = kvm.createEventFd();
    const worker = new Worker(
      `const { writeSync } = require('node:fs');
       require('node:worker_threads').parentPort.once('message', (fd) => {
         Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
         writeSync(fd, new Uint8Array(new BigUint64Array([7n]).buffer));
       });`,
      { eval: true },
    );
    await new Promise((resolve) => worker.once('online', resolve));
    worker.postMessage(eventfd.fd);
    // This thread sleeps now. What another one writes is what ends it.
    expect(eventfd.wait(60_000)).toBe(true);
    expect(eventfd.read()).toBe(7n);
    await worker.terminate();
  });

  test('refuses what is no count and no time', () => {
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

  test('gives its descriptor back once', () => {
    using kvm = Kvm.open({ backend });
    const eventfd = kvm.createEventFd();
    const { fd } = eventfd;
    eventfd.close();
    eventfd.close();
    expect(() => readFileSync(`/proc/self/fdinfo/${fd}`)).toThrow(/ENOENT/);
    for (const use of [() => eventfd.fd, () => eventfd.read(), () => eventfd.write(), () => eventfd.wait(0)]) {
      kvmError('ERR_KVM_CLOSED', use);
    }
  });
});
