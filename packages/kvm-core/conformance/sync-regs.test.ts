import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { Cap, ExitReason, SyncRegs, type Vcpu } from '../src/index.js';
import { Cr4 } from '../src/x86/index.js';
import { onEachBackend } from '../test/backends.js';
import { kvmError } from '../test/errors.js';
import { code64 } from './guest/listing.js';
import { machine, missing, needs, runTo, type Skipping } from './machine.js';

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

/** Skips the case unless the host has these sets. */
function needsSets(context: Skipping, vcpu: Vcpu, offered: number, sets: bigint): void {
  if ((BigInt(offered) & sets) !== sets) missing(context, `KVM_CAP_SYNC_REGS has only ${offered} of the sets ${sets}`);
  vcpu.kvmRun.kvmValidRegs = sets;
}

onEachBackend('the synchronised registers', (backend) => {
  test('show in the run state what the calls would, at each exit', (context) => {
    using guest = machine(backend, 'long', count, { regs: { rax: 1n << 63n, rbx: 0x1234n } });
    const { vm, vcpu } = guest;
    needs(context, vm, Cap.SyncRegs);
    needsSets(context, vcpu, vm.checkExtension(Cap.SyncRegs), SyncRegs.Regs | SyncRegs.Sregs);
    const { regs: synchronised } = vcpu.kvmRun.s;
    for (let i = 1n; i <= 3n; i++) {
      runTo(vcpu, ExitReason.Io);
      expect(synchronised.regs).toMatchObject({ rax: (1n << 63n) + i, r15: 2n * i, rbx: 0x1234n });
      expect(synchronised.regs.equals(vcpu.getRegs())).toBe(true);
      expect(synchronised.sregs.equals(vcpu.getSregs())).toBe(true);
    }
  });

  test('are not shown unless they are asked for', (context) => {
    using guest = machine(backend, 'long', count);
    needs(context, guest.vm, Cap.SyncRegs);
    runTo(guest.vcpu, ExitReason.Io);
    expect(guest.vcpu.kvmRun.s.regs.regs).toMatchObject({ rax: 0n, r15: 0n, rip: 0n });
  });

  test('that are written and marked are those that the guest goes on with', (context) => {
    using guest = machine(backend, 'long', count);
    const { vm, vcpu } = guest;
    needs(context, vm, Cap.SyncRegs);
    needsSets(context, vcpu, vm.checkExtension(Cap.SyncRegs), SyncRegs.Regs);
    const { kvmRun } = vcpu;
    runTo(vcpu, ExitReason.Io);
    kvmRun.s.regs.regs.assign({ rax: 100n, r15: 200n });
    kvmRun.kvmDirtyRegs = SyncRegs.Regs;
    runTo(vcpu, ExitReason.Io);
    expect(vcpu.getRegs()).toMatchObject({ rax: 101n, r15: 202n });
    expect(kvmRun.kvmDirtyRegs).toBe(0n);
    // Not marked, they count for nothing.
    kvmRun.s.regs.regs.assign({ rax: 7n });
    runTo(vcpu, ExitReason.Io);
    expect(kvmRun.s.regs.regs).toMatchObject({ rax: 102n, r15: 204n });
  });

  test('are the system registers too', (context) => {
    using guest = machine(backend, 'long', readCr4);
    const { vm, vcpu } = guest;
    needs(context, vm, Cap.SyncRegs);
    needsSets(context, vcpu, vm.checkExtension(Cap.SyncRegs), SyncRegs.Sregs);
    runTo(vcpu, ExitReason.Io);
    vcpu.kvmRun.s.regs.sregs.cr4 |= Cr4.Pge;
    vcpu.kvmRun.kvmDirtyRegs = SyncRegs.Sregs;
    runTo(vcpu, ExitReason.Io);
    expect(vcpu.getRegs().rax & Cr4.Pge).toBe(Cr4.Pge);
  });

  test('of a set that the host does not have are refused', (context) => {
    using guest = machine(backend, 'long', count);
    const { vm, vcpu } = guest;
    needs(context, vm, Cap.SyncRegs);
    vcpu.kvmRun.kvmValidRegs = 1n << 40n;
    expect(kvmError('ERR_KVM_SYSCALL', () => vcpu.run())).toMatchObject({ errno: EINVAL, ioctl: 'KVM_RUN' });
    vcpu.kvmRun.kvmValidRegs = 0n;
    runTo(vcpu, ExitReason.Io);
  });
});
