import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
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

/** The words with each of them changed, one at a time, and too few and too many of them. */
function edited(words: BigInt64Array): BigInt64Array[] {
  const changed = Array.from(words, (word, i) =>
    [word + 1n, word ^ (1n << 40n), 0n].filter((other) => other !== word).map((other) => words.with(i, other)),
  );
  return [...changed.flat(), words.slice(1), BigInt64Array.from([...words, 0n])];
}

/** A view that says to have so many elements. */
function lying<T extends object>(view: T, length: number): T {
  return Object.defineProperty(view, 'length', { value: length });
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

  test('is not made of what nobody gave', () => {
    using guest = realModeGuest(backend, code);
    const { vm, vcpu } = guest;
    const good = vm.share();
    const [slot = []] = good.slots;
    const elsewhere = new Uint8Array(new SharedArrayBuffer(0x10000));
    for (const forged of [
      undefined,
      {},
      { ...good, backend: 'fast' },
      { ...good, backend: backend === 'ffi' ? 'native' : 'ffi' },
      { ...good, arch: 'arm64' },
      { ...good, arch: Symbol.iterator },
      { ...good, words: undefined },
      { ...good, words: new BigInt64Array(good.words.length) },
      { ...good, words: Object.create(BigInt64Array.prototype) },
      { ...good, words: new Proxy(good.words, {}) },
      ...edited(good.words).map((words) => ({ ...good, words })),
      { ...good, slots: [] },
      { ...good, slots: undefined },
      { ...good, slots: { length: 2 ** 40 } },
      { ...good, slots: [Object.assign([...slot], { 4: elsewhere })] },
      { ...good, slots: [Object.assign([...slot], { 4: lying(elsewhere.subarray(0, 0x1000), 0x10000) })] },
      ...[0, 1, 2, 3].map((at) => ({ ...good, slots: [Object.assign([...slot], { [at]: 1 })] })),
      { ...good, slots: [slot, slot] },
    ]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => Vm.from(forged as never));
    }
    const handle = vcpu.transfer();
    const forgedHandles = [
      undefined,
      good,
      ...edited(handle.words).map((words) => ({ ...handle, words })),
      { ...handle, words: good.words },
      { ...handle, vm: undefined },
      { ...handle, vm: { ...good, slots: [] } },
      { ...handle, kickWords: new Int32Array(4) },
      { ...handle, kickWords: new Int32Array(new SharedArrayBuffer(16)) },
      { ...handle, kickWords: lying(new Int32Array(new SharedArrayBuffer(8)), 4) },
    ];
    for (const forged of forgedHandles) kvmError('ERR_KVM_INVALID_ARGUMENT', () => Vcpu.from(forged as never));
    // Not even with what another VM gave: its slots would be taken for the guest's.
    using stranger = realModeGuest(backend, code);
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => Vcpu.from({ ...handle, vm: stranger.vm.share() }));
    // But with what any thread that has the VM gave, and as bytes, which is what a handle is.
    using shared = Vm.from(good);
    Vcpu.from({ ...handle, words: handle.words.slice(), vm: shared.share() }).close();
  });

  test('is taken once, whatever is written to its handle, and no descriptor is closed twice', () => {
    using guest = realModeGuest(backend, code);
    const before = guest.vm.share();
    const handle = guest.vcpu.transfer();
    const [words, kickWords] = [handle.words.slice(), handle.kickWords.slice()];
    const vcpu = Vcpu.from(handle);
    const again = (): void => {
      handle.words.set(words);
      handle.kickWords.set(kickWords);
      kvmError('ERR_KVM_CLOSED', () => Vcpu.from(handle));
      kvmError('ERR_KVM_CLOSED', () => Vcpu.from({ ...handle, words: words.slice() }));
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
          `try { const vcpu = Vcpu.from(data); vcpu.run(); vcpu.close(); return 'taken'; } catch (error) { return error.code; }`,
        ),
      ),
    );
    expect(answers.toSorted()).toEqual(['ERR_KVM_CLOSED', 'ERR_KVM_CLOSED', 'ERR_KVM_CLOSED', 'taken']);
  });

  test('is of this process: what another gave is refused', () => {
    using kvm = Kvm.open({ backend });
    using vm = kvm.createVm();
    const { arch, words } = vm.share();
    using same = Vm.from({ arch, backend, words: BigInt64Array.from(words), slots: [] });
    expect(same.checkExtension(0)).toBe(1);
    const program = `import { Vm } from ${JSON.stringify(core)};
      try { Vm.from({ arch: '${arch}', backend: '${backend}', words: BigInt64Array.of(${Array.from(words, (word) => `${word}n`)}), slots: [] }); }
      catch (error) { process.stdout.write(error.code); }`;
    const code = execFileSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' });
    expect(code).toBe('ERR_KVM_INVALID_ARGUMENT');
  });

  test('is taken back by its own thread, whatever has become of the handle', () => {
    const before = descriptors();
    using guest = realModeGuest(backend, code);
    const { handle, vcpu } = { handle: guest.vcpu.transfer(), vcpu: guest.vcpu };
    handle.words.fill(0n);
    Object.assign(handle, { vm: undefined, kickWords: undefined });
    vcpu.close();
    guest.vm.close();
    guest.kvm.close();
    expect(descriptors()).toBe(before);
  });

  test('is taken by another thread while a third one writes to its words', async () => {
    using guest = realModeGuest(backend, code);
    const handle = guest.vcpu.transfer();
    const shared = new BigInt64Array(new SharedArrayBuffer(handle.words.byteLength));
    shared.set(handle.words);
    const worker = new Worker(
      `const { parentPort, workerData: words } = require('node:worker_threads');
       const [good] = words;
       parentPort.postMessage('writes');
       for (;;) { Atomics.store(words, 0, 1n); Atomics.store(words, 0, good); }`,
      { eval: true, workerData: shared },
    );
    await new Promise((resolve) => worker.once('message', resolve));
    let vcpu: Vcpu | undefined;
    for (let i = 0; i < 100_000 && vcpu === undefined; i++) {
      try {
        vcpu = Vcpu.from({ ...handle, words: shared });
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_KVM_INVALID_ARGUMENT' });
      }
    }
    await worker.terminate();
    using taken = vcpu ?? Vcpu.from(handle);
    expect(exitOf(taken).reason).toBe(ExitReason.Io);
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
