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

/** Runs the body of a function in a Worker, with `@kvm/core` and `data`, and returns its result. */
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

/** The copy of a handle that another process gets from `process.send`. Its bytes are not shared. */
function throughProcess<T>(handle: T): T {
  return deserialize(serialize(handle)) as T;
}

/** Copies of an object, each with one member that is missing or has another value. */
function mangled(whole: object): object[] {
  return Object.keys(whole).flatMap((name) => [
    Object.fromEntries(Object.entries(whole).filter(([other]) => other !== name)),
    { ...whole, [name]: null },
    { ...whole, [name]: 'other' },
    { ...whole, [name]: {} },
  ]);
}

onEachBackend('a VM or vCPU that is shared', (backend) => {
  test('is the same guest in another thread, which runs the vCPU', async () => {
    using guest = realModeGuest(backend, code);
    const first = exitOf(guest.vcpu);
    if (first.reason !== ExitReason.Io) throw new Error(`exit ${first.reason}`);
    // The data of this read goes to the guest in the other thread.
    first.io.value = 41;
    const answer = await inWorker<unknown[]>(
      { vm: guest.vm.share(), vcpu: guest.vcpu.transfer() },
      `const vm = Vm.from(data.vm);
       const vcpu = Vcpu.from(data.vcpu);
       const { io } = vcpu.run();
       const seen = [io.port, io.value, vcpu.run().reason, vm.checkExtension(0), vcpu.id, vcpu.backendName];
       vcpu.close();
       vm.close();
       return seen;`,
    );
    expect(answer).toEqual([0x11, 42, ExitReason.Hlt, 1, 0, backend]);
    expect(guest.memory.read(0x3000, 1)[0]).toBe(42);
    expect(kvmError('ERR_KVM_CLOSED', () => guest.vcpu.run()).message).toContain('transferred');
    kvmError('ERR_KVM_CLOSED', () => guest.vcpu.getRegs());
    kvmError('ERR_KVM_CLOSED', () => guest.vcpu.transfer());
    kvmError('ERR_KVM_CLOSED', () => guest.vcpu.run({ deadline: 0 }));
  });

  test('comes back with the state of the guest', async () => {
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

  test('stays alive when the thread that created it closes its objects', async () => {
    const guest = realModeGuest(backend, code);
    const handle = guest.vcpu.transfer();
    guest.vm.close();
    guest.memory.close();
    guest.kvm.close();
    const reasons = await inWorker(
      handle,
      'const vcpu = Vcpu.from(data); const seen = [1, 2, 3].map(() => vcpu.run().reason); vcpu.close(); return seen;',
    );
    expect(reasons).toEqual([ExitReason.Io, ExitReason.Io, ExitReason.Hlt]);
    guest.vcpu.close();
  });

  test('can be kicked with handles from before the transfer', async () => {
    using guest = realModeGuest(backend, spin);
    const handle = guest.vcpu.kickHandle();
    kick(handle);
    const reasons = inWorker(
      guest.vcpu.transfer(),
      `const vcpu = Vcpu.from(data);
       const seen = [vcpu.run().reason, vcpu.run().reason, vcpu.run({ deadline: performance.now() + 3 }).reason];
       vcpu.close();
       return seen;`,
    );
    const again = setInterval(() => kick(handle), 5);
    expect(await reasons).toEqual([ExitReason.Intr, ExitReason.Intr, ExitReason.Intr]);
    clearInterval(again);
    kick(handle);
  });

  test('leaves no descriptor open, taken or not', () => {
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
      // The vCPU was taken, so closing the old object must not take it back.
      else guest.vcpu.close();
      expect(vcpu.closed).toBe(i % 3 === 1);
    }
    expect(descriptors()).toBe(before);
  });

  test('refuses changes of its memory, except for flags', () => {
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
    // The guest keeps the memory that this thread has closed.
    memory.close();
    vm.close();
    exitOf(guest.vcpu);
    expect(exitOf(guest.vcpu).reason).toBe(ExitReason.Io);
    expect(guest.vcpu.getRegs().rip).toBeGreaterThan(0x1000n);
    expect(other.getDirtyLog(0).has(3)).toBe(true);
  });

  test('can be made only from its whole handle', () => {
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
      // The handle has no dirty ring, so this copy is a valid handle.
      if (wrong !== undefined && !('dirtyRing' in wrong) && 'kickWords' in wrong) continue;
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => Vcpu.from(wrong as never));
    }
    using empty = guest.kvm.createVm();
    const json = JSON.stringify(empty.share());
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => Vm.from(JSON.parse(json) as never));
    expect(kvmError('ERR_KVM_INVALID_ARGUMENT', () => Vm.from({} as never)).message).toMatch(/vm\.share\(\)/);
    expect(kvmError('ERR_KVM_INVALID_ARGUMENT', () => Vcpu.from({} as never)).message).toMatch(/vcpu\.transfer\(\)/);
    // The vCPU has not been taken yet.
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
    // It reuses the descriptor number of the first one.
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

  test('is taken by only one of several threads with its handle', async () => {
    using guest = realModeGuest(backend, code);
    const handle = guest.vcpu.transfer();
    const answers = await Promise.all(
      Array.from({ length: 4 }, () =>
        inWorker<string>(
          handle,
          `try {
             const vcpu = Vcpu.from(data);
             vcpu.run();
             vcpu.close();
             return 'taken';
           } catch (error) {
             return error.code;
           }`,
        ),
      ),
    );
    expect(answers.toSorted()).toEqual(['ERR_KVM_CLOSED', 'ERR_KVM_CLOSED', 'ERR_KVM_CLOSED', 'taken']);
  });

  test('is closed by its first owner if its handle was not taken', () => {
    const before = descriptors();
    using guest = realModeGuest(backend, code);
    const handle = guest.vcpu.transfer();
    guest.vcpu.close();
    kvmError('ERR_KVM_CLOSED', () => Vcpu.from(handle));
    guest.vm.close();
    guest.kvm.close();
    expect(descriptors()).toBe(before);
  });

  test('is not taken by another thread if the owner has ended', async () => {
    using guest = realModeGuest(backend, code);
    const kicks = guest.vcpu.kickHandle();
    const handle = guest.vcpu.transfer();
    await inWorker(handle, 'Vcpu.from(data); return true;');
    expect(kvmError('ERR_KVM_CLOSED', () => Vcpu.from(handle)).message).toContain('taken already');
    kick(kicks);
  });

  test('is closed with its last object, and a reused number is not mistaken for it', () => {
    using kvm = Kvm.open({ backend });
    const vm = kvm.createVm();
    const handle = vm.share();
    vm.close();
    // It reuses the descriptor number of the first one.
    using other = kvm.createVm();
    expect(other.closed).toBe(false);
    kvmError('ERR_KVM_CLOSED', () => Vm.from(handle));
  });
});
