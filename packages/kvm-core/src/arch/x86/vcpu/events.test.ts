import { expect, test } from 'vitest';
import { onEachBackend } from '../../../../test/backends.js';
import { kvmError } from '../../../../test/errors.js';
import { codeAddress, realModeGuest } from '../../../../test/real-mode.js';
import { exitOf } from '../../../../test/run.js';
import { ExitReason, InterruptShadow, KvmVcpuEvents, VcpuEventFlag } from '../../../abi/x86/index.js';

const wrong = (value: unknown): never => value as never;

onEachBackend('the events of a vCPU', (backend) => {
  test('keep the values that are set', () => {
    using guest = realModeGuest(backend, [0xf4]);
    const events = guest.vcpu.getVcpuEvents();
    expect(events.nmi.masked).toBe(0);
    events.nmi.masked = 1;
    guest.vcpu.setVcpuEvents(events);
    expect(guest.vcpu.getVcpuEvents(new KvmVcpuEvents()).equals(events)).toBe(true);
    // AMD processors do not distinguish the two kinds of interrupt shadow.
    guest.vcpu.setVcpuEvents({ flags: VcpuEventFlag.Shadow, interrupt: { shadow: InterruptShadow.MovSs } });
    const { shadow } = guest.vcpu.getVcpuEvents().interrupt;
    expect(shadow & InterruptShadow.MovSs).toBe(InterruptShadow.MovSs);
  });

  test('are delivered: an injected exception runs its handler', () => {
    using guest = realModeGuest(backend, [0x90, 0xf4]);
    const { vcpu, memory } = guest;
    const vector = 6;
    const handler = 0x3000;
    // The entry of the real-mode interrupt table: offset and segment. The handler is out 0x11, al; hlt.
    memory.write(vector * 4, Uint8Array.of(handler & 0xff, handler >> 8, 0, 0));
    memory.write(handler, Uint8Array.of(0xe6, 0x11, 0xf4));
    vcpu.setVcpuEvents({ exception: { injected: 1, nr: vector } });
    const exit = exitOf(vcpu);
    expect(exit.reason === ExitReason.Io && exit.io.port).toBe(0x11);
    expect(memory.read(Number(vcpu.getRegs().rsp), 2)).toEqual(Uint8Array.of(codeAddress & 0xff, codeAddress >> 8));
  });

  test('are refused if they are invalid', () => {
    using guest = realModeGuest(backend, [0xf4]);
    const { vcpu } = guest;
    for (const value of [undefined, null, 5, [], { exceptions: {} }]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vcpu.setVcpuEvents(wrong(value)));
    }
    expect(kvmError('ERR_KVM_SYSCALL', () => vcpu.setVcpuEvents({ flags: 0x8000_0000 })).hint).toMatch(
      /flag is unknown/,
    );
    kvmError('ERR_KVM_SYSCALL', () => vcpu.setVcpuEvents({ exception: { injected: 1, nr: 32 } }));
  });
});
