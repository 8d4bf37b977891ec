import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { kvmError } from '../../test/errors.js';
import { builtCore, ended, machineGuest, onEveryMachine } from '../../test/machine.js';
import { exitOf } from '../../test/run.js';
import type { MachineGuest } from '../../test/start-guest.mjs';
import { ExitReason } from '../abi/x86/index.js';
import { backendNames } from '../backend/select.js';
import { SavedState } from './saved-state.js';

const RESULT = 0x2000;

/** The words at 0x2000. */
function words({ memory }: MachineGuest): number[] {
  return [...new Uint32Array(memory.read(RESULT, 8).buffer)];
}

/** A guest that is still adding up numbers. The last number depends on the speed of this machine. */
function halfWay(backend: MachineGuest['kvm']['backendName']): { guest: MachineGuest; last: number } {
  for (let last = 10_000; ; last *= 4) {
    const guest = machineGuest(backend, 'sum');
    guest.memory.write(RESULT, new Uint8Array(Uint32Array.of(last).buffer));
    const { reason } = guest.vcpu.run({ deadline: performance.now() + 20 });
    if (reason === ExitReason.Intr) return { guest, last };
    guest.close();
    if (last > 2 ** 30) throw new Error('the guest adds up faster than it can be stopped');
  }
}

/** The guest's final result, a 32-bit number. */
function sum(last: number): number {
  return Number(BigInt.asUintN(32, (BigInt(last) * BigInt(last + 1)) / 2n));
}

onEveryMachine('a computation saved half-way', (backend) => {
  test.each(backendNames)(
    'continues in a new process with %s, to the right result',
    (other) => {
      const { guest, last } = halfWay(backend);
      const folder = mkdtempSync(join(tmpdir(), 'kvm-state-'));
      try {
        const file = join(folder, 'state');
        writeFileSync(file, guest.vm.save([guest.vcpu]).toBytes());
        expect(words(guest)).toEqual([last, 0]);
        const program = new URL('../../test/state/finish.mjs', import.meta.url).pathname;
        const output = execFileSync(process.execPath, [program, builtCore, other, file], { encoding: 'utf8' });
        expect(JSON.parse(output)).toEqual([last, sum(last)]);
        // The saved guest is unaffected.
        let exit = exitOf(guest.vcpu);
        // The signal of a deadline may be late.
        while (exit.reason === ExitReason.Intr) exit = guest.vcpu.run();
        expect(ended(exit)).toBe(true);
        expect(words(guest)).toEqual([last, sum(last)]);
      } finally {
        guest.close();
        rmSync(folder, { recursive: true });
      }
    },
    120_000,
  );
});

onEveryMachine('a VM saved on any machine', (backend) => {
  test('includes the answer to a read', () => {
    using guest = machineGuest(backend, 'mmio');
    for (let i = 0; i < 3; i++) exitOf(guest.vcpu);
    const read = exitOf(guest.vcpu);
    if (read.reason !== ExitReason.Mmio) throw new Error('the guest did not read');
    read.mmio.value32 = 0x5a;
    const state = guest.vm.save([guest.vcpu]);
    using vm = guest.kvm.createVm();
    const { vcpus, memories } = vm.restore(SavedState.from(state.toBytes()));
    const echo = vcpus[0] && exitOf(vcpus[0]);
    if (echo?.reason === ExitReason.Io) expect(echo.io.value).toBe(0x5a);
    else if (echo?.reason === ExitReason.Mmio) expect(echo.mmio.value32).toBe(0x5a);
    else throw new Error('the guest did not report the value that it read');
    for (const each of [...vcpus, ...memories]) each.close();
  });

  test('is refused by an object that it does not match', () => {
    using guest = machineGuest(backend, 'spin');
    const state = guest.vm.save([guest.vcpu]);
    expect(kvmError('ERR_KVM_STATE', () => guest.vm.restore(state)).message).toContain('a VM without memory');
    const elsewhere = SavedState.of('vm', 'vax', []);
    using vm = guest.kvm.createVm();
    expect(kvmError('ERR_KVM_STATE', () => vm.restore(elsewhere)).message).toContain('is of vax, and this host is');
    expect(kvmError('ERR_KVM_STATE', () => guest.vcpu.restore(state)).message).toContain('of a vm, not of a vcpu');
    const unknown = SavedState.of('vm', state.arch, [
      ...state.header.parts.map(({ name }) => ({ name, bytes: state.part(name), notes: state.notes(name) })),
      { name: 'vcpu/0/soul', bytes: new Uint8Array(1) },
    ]);
    expect(kvmError('ERR_KVM_STATE', () => vm.restore(unknown)).message).toContain('has soul, which this version');
  });
});
