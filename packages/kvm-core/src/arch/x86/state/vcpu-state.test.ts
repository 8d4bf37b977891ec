import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { type Answer, type AnsweredCall, allAnswered } from '../../../../test/answered.js';
import { onEachBackend } from '../../../../test/backends.js';
import { realModeGuest } from '../../../../test/real-mode.js';
import { exitOf } from '../../../../test/run.js';
import * as abi from '../../../abi/x86/index.js';
import { ExitReason, SyncRegs } from '../../../abi/x86/index.js';
import type { SavedState } from '../../../state/saved-state.js';
import { Kvm } from '../kvm.js';
import { enterMode } from '../mode.js';
import type { Vcpu } from '../vcpu/vcpu.js';

const { E2BIG } = constants.errno;

/** The next value that the guest writes to its port. */
function told(vcpu: Vcpu | undefined): number {
  const exit = vcpu && exitOf(vcpu);
  return exit?.reason === ExitReason.Io ? exit.io.value : -1;
}

onEachBackend('a saved vCPU of x86', (backend) => {
  test('has CR8, which each run takes from the run state without a local APIC in the kernel', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using memory = kvm.allocateMemory({ size: 0x10_0000 });
    vm.mapMemory(memory, 0n);
    using vcpu = vm.createVcpu(0);
    vcpu.setCpuid2(kvm.getSupportedCpuid());
    // mov eax, 5; mov cr8, rax; out 0x10, al; mov rax, cr8; out 0x10, al
    const code = [0xb8, 5, 0, 0, 0, 0x44, 0x0f, 0x22, 0xc0, 0xe6, 0x10, 0x44, 0x0f, 0x20, 0xc0, 0xe6, 0x10];
    memory.write(0x1000, Uint8Array.from(code));
    enterMode(vcpu, 'long', { memory, entry: 0x1000n, stackTop: 0x8000n, tables: 0x1_0000n });
    while (exitOf(vcpu).reason !== ExitReason.Io);
    const restored = (state: SavedState): number => {
      using other = kvm.createVm();
      const { vcpus, memories } = other.restore(state);
      const value = told(vcpus[0]);
      for (const each of [...vcpus, ...memories]) each.close();
      return value;
    };
    expect(restored(vm.save([vcpu]))).toBe(5);
    // A program that emulates the APIC sets CR8 like this.
    vcpu.kvmRun.cr8 = 7n;
    expect(restored(vm.save([vcpu]))).toBe(7);
    expect(told(vcpu)).toBe(7);
  });

  test('has the dirty registers in the run state of a vCPU that has not run', (context) => {
    // out 0x10, al; hlt
    using guest = realModeGuest(backend, [0xe6, 0x10, 0xf4]);
    const { vm, vcpu } = guest;
    const { syncRegs } = vcpu;
    const all = SyncRegs.Regs | SyncRegs.Sregs | SyncRegs.Events;
    if ((syncRegs.supported & all) !== all) return context.skip('the host lacks KVM_CAP_SYNC_REGS');
    syncRegs.regs.assign(vcpu.getRegs());
    syncRegs.sregs.assign(vcpu.getSregs());
    syncRegs.events.assign(vcpu.getVcpuEvents());
    syncRegs.regs.rax = 0x77n;
    syncRegs.sregs.cr2 = 0x5000n;
    syncRegs.dirty = all;
    using other = guest.kvm.createVm();
    const { vcpus, memories } = other.restore(vm.save([vcpu]));
    expect(vcpus[0]?.getSregs().cr2).toBe(0x5000n);
    expect(told(vcpus[0])).toBe(0x77);
    expect(told(vcpu)).toBe(0x77);
    for (const each of [...vcpus, ...memories]) each.close();
  });

  test('discards the dirty registers in the run state when it is restored', (context) => {
    using guest = realModeGuest(backend, [0xe6, 0x10, 0xf4]);
    using vm = guest.kvm.createVm();
    using vcpu = vm.createVcpu(0);
    if ((vcpu.syncRegs.supported & SyncRegs.Regs) === 0n) return context.skip('the host lacks KVM_CAP_SYNC_REGS');
    vcpu.syncRegs.dirty = SyncRegs.Regs;
    vcpu.restore(guest.vcpu.save());
    expect(vcpu.syncRegs.dirty).toBe(0n);
  });

  test('has the registers in the register list of the kernel', () => {
    using guest = realModeGuest(backend, [0xf4]);
    const id = abi.KVM_REG_X86 | abi.KVM_REG_SIZE_U64 | (BigInt(abi.KVM_X86_REG_TYPE_KVM) << 32n);
    const set: bigint[] = [];
    const list: Answer = ({ bytes, argument }) => {
      const words = new BigUint64Array(bytes(argument, 16).buffer);
      const room = words[0] ?? 0n;
      words[0] = 1n;
      if (room < 1n) return -E2BIG;
      words[1] = id;
      return 0;
    };
    const valueIn = ({ bytes, argument }: AnsweredCall): BigUint64Array => {
      const register = abi.KvmOneReg.at(bytes(argument, abi.KvmOneReg.size));
      expect(register.id).toBe(id);
      return new BigUint64Array(bytes(register.addr, 8).buffer);
    };
    const get: Answer = (call) => {
      valueIn(call)[0] = 0x1234_5678n;
      return 0;
    };
    const put: Answer = (call) => {
      set.push(...valueIn(call));
      return 0;
    };
    using _ = allAnswered(backend, [
      [abi.KVM_GET_REG_LIST, list],
      [abi.KVM_GET_ONE_REG, get],
      [abi.KVM_SET_ONE_REG, put],
    ]);
    const state = guest.vcpu.save();
    expect(state.part('registers')).toHaveLength(16);
    using vm = guest.kvm.createVm();
    using vcpu = vm.createVcpu(0);
    vcpu.restore(state);
    expect(set).toEqual([0x1234_5678n]);
  });

  test('has no registers part if the kernel lists no registers', (context) => {
    using guest = realModeGuest(backend, [0xf4]);
    const { kvm, vcpu } = guest;
    if (kvm.capabilities().has(abi.Cap.OneReg) && vcpu.getRegList().length > 0) {
      return context.skip('the kernel lists registers of this vCPU');
    }
    expect(vcpu.save().has('registers')).toBe(false);
  });
});
