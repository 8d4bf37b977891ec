import { expect, test } from 'vitest';
import { onEachBackend } from '../../../../test/backends.js';
import { kvmError } from '../../../../test/errors.js';
import { realModeGuest } from '../../../../test/real-mode.js';
import { exitOf } from '../../../../test/run.js';
import { Cap, ExitReason, SyncRegs } from '../../../abi/x86/index.js';

const wrong = (value: unknown): never => value as never;
const all = SyncRegs.Regs | SyncRegs.Sregs | SyncRegs.Events;

onEachBackend('synchronised registers', (backend) => {
  test('show the registers at an exit, and pass changes to the guest', (context) => {
    // out 0x10, al; inc ax; out 0x11, al; hlt
    using guest = realModeGuest(backend, [0xe6, 0x10, 0x40, 0xe6, 0x11, 0xf4]);
    const { vcpu, kvm } = guest;
    if (BigInt(kvm.capabilities().value(Cap.SyncRegs)) !== all)
      return context.skip('the host does not synchronise all registers');
    const { syncRegs } = vcpu;
    expect(syncRegs.supported).toBe(all);
    vcpu.setRegs({ rip: 0x1000n, rsp: 0x8000n, rflags: 2n, rax: 0x41n });
    syncRegs.valid = all;
    exitOf(vcpu);
    expect(syncRegs.regs.rax).toBe(0x41n);
    expect(syncRegs.regs.equals(vcpu.getRegs())).toBe(true);
    expect(syncRegs.sregs.equals(vcpu.getSregs())).toBe(true);
    expect(syncRegs.events.equals(vcpu.getVcpuEvents())).toBe(true);
    syncRegs.regs.rax = 0x99n;
    syncRegs.sregs.cr2 = 0x7000n;
    syncRegs.dirty = SyncRegs.Regs | SyncRegs.Sregs;
    const exit = exitOf(vcpu);
    expect(exit.reason === ExitReason.Io && exit.io.value).toBe(0x9a);
    expect(syncRegs.dirty).toBe(0n);
    expect(vcpu.getSregs().cr2).toBe(0x7000n);
  });

  test('show only the sets that were requested', (context) => {
    using guest = realModeGuest(backend, [0xe6, 0x10, 0xf4]);
    if (!guest.kvm.capabilities().has(Cap.SyncRegs)) return context.skip('the host lacks KVM_CAP_SYNC_REGS');
    exitOf(guest.vcpu);
    expect(guest.vcpu.syncRegs.regs.rip).toBe(0n);
    expect(guest.vcpu.syncRegs.valid).toBe(0n);
  });

  test('are the same object each time, and read as zero after close', () => {
    using guest = realModeGuest(backend, [0xf4]);
    const { syncRegs } = guest.vcpu;
    expect(guest.vcpu.syncRegs).toBe(syncRegs);
    if (syncRegs.supported !== 0n) syncRegs.valid = SyncRegs.Regs;
    exitOf(guest.vcpu);
    guest.vcpu.close();
    kvmError('ERR_KVM_CLOSED', () => guest.vcpu.syncRegs);
    expect([syncRegs.valid, syncRegs.regs.rip]).toEqual([0n, 0n]);
  });

  test('are refused if the host does not synchronise them', () => {
    using guest = realModeGuest(backend, [0xf4]);
    const { syncRegs } = guest.vcpu;
    for (const field of ['valid', 'dirty'] as const) {
      for (const sets of [1n << 30n, 1n << 31n, 1n << 63n, 0x1_0000_0001n]) {
        const error = kvmError('ERR_KVM_UNSUPPORTED', () => {
          syncRegs[field] = sets;
        });
        expect(error.hint).toBe(`the value of Cap.SyncRegs is 0x${syncRegs.supported.toString(16)}`);
      }
      for (const [sets, code] of [
        [1, 'ERR_KVM_OUT_OF_RANGE'],
        [-1n, 'ERR_KVM_OUT_OF_RANGE'],
        ['1n', 'ERR_KVM_INVALID_ARGUMENT'],
      ] as const) {
        kvmError(code, () => {
          syncRegs[field] = wrong(sets);
        });
      }
      expect(syncRegs[field]).toBe(0n);
    }
  });
});
