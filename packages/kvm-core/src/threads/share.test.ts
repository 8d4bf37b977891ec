import { readdirSync } from 'node:fs';
import { deserialize, serialize } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { onEachBackend } from '../../test/backends.js';
import { kvmError } from '../../test/errors.js';
import { realModeGuest } from '../../test/real-mode.js';
import { exitOf } from '../../test/run.js';
import { ExitReason, MemoryFlag } from '../abi/x86/index.js';
import { Kvm } from '../arch/x86/kvm.js';
import { Vcpu } from '../arch/x86/vcpu/vcpu.js';
import { Vm } from '../arch/x86/vm/vm.js';
import { kick } from '../vcpu/kick.js';

const core = new URL('../../dist/index.js', import.meta.url).href;
const descriptors = () => readdirSync('/proc/self/fd').length;

/** in al, 0x10; inc al; mov [0x3000], al; out 0x11, al; hlt */
const code = [0xe4, 0x10, 0xfe, 0xc0, 0xa2, 0x00, 0x30, 0xe6, 0x11, 0xf4];
const spin = [0xeb, 0xfe];

/** What a Worker answers that runs the body of a function of the package and what it was given. */
async function inWorker<T>(data: unknown, body: string): Promise<T> {
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
     import(${JSON.stringify(core)}).then(async (core) => {
       parentPort.postMessage(await (async ({ Kvm, Vm, Vcpu, ExitReason }, data) => { ${body} })(core, workerData));
     });`,
    { eval: true, workerData: data },
  );
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  const answer = await new Promise<T>((resolve, reject) => worker.once('message', resolve).once('error', reject));
  await ended;
  return answer;
}

/** What another process gets by `process.send`: a copy of the bytes, which are no longer shared. */
function throughProcess<T>(handle: T): T {
  return deserialize(serialize(handle)) as T;
}

/** An object without each of its members, and with another value in the place of each, one at a time. */
function mangled(whole: object): object[] {
  return Object.keys(whole).flatMap((name) => [
    Object.fromEntries(Object.entries(whole).filter(([other]) => other !== name)),
    { ...whole, [name]: null },
    { ...whole, [name]: 'other' },
    { ...whole, [name]: {} },
  ]);
}

onEachBackend('an object that is shared', (backend) => {
  test('is the same guest in another thread, which runs the vCPU it was given', async () => {
    using guest = realModeGuest(backend, code);
    const first = exitOf(guest.vcpu);
    if (first.reason !== ExitReason.Io) throw new Error(`exit ${first.reason}`);
    // What the guest reads here, it gets there.
    first.io.value = 41;
    const answer = await inWorker<unknown[]>(
      { vm: guest.vm.share(), vcpu: guest.vcpu.transfer() },
      `const vm = Vm.from(data.vm);
       const vcpu = Vcpu.from(data.vcpu);
       const { io } = vcpu.run();
       const said = [io.port, io.value, vcpu.run().reason, vm.checkExtension(0), vcpu.id, vcpu.backendName];
       vcpu.close();
       vm.close();
       return said;`,
    );
    expect(answer).toEqual([0x11, 42, ExitReason.Hlt, 1, 0, backend]);
    expect(guest.memory.read(0x3000, 1)[0]).toBe(42);
    expect(kvmError('ERR_KVM_CLOSED', () => guest.vcpu.run()).message).toContain('transferred');
    kvmError('ERR_KVM_CLOSED', () => guest.vcpu.getRegs());
    kvmError('ERR_KVM_CLOSED', () => guest.vcpu.transfer());
    kvmError('ERR_KVM_CLOSED', () => guest.vcpu.run({ deadline: 0 }));
  });

  test('comes back, with all that the guest is', async () => {
    using guest = realModeGuest(backend, code);
    exitOf(guest.vcpu);
    const back = await inWorker<ReturnType<Vcpu['transfer']>>(
      guest.vcpu.transfer(),
      'const vcpu = Vcpu.from(data); vcpu.run(); return vcpu.transfer();',
    );
    using vcpu = Vcpu.from(back);
    expect(exitOf(vcpu).reason).toBe(ExitReason.Hlt);
    expect(vcpu.getRegs().rip).toBe(0x1000n + BigInt(code.length));
  });

  test('stays alive when the thread that made it closes all it has', async () => {
    const guest = realModeGuest(backend, code);
    const handle = guest.vcpu.transfer();
    guest.vm.close();
    guest.memory.close();
    guest.kvm.close();
    const reasons = await inWorker(
      handle,
      'const vcpu = Vcpu.from(data); const said = [1, 2, 3].map(() => vcpu.run().reason); vcpu.close(); return said;',
    );
    expect(reasons).toEqual([ExitReason.Io, ExitReason.Io, ExitReason.Hlt]);
    guest.vcpu.close();
  });

  test('is kicked by the handles that were given before', async () => {
    using guest = realModeGuest(backend, spin);
    const handle = guest.vcpu.kickHandle();
    kick(handle);
    const reasons = inWorker(
      guest.vcpu.transfer(),
      `const vcpu = Vcpu.from(data);
       const said = [vcpu.run().reason, vcpu.run().reason, vcpu.run({ deadline: performance.now() + 3 }).reason];
       vcpu.close();
       return said;`,
    );
    const again = setInterval(() => kick(handle), 5);
    expect(await reasons).toEqual([ExitReason.Intr, ExitReason.Intr, ExitReason.Intr]);
    clearInterval(again);
    kick(handle);
  });

  test('leaves no descriptor behind, taken or not', () => {
    const before = descriptors();
    for (let i = 0; i < 20; i++) {
      using guest = realModeGuest(backend, code);
      using vm = Vm.from(guest.vm.share());
      using again = Vm.from(vm.share());
      expect(again.checkExtension(0)).toBe(1);
      const handle = guest.vcpu.transfer();
      if (i % 3 === 0) continue;
      using vcpu = Vcpu.from(handle);
      kvmError('ERR_KVM_CLOSED', () => Vcpu.from(handle));
      expect(exitOf(vcpu).reason).toBe(ExitReason.Io);
      if (i % 3 === 1) vcpu.transfer();
      // Of one that another has, closing the old one takes nothing back.
      else guest.vcpu.close();
      expect(vcpu.closed).toBe(i % 3 === 1);
    }
    expect(descriptors()).toBe(before);
  });

  test('keeps its memory as it is, but for flags', () => {
    using guest = realModeGuest(backend, code);
    const { vm, memory, kvm } = guest;
    using other = Vm.from(vm.share());
    using more = kvm.allocateMemory({ size: 0x1000 });
    for (const each of [vm, other]) {
      kvmError('ERR_KVM_UNSAFE', () => each.mapMemory(more, 0x10_0000n));
      kvmError('ERR_KVM_UNSAFE', () => each.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n }));
      kvmError('ERR_KVM_UNSAFE', () => each.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0x1000n, memory }));
      each.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memory, flags: MemoryFlag.LogDirtyPages });
    }
    // The guest still has what this thread has closed, and nothing of it is given back.
    memory.close();
    vm.close();
    exitOf(guest.vcpu);
    expect(exitOf(guest.vcpu).reason).toBe(ExitReason.Io);
    expect(guest.vcpu.getRegs().rip).toBeGreaterThan(0x1000n);
    expect(other.getDirtyLog(0).has(3)).toBe(true);
  });

  test('is not made of anything but its whole handle', () => {
    using guest = realModeGuest(backend, code);
    const { vm, vcpu } = guest;
    const good = vm.share();
    const [slot] = good.slots;
    const handle = vcpu.transfer();
    for (const wrong of [
      undefined,
      handle,
      throughProcess(good),
      ...mangled(good),
      ...mangled({ ...slot }).map((slot) => ({ ...good, slots: [slot] })),
      { ...good, slots: [undefined] },
      { ...good, slots: [slot, { ...slot, pages: slot?.pages.slice() }] },
    ]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => Vm.from(wrong as never));
    }
    for (const wrong of [undefined, good, throughProcess(handle), ...mangled(handle)]) {
      // Without a dirty ring is as the handle is.
      if (wrong !== undefined && !('dirtyRing' in wrong) && 'kickWords' in wrong) continue;
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => Vcpu.from(wrong as never));
    }
    using empty = guest.kvm.createVm();
    const json = JSON.stringify(empty.share());
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => Vm.from(JSON.parse(json) as never));
    expect(kvmError('ERR_KVM_INVALID_ARGUMENT', () => Vm.from({} as never)).message).toMatch(/vm\.share\(\)/);
    expect(kvmError('ERR_KVM_INVALID_ARGUMENT', () => Vcpu.from({} as never)).message).toMatch(/vcpu\.transfer\(\)/);
    // None of that has taken it.
    Vcpu.from(structuredClone(handle)).close();
  });

  test('is taken once, and no descriptor is closed twice', () => {
    using guest = realModeGuest(backend, code);
    const before = guest.vm.share();
    const handle = guest.vcpu.transfer();
    const copy = structuredClone(handle);
    const vcpu = Vcpu.from(handle);
    const again = (): void => {
      for (const stale of [handle, copy]) kvmError('ERR_KVM_CLOSED', () => Vcpu.from(stale));
    };
    again();
    const back = vcpu.transfer();
    again();
    using other = Vcpu.from(back);
    again();
    other.close();
    // It has the number that the first one had.
    using next = guest.vm.createVcpu(1);
    again();
    guest.vm.close();
    next.close();
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    using anew = vm.createVcpu(0);
    again();
    kvmError('ERR_KVM_CLOSED', () => Vm.from(before));
    expect(anew.getRegs().rflags).toBe(2n);
  });

  test('is taken by one of the threads that have its handle', async () => {
    using guest = realModeGuest(backend, code);
    const handle = guest.vcpu.transfer();
    const answers = await Promise.all(
      Array.from({ length: 4 }, () =>
        inWorker<string>(
          handle,
          `try { const vcpu = Vcpu.from(data); vcpu.run(); vcpu.close(); return 'taken'; }
           catch (error) { return error.code; }`,
        ),
      ),
    );
    expect(answers.toSorted()).toEqual(['ERR_KVM_CLOSED', 'ERR_KVM_CLOSED', 'ERR_KVM_CLOSED', 'taken']);
  });

  test('stays the handle s until it is taken, and goes with the first owner', () => {
    const before = descriptors();
    using guest = realModeGuest(backend, code);
    const handle = guest.vcpu.transfer();
    guest.vcpu.close();
    kvmError('ERR_KVM_CLOSED', () => Vcpu.from(handle));
    guest.vm.close();
    guest.kvm.close();
    expect(descriptors()).toBe(before);
  });

  test('that a thread had taken when it ended is not taken by another', async () => {
    using guest = realModeGuest(backend, code);
    const kicks = guest.vcpu.kickHandle();
    const handle = guest.vcpu.transfer();
    await inWorker(handle, 'Vcpu.from(data); return true;');
    expect(kvmError('ERR_KVM_CLOSED', () => Vcpu.from(handle)).message).toContain('taken already');
    kick(kicks);
  });

  test('is gone once all who had it have closed it, and its number is not taken for another', () => {
    using kvm = Kvm.open({ backend });
    const vm = kvm.createVm();
    const handle = vm.share();
    vm.close();
    // It has the number that the first one had.
    using other = kvm.createVm();
    expect(other.closed).toBe(false);
    kvmError('ERR_KVM_CLOSED', () => Vm.from(handle));
  });
});
