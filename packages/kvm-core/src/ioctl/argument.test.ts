import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { onEachBackend } from '../../test/backends.js';
import { detached } from '../../test/detached.js';
import { kvmError } from '../../test/errors.js';
import {
  Cap,
  KVM_GET_LAPIC,
  KVM_GET_MSR_INDEX_LIST,
  KVM_GET_NESTED_STATE,
  KVM_GET_REGS,
  KVM_GET_SUPPORTED_CPUID,
  KVM_GET_XSAVE,
  KVM_X86_GET_MCE_CAP_SUPPORTED,
  KvmCpuid2,
  KvmLapicState,
  KvmMsrList,
  KvmNestedState,
  KvmRegs,
  KvmXsave,
} from '../abi/x86/index.js';
import { Kvm } from '../arch/x86/kvm.js';
import { Lapic } from '../arch/x86/lapic.js';

/** Whether no call has written to the bytes. */
function untouched(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

onEachBackend('the argument of an ioctl', (backend) => {
  test('is refused if its count exceeds its bytes', () => {
    using kvm = Kvm.open({ backend });
    const whole = new Uint8Array(KvmCpuid2.size + 10_000 * KvmCpuid2.elementSize);
    const list = KvmCpuid2.at(whole.subarray(0, KvmCpuid2.size));
    list.view.setUint32(0, 10_000, true);
    const error = kvmError('ERR_KVM_OUT_OF_RANGE', () => kvm.ioctl(KVM_GET_SUPPORTED_CPUID, list));
    expect(error.message).toMatch(/uses 400008 bytes .* this one has 8/);
    expect(untouched(whole.subarray(KvmCpuid2.size))).toBe(true);
  });

  test('is refused if it is shorter than what the host writes', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using vcpu = vm.createVcpu(0);
    const xsave = new KvmXsave();
    const longer = vm.checkExtension(Cap.Xsave2) > KvmXsave.size;
    if (longer) kvmError('ERR_KVM_OUT_OF_RANGE', () => vcpu.ioctl(KVM_GET_XSAVE, xsave));
    else vcpu.ioctl(KVM_GET_XSAVE, xsave);
  });

  test('is refused once its buffer is detached, even if its address is known', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    vm.createIrqChip();
    using vcpu = vm.createVcpu(0);
    const lapic = new KvmLapicState();
    vcpu.ioctl(KVM_GET_LAPIC, lapic);
    detached(lapic.bytes);
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.ioctl(KVM_GET_LAPIC, lapic));
    const view = new Lapic();
    detached(view.bytes);
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.getLapic(view));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.setLapic(view));
  });

  test('is a struct of the right type', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using vcpu = vm.createVcpu(0);
    for (const wrong of [null, {}, new KvmXsave(), new Uint8Array(KvmRegs.size), new KvmRegs().bytes] as never[]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.ioctl(KVM_GET_REGS, wrong));
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.getRegs(wrong));
    }
    for (const wrong of [undefined, null, new KvmXsave(), new Uint8Array(KvmRegs.size)] as never[]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.setRegs(wrong));
    }
  });

  test('is one integer, in a typed array of length 1', () => {
    using kvm = Kvm.open({ backend });
    for (const wrong of [
      new BigUint64Array(0),
      new BigUint64Array(2),
      new Uint8Array(8) as never,
      1n as never,
      detached(new BigUint64Array(1)),
    ]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => kvm.ioctl(KVM_X86_GET_MCE_CAP_SUPPORTED, wrong));
    }
  });

  test('has the count that was checked, even if another thread writes to it', { timeout: 20_000 }, async () => {
    using kvm = Kvm.open({ backend });
    const shared = new SharedArrayBuffer(KvmCpuid2.size + 10_000 * KvmCpuid2.elementSize);
    const changing = new Worker(
      `const { workerData, parentPort } = require('node:worker_threads');
       const count = new Uint32Array(workerData);
       parentPort.postMessage('begun');
       for (;;) {
         Atomics.store(count, 0, 1);
         for (let i = 0; i < 20; i++) Atomics.load(count, 0);
         Atomics.store(count, 0, 10000);
       }`,
      { eval: true, workerData: shared },
    );
    await new Promise((resolve) => changing.once('message', resolve));
    const list = KvmCpuid2.at(new Uint8Array(shared, 0, KvmCpuid2.size + KvmCpuid2.elementSize));
    for (let i = 0; i < 3000; i++) {
      try {
        kvm.ioctl(KVM_GET_SUPPORTED_CPUID, list);
      } catch {
        // One element is too few for the host's list, and 10,000 do not fit.
      }
    }
    await changing.terminate();
    expect(untouched(new Uint8Array(shared, KvmCpuid2.size + KvmCpuid2.elementSize))).toBe(true);
  });

  test('is filled in shared memory, too', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using vcpu = vm.createVcpu(0);
    const room = KvmCpuid2.withCapacity(256);
    const list = KvmCpuid2.at(new Uint8Array(new SharedArrayBuffer(room.bytes.length)));
    list.nent = 256;
    kvm.ioctl(KVM_GET_SUPPORTED_CPUID, list);
    expect(list.entries.length).toBe(kvm.getSupportedCpuid().length);
    const regs = KvmRegs.at(new Uint8Array(new SharedArrayBuffer(KvmRegs.size)));
    expect(vcpu.getRegs(regs).rflags).toBe(2n);
  });

  test('is refused if its length member exceeds its bytes', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using vcpu = vm.createVcpu(0);
    const state = new KvmNestedState();
    state.size = KvmNestedState.size + 1;
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vcpu.ioctl(KVM_GET_NESTED_STATE, state));
  });

  test('has after E2BIG the count that the kernel wrote', () => {
    using kvm = Kvm.open({ backend });
    const list = KvmMsrList.withCapacity(0);
    expect(kvmError('ERR_KVM_SYSCALL', () => kvm.ioctl(KVM_GET_MSR_INDEX_LIST, list)).errnoName).toBe('E2BIG');
    expect(list.view.getUint32(0, true)).toBe(kvm.getMsrIndexList().length);
  });

  test('has zeros for the fields that are left out, even after a refused call', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using vcpu = vm.createVcpu(0);
    vcpu.setRegs({ rax: 1n, rbx: 2n, rflags: 2n });
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vcpu.setRegs({ rcx: 3n, rdx: 2n ** 64n }));
    expect(vcpu.getRegs()).toMatchObject({ rax: 1n, rbx: 2n, rcx: 0n });
    vcpu.setRegs({ rip: 0x1000n, rflags: 2n, rdx: undefined as never });
    expect(vcpu.getRegs()).toMatchObject({ rip: 0x1000n, rax: 0n, rbx: 0n, rcx: 0n, rdx: 0n });
  });
});
