import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { onEachBackend } from '../../test/backends.js';
import { kvmError } from '../../test/errors.js';
import { realModeGuest } from '../../test/real-mode.js';
import { exitOf } from '../../test/run.js';
import { ExitReason } from '../abi/x86/index.js';
import { Kvm } from '../arch/x86/kvm.js';

const spin = [0xeb, 0xfe];
const halt = [0xf4];
/** out 0x10, al, forever */
const exits = [0xe6, 0x10, 0xeb, 0xfc];

const timerList = '/proc/self/timers';

/** The timers of this process, as the kernel lists them. */
function timers(): number {
  return readFileSync(timerList, 'utf8').match(/^ID:/gm)?.length ?? 0;
}

onEachBackend('a deadline', (backend) => {
  test('stops a guest that spins, and sets deadlinePassed', () => {
    using guest = realModeGuest(backend, spin);
    for (let i = 0; i < 20; i++) {
      const deadline = performance.now() + 3;
      do expect(guest.vcpu.run({ deadline }).reason).toBe(ExitReason.Intr);
      while (!guest.vcpu.deadlinePassed);
      expect(performance.now()).toBeGreaterThanOrEqual(deadline);
    }
  });

  test('stops a guest that halts in the kernel', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    vm.createIrqChip();
    using memory = kvm.allocateMemory({ size: 0x4000 });
    memory.write(0x1000, Uint8Array.from(halt));
    vm.mapMemory(memory, 0n);
    using vcpu = vm.createVcpu(0);
    const { cs } = vcpu.getSregs();
    cs.assign({ base: 0n, selector: 0 });
    vcpu.setSregs(Object.assign(vcpu.getSregs(), { cs }));
    vcpu.setRegs({ rip: 0x1000n, rflags: 2n });
    const deadline = performance.now() + 5;
    do expect(vcpu.run({ deadline }).reason).toBe(ExitReason.Intr);
    while (!vcpu.deadlinePassed);
  });

  test('stops a vCPU that waits for its first start', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    vm.createIrqChip();
    using _first = vm.createVcpu(0);
    using vcpu = vm.createVcpu(1);
    const deadline = performance.now() + 5;
    do expect(vcpu.run({ deadline }).reason).toBe(ExitReason.Intr);
    while (!vcpu.deadlinePassed);
  });

  test('that is far away does not change exits', () => {
    using guest = realModeGuest(backend, exits);
    for (const deadline of [performance.now() + 100_000, Number.MAX_VALUE, Number.POSITIVE_INFINITY]) {
      expect(exitOf(guest.vcpu, deadline).reason).toBe(ExitReason.Io);
      expect(guest.vcpu.deadlinePassed).toBe(false);
    }
  });

  test('in the past completes the last exit, and executes no further instruction', () => {
    // in al, 0x10; then spin
    using guest = realModeGuest(backend, [0xe4, 0x10, ...spin]);
    for (const deadline of [0, -1, Number.NEGATIVE_INFINITY]) {
      expect(guest.vcpu.run({ deadline }).reason).toBe(ExitReason.Intr);
      expect(guest.vcpu.deadlinePassed).toBe(true);
      expect(guest.vcpu.getRegs().rip).toBe(0x1000n);
    }
    const exit = exitOf(guest.vcpu);
    if (exit.reason !== ExitReason.Io) throw new Error(`exit ${exit.reason}`);
    exit.io.value = 42;
    expect(guest.vcpu.run({ deadline: 0 }).reason).toBe(ExitReason.Intr);
    const { rip, rax } = guest.vcpu.getRegs();
    expect([rip, rax & 0xffn]).toEqual([0x1002n, 42n]);
  });

  test('is distinguished from a kick, which it does not swallow', () => {
    using guest = realModeGuest(backend, exits);
    guest.vcpu.kick();
    expect(guest.vcpu.run({ deadline: performance.now() + 100_000 }).reason).toBe(ExitReason.Intr);
    expect(guest.vcpu.deadlinePassed).toBe(false);
  });

  test('leaves no pending signal for later runs and calls', () => {
    using guest = realModeGuest(backend, exits);
    for (let i = 0; i < 200; i++) {
      guest.vcpu.run({ deadline: performance.now() + 0.02 * (i % 10) });
      expect(exitOf(guest.vcpu).reason).toBe(ExitReason.Io);
      guest.kvm.createVm().close();
    }
  });

  test('uses one timer for all runs, which is deleted with the vCPU', (context) => {
    if (!existsSync(timerList)) context.skip('this kernel does not list the timers of a process');
    const before = timers();
    for (let i = 0; i < 3; i++) {
      using guest = realModeGuest(backend, exits);
      expect(timers()).toBe(before);
      for (let run = 0; run < 3; run++) guest.vcpu.run({ deadline: performance.now() + 1000 });
      expect(timers()).toBe(before + 1);
    }
    expect(timers()).toBe(before);
  });

  test('must be a time, and needs an open vCPU', () => {
    using guest = realModeGuest(backend, exits);
    const { vcpu } = guest;
    const wrong = (options: unknown) => () => vcpu.run(options as never);
    for (const options of [null, 5, {}, { deadline: '5' }, { deadline: Number.NaN }, { deadline: 5n }]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', wrong(options));
    }
    vcpu.close();
    kvmError('ERR_KVM_CLOSED', wrong({ deadline: 0 }));
  });
});
