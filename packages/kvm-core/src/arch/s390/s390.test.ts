import { describe, expect, test } from 'vitest';
import { kvmError } from '../../../test/errors.js';
import { type RecordedCall, recordingBackend } from '../../../test/recording-backend.js';
import * as abi from '../../abi/s390/index.js';
import { Descriptor } from '../../ioctl/descriptor.js';
import { GuestMemory } from '../../memory/guest-memory.js';
import { createResources } from '../../vcpu/resources.js';
import { vmDescriptor } from '../../vm/vm.js';
import { s390 } from './architecture.js';
import { Vcpu } from './vcpu.js';
import { Vm } from './vm.js';

/**
 * No test host is an s390, and no available emulator runs its hypervisor. These tests check the arguments that the
 * kernel would get.
 */

function machine(kernel: (call: RecordedCall) => number): { vm: Vm; vcpu: Vcpu } {
  const backend = recordingBackend((call) => (call.request === abi.KVM_CHECK_EXTENSION.request ? 1 : kernel(call)));
  const system = new Descriptor(s390, backend, 3);
  const descriptor = vmDescriptor(system, 4, abi.KvmRun.size);
  return { vm: new Vm(descriptor), vcpu: new Vcpu(createResources(descriptor, 5, 0, abi.KvmRun.size, 0)) };
}

