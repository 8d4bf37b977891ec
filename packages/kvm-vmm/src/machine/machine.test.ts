import { readdirSync } from 'node:fs';
import { KvmError } from '@kvm/core';
import { expect, test } from 'vitest';
import { onEachBackend } from '../../../kvm-core/test/backends.js';
import { Machine } from './machine.js';

const descriptors = (): number => readdirSync('/proc/self/fd').length;

onEachBackend('a machine', (backend) => {
  test('boots with its memory and vCPU, and closes all that it made', () => {
    const open = (): Machine =>
      Machine.create({
        kvm: { backend },
        memorySize: 0x1_0000,
        boot: (vcpu, memory) => {
          expect(memory.size).toBe(0x1_0000);
          expect(vcpu.getRegs().rflags).toBe(2n);
        },
      });
    open().close();
    const before = descriptors();
    const machine = open();
    expect(machine.kvm.backendName).toBe(backend);
    machine.close();
    expect([machine.kvm.closed, machine.vm.closed, machine.vcpu.closed, machine.memory.closed]).toEqual(
      Array(4).fill(true),
    );
    expect(descriptors()).toBe(before);
  });

  test('that does not boot leaves nothing open', () => {
    const fail = (): Machine =>
      Machine.create({
        kvm: { backend },
        memorySize: 0x1_0000,
        boot: () => {
          throw new KvmError('ERR_KVM_OUT_OF_RANGE', 'the guest does not fit');
        },
      });
    expect(fail).toThrow('the guest does not fit');
    const before = descriptors();
    expect(fail).toThrow('the guest does not fit');
    expect(() => Machine.create({ kvm: { backend }, memorySize: 5, boot: () => {} })).toThrow(KvmError);
    expect(descriptors()).toBe(before);
  });
});

test.each([
  [{ memorySize: 4096 }, 'boot must be a function'],
  [{ memorySize: 4096, boot: () => {}, cpus: 2 }, 'there is no option cpus'],
])('the options %o are refused', (options, message) => {
  expect(() => Machine.create(options as never)).toThrow(message);
});
