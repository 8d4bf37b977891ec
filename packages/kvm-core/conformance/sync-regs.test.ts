import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { Cr4 } from '../src/arch/x86/index.js';
import { Cap, ExitReason, type SynchronisedRegisters, SyncRegs } from '../src/index.js';
import { onEachBackend } from '../test/backends.js';
import { kvmError } from '../test/errors.js';
import { code64 } from './guest/listing.js';
import { type Machine, machine, missing, needs, runTo, type Skipping } from './machine.js';

const { EINVAL } = constants.errno;

const count = code64`
  48 83 c0 01  ; add rax, 1
  49 83 c7 02  ; add r15, 2
  e6 10        ; out 0x10, al
  eb f4        ; jmp .-10
`;

const readCr4 = code64`
  e6 10     ; out 0x10, al
  0f 20 e0  ; mov rax, cr4
  e6 10     ; out 0x10, al
`;

/** Requests these sets; skips the case if the host lacks them. */
function synchronise(context: Skipping, { vm, vcpu }: Machine, sets: bigint): SynchronisedRegisters {
  needs(context, vm, Cap.SyncRegs);
  const { syncRegs } = vcpu;
  if ((syncRegs.supported & sets) !== sets) missing(context, `of KVM_CAP_SYNC_REGS, the sets ${sets}`);
  syncRegs.valid = sets;
  return syncRegs;
}

onEachBackend('the synchronised registers', (backend) => {
  test('have the same values in the run state as from the calls, at each exit', (context) => {
    using guest = machine(backend, 'long', count, { regs: { rax: 1n << 63n, rbx: 0x1234n } });
    const { vcpu } = guest;
    const { regs, sregs, events } = synchronise(context, guest, SyncRegs.Regs | SyncRegs.Sregs | SyncRegs.Events);
    for (let i = 1n; i <= 3n; i++) {
      runTo(vcpu, ExitReason.Io);
      expect(regs).toMatchObject({ rax: (1n << 63n) + i, r15: 2n * i, rbx: 0x1234n });
      expect(regs.equals(vcpu.getRegs())).toBe(true);
      expect(sregs.equals(vcpu.getSregs())).toBe(true);
      expect(events.equals(vcpu.getVcpuEvents())).toBe(true);
    }
  });

  test('are not written unless they are requested', (context) => {
    using guest = machine(backend, 'long', count);
    const { regs } = synchronise(context, guest, 0n);
    runTo(guest.vcpu, ExitReason.Io);
    expect(regs).toMatchObject({ rax: 0n, r15: 0n, rip: 0n });
  });

  test('that are changed and marked dirty are loaded into the guest', (context) => {
    using guest = machine(backend, 'long', count);
    const { vcpu } = guest;
    const synchronised = synchronise(context, guest, SyncRegs.Regs);
    const { regs } = synchronised;
    runTo(vcpu, ExitReason.Io);
    regs.assign({ rax: 100n, r15: 200n });
    synchronised.dirty = SyncRegs.Regs;
    runTo(vcpu, ExitReason.Io);
    expect(vcpu.getRegs()).toMatchObject({ rax: 101n, r15: 202n });
    expect(synchronised.dirty).toBe(0n);
    // Values that are not marked have no effect.
    regs.assign({ rax: 7n });
    runTo(vcpu, ExitReason.Io);
    expect(regs).toMatchObject({ rax: 102n, r15: 204n });
  });

  test('are the system registers too', (context) => {
    using guest = machine(backend, 'long', readCr4);
    const { vcpu } = guest;
    const synchronised = synchronise(context, guest, SyncRegs.Sregs);
    runTo(vcpu, ExitReason.Io);
    synchronised.sregs.cr4 |= Cr4.Pge;
    synchronised.dirty = SyncRegs.Sregs;
    runTo(vcpu, ExitReason.Io);
    expect(vcpu.getRegs().rax & Cr4.Pge).toBe(Cr4.Pge);
  });

  test('of a set that the host lacks are refused, by the kernel too', (context) => {
    using guest = machine(backend, 'long', count);
    const { vcpu } = guest;
    synchronise(context, guest, 0n);
    vcpu.kvmRun.kvmValidRegs = 1n << 30n;
    expect(kvmError('ERR_KVM_SYSCALL', () => vcpu.run())).toMatchObject({ errno: EINVAL, ioctl: 'KVM_RUN' });
    vcpu.kvmRun.kvmValidRegs = 0n;
    runTo(vcpu, ExitReason.Io);
    kvmError('ERR_KVM_UNSUPPORTED', () => {
      vcpu.syncRegs.valid = 1n << 30n;
    });
  });
});