describe('an s390 guest', () => {
  test.each(['vm', 'vcpu'] as const)('has memory that its %s reads and writes', (on) => {
    const objects = machine(({ request, bytes, at }) => {
      expect(request).toBe(abi.KVM_S390_MEM_OP.request);
      const { gaddr, op, size, buf } = abi.KvmS390MemOp.at(bytes as Uint8Array);
      expect([gaddr, op, size]).toEqual([0x1000n, abi.KVM_S390_MEMOP_LOGICAL_READ, 4]);
      at(buf)?.fill(7);
      return 0;
    });
    const into = new Uint8Array(4);
    objects[on].memOp({ gaddr: 0x1000n, op: abi.KVM_S390_MEMOP_LOGICAL_READ }, into);
    expect([...into]).toEqual([7, 7, 7, 7]);
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => objects[on].memOp({}, [1] as never));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => objects[on].memOp({ op: 6 }, into));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => objects[on].memOp({ op: 6, old: new Uint8Array(2) }, into));
  });

  test('has memory that is compared and exchanged', () => {
    const { vm } = machine(({ bytes, at }) => {
      const { buf, oldAddr } = abi.KvmS390MemOp.at(bytes as Uint8Array);
      expect([...(at(buf) ?? [])]).toEqual([1]);
      at(oldAddr)?.fill(9);
      return 0;
    });
    const old = Uint8Array.of(3);
    vm.memOp({ op: abi.KVM_S390_MEMOP_ABSOLUTE_CMPXCHG, old }, Uint8Array.of(1));
    expect([...old]).toEqual([9]);
  });

  test('has storage keys, or does not use them', () => {
    let none = false;
    const { vm } = machine(({ request, bytes, at }) => {
      const { startGfn, count, skeydataAddr } = abi.KvmS390Skeys.at(bytes as Uint8Array);
      expect([startGfn, count]).toEqual([2n, 3n]);
      if (request === abi.KVM_S390_GET_SKEYS.request) at(skeydataAddr)?.set([1, 2, 3]);
      else expect([...(at(skeydataAddr) ?? [])]).toEqual([4, 5, 6]);
      return none ? abi.KVM_S390_GET_SKEYS_NONE : 0;
    });
    expect([...(vm.getSkeys(2n, 3) ?? [])]).toEqual([1, 2, 3]);
    vm.setSkeys(2n, Uint8Array.of(4, 5, 6));
    none = true;
    expect(vm.getSkeys(2n, 3)).toBeUndefined();
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.getSkeys(0n, 0));
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.setSkeys(0n, new Uint8Array()));
  });

  test('reports the storage attributes that have changed', () => {
    const { vm } = machine(({ request, bytes, at }) => {
      const log = abi.KvmS390CmmaLog.at(bytes as Uint8Array);
      if (request === abi.KVM_S390_SET_CMMA_BITS.request) {
        expect([log.startGfn, log.count, log.mask]).toEqual([5n, 2, 3n]);
        return 0;
      }
      expect([log.startGfn, log.count, log.flags]).toEqual([4n, 8, abi.KVM_S390_CMMA_PEEK]);
      at(log.values)?.set([1, 2]);
      log.assign({ startGfn: 6n, count: 2, remaining: 9n });
      return 0;
    });
    const { startGfn, values, remaining } = vm.getCmmaBits(4n, 8, abi.KVM_S390_CMMA_PEEK);
    expect([startGfn, [...values], remaining]).toEqual([6n, [1, 2], 9n]);
    vm.setCmmaBits(5n, Uint8Array.of(1, 1), 3n);
  });

  test('has pending interrupts that can be saved and restored', () => {
    const { vcpu } = machine(({ request, bytes, at }) => {
      const { buf, len } = abi.KvmS390IrqState.at(bytes as Uint8Array);
      if (request === abi.KVM_S390_SET_IRQ_STATE.request) {
        expect(len).toBe(abi.KvmS390Irq.size);
        return 0;
      }
      at(buf)?.fill(1, 0, abi.KvmS390Irq.size);
      return abi.KvmS390Irq.size;
    });
    const state = vcpu.getIrqState();
    expect(state.length).toBe(abi.KvmS390Irq.size);
    vcpu.setIrqState(state);
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.setIrqState('' as never));
  });

  test('becomes a protected guest and is dumped, step by step', () => {
    const steps: number[] = [];
    const { vm } = machine(({ bytes, at }) => {
      const { cmd, data } = abi.KvmPvCmd.at(bytes as Uint8Array);
      steps.push(cmd);
      const behind = at(data);
      if (cmd === abi.KVM_PV_SET_SEC_PARMS) {
        const { origin, length } = abi.KvmS390PvSecParm.at(behind as Uint8Array);
        expect([length, at(origin)?.[0]]).toEqual([3n, 8]);
      } else if (cmd === abi.KVM_PV_UNPACK) {
        expect(abi.KvmS390PvUnp.at(behind as Uint8Array).size).toBe(4096n);
      } else if (cmd === abi.KVM_PV_INFO) {
        const { header } = abi.KvmS390PvInfo.at(behind as Uint8Array);
        expect(header.lenMax).toBe(behind?.length);
        header.lenWritten = 16;
      } else if (cmd === abi.KVM_PV_DUMP) {
        const dump = abi.KvmS390PvDmp.at(behind as Uint8Array);
        at(dump.buffAddr)?.fill(5);
        dump.gaddr = 0x2000n;
      } else {
        expect(behind).toBeUndefined();
      }
      return 0;
    });
    vm.pvCommand(abi.KVM_PV_ENABLE);
    vm.pvSetSecParms(Uint8Array.of(8, 9, 10));
    vm.pvUnpack({ addr: 0n, size: 4096n });
    expect(vm.pvInfo(abi.KVM_PV_INFO_VM).header.lenWritten).toBe(16);
    const dumped = new Uint8Array(2);
    expect(vm.pvDump(abi.KVM_PV_DUMP_CONFIG_STOR_STATE, dumped, 0x1000n)).toBe(0x2000n);
    expect([...dumped]).toEqual([5, 5]);
    const { KVM_PV_ENABLE, KVM_PV_SET_SEC_PARMS, KVM_PV_UNPACK, KVM_PV_INFO, KVM_PV_DUMP } = abi;
    expect(steps).toEqual([KVM_PV_ENABLE, KVM_PV_SET_SEC_PARMS, KVM_PV_UNPACK, KVM_PV_INFO, KVM_PV_DUMP]);
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.pvCommand(KVM_PV_DUMP));
  });

  test('maps memory of the process for a user-controlled vCPU', () => {
    const { vcpu } = machine(({ bytes }) => {
      const { vcpuAddr, length } = abi.KvmS390UcasMapping.at(bytes as Uint8Array);
      expect([vcpuAddr, length]).toEqual([0x10_0000n, 0x1_0000n]);
      return 0;
    });
    const memory = GuestMemory.allocate(
      recordingBackend(() => 0),
      { size: 0x1_0000 },
    );
    vcpu.ucasMap(memory, 0x10_0000n);
    kvmError('ERR_KVM_OUT_OF_RANGE', () => vcpu.ucasMap(memory, 1n));
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.ucasMap({} as never, 0n));
  });
});
