import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { onEachBackend } from '../../test/backends.js';
import { kvmError } from '../../test/errors.js';
import { exitOf } from '../../test/run.js';
import { ExitReason } from '../abi/x86/index.js';
import { Kvm } from '../arch/x86/kvm.js';
import { enterMode } from '../arch/x86/mode.js';
import type { Vcpu } from '../arch/x86/vcpu/vcpu.js';
import type { Vm } from '../arch/x86/vm/vm.js';
import type { BackendName } from '../backend/backend.js';
import { KvmError } from '../errors/kvm-error.js';
import type { GuestMemory } from '../memory/guest-memory.js';

const handlers = new URL('../../test/start/handlers.mjs', import.meta.url);
const stubborn = new URL('../../test/start/stubborn.mjs', import.meta.url);
/** For tests that do not test time: a lab may be slow. */
const patient = { grace: Number.POSITIVE_INFINITY };
const descriptors = () => readdirSync('/proc/self/fd').length;

interface Machine extends Disposable {
  kvm: Kvm;
  vm: Vm;
  vcpus: Vcpu[];
  memory: GuestMemory;
}

/** A VM whose vCPUs each run their own code in real mode. */
function machine(backend: BackendName, ...codes: number[][]): Machine {
  const kvm = Kvm.open({ backend });
  const vm = kvm.createVm();
  const memory = kvm.allocateMemory({ size: 0x10000 });
  const vcpus = codes.map((code, id) => {
    const at = 0x1000 * (id + 1);
    memory.write(at, Uint8Array.from(code));
    return Object.assign(vm.createVcpu(id), { at });
  });
  vm.mapMemory(memory, 0n);
  for (const vcpu of vcpus) enterMode(vcpu, 'real', { memory, entry: BigInt(vcpu.at), stackTop: 0x8000n });
  return {
    kvm,
    vm,
    vcpus,
    memory,
    [Symbol.dispose]() {
      for (const object of [...vcpus, vm, memory, kvm]) object.close();
    },
  };
}

/** in al, 0x20; out PORT, al; hlt */
const writes = (port: number) => [0xe4, 0x20, 0xe6, port, 0xf4];
const spin = [0xeb, 0xfe];
/** Posts forever. */
const posts = [0xe6, 0x10, 0xeb, 0xfc];

/** Waits for an effect of another thread. The assertion that follows checks it. */
async function until(came: () => boolean): Promise<void> {
  for (let i = 0; i < 5000 && !came(); i++) await sleep(10);
}

/** The error that `done` rejects with. */
async function failure(done: Promise<unknown>): Promise<KvmError> {
  const error = await done.then(
    () => new Error('nothing failed'),
    (reason: unknown) => reason,
  );
  return error as KvmError;
}

onEachBackend('vCPUs that are started', (backend) => {
  test('run in their own Workers with the handlers of a module, and return with their outcomes', async () => {
    using guest = machine(backend, writes(0x11), writes(0x10), [0xf4]);
    const messages: unknown[] = [];
    const { done } = guest.vm.start({
      vcpus: guest.vcpus,
      handlers,
      data: { memory: guest.memory.share(), text: 'hello' },
      onMessage: (message, index) => messages.push([index, message]),
    });
    const [first, second, third] = await done;
    expect(first).toMatchObject({
      ended: 'handler',
      reason: ExitReason.Io,
      result: { value: 1, data: { text: 'hello' }, capability: 1, stopping: false },
    });
    expect(second).toMatchObject({ ended: 'exit', reason: ExitReason.Hlt, result: undefined });
    expect(third).toMatchObject({ ended: 'exit', reason: ExitReason.Hlt });
    expect(messages).toEqual([[1, { id: 1, value: 1 }]]);
    kvmError('ERR_KVM_CLOSED', () => guest.vcpus[0]?.run());
    // The vCPUs belong to this thread again.
    for (const { vcpu } of [first, second, third] as { vcpu: Vcpu }[]) {
      expect(vcpu.getRegs().rip).toBeGreaterThan(0n);
      vcpu.close();
    }
  });

  test('can be stopped while their guests spin, halt or post', async () => {
    const before = descriptors();
    {
      using guest = machine(backend, spin, posts, [0xe6, 0x20, 0xeb, 0xfc]);
      let messages = 0;
      const onMessage = () => messages++;
      const running = guest.vm.start({ vcpus: guest.vcpus, handlers, onMessage });
      expect(inspect(running)).toMatch(
        /^Running \{\s+vcpus: \[ 'starting', 'starting', 'starting' \],\s+done: Promise/,
      );
      await until(() => messages > 0);
      expect(inspect(running)).toMatch(/vcpus: \[ '(starting|running)', 'running', /);
      const stopped = running.stop(patient);
      expect(inspect(running)).toContain("vcpus: [ 'stopping', 'stopping', 'stopping' ]");
      const outcomes = await stopped;
      expect(inspect(running, { depth: 1 })).toContain("vcpus: [ 'ended', 'ended', 'ended' ]");
      expect(outcomes.map(({ ended }) => ended)).toEqual(['stop', 'stop', 'stop']);
      expect(await running.done).toBe(outcomes);
      await running.stop(patient);
      // Start them again from the same point, and stop them before they have begun.
      const again = guest.vm.start({ vcpus: outcomes.map(({ vcpu }) => vcpu), handlers });
      for (const { vcpu } of await again.stop(patient)) vcpu.close();
    }
    // The descriptors of the Workers themselves close a moment later.
    await until(() => descriptors() <= before);
    expect(descriptors()).toBe(before);
  });

  test('block while the queue of their messages is full', async () => {
    using guest = machine(backend, posts);
    let handled = 0;
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const running = guest.vm.start({
      vcpus: guest.vcpus,
      handlers,
      queue: 4,
      onMessage: async () => {
        handled++;
        await gate;
      },
    });
    await until(() => handled > 0);
    await sleep(100);
    expect(handled).toBe(1);
    open();
    await until(() => handled >= 50);
    expect(handled).toBeGreaterThanOrEqual(50);
    for (const { vcpu } of await running.stop(patient)) vcpu.close();
  });

  test.each([
    ['a field that does not fit', 0x12, { code: 'ERR_KVM_OUT_OF_RANGE' }],
    [
      'a call that the kernel refuses',
      0x13,
      { code: 'ERR_KVM_SYSCALL', errnoName: 'EEXIST', ioctl: 'KVM_CREATE_VCPU' },
    ],
    ['a result that cannot be sent', 0x14, { code: 'ERR_KVM_INVALID_ARGUMENT', cause: { name: 'DataCloneError' } }],
    ['an end of the Worker', 0x15, { code: 'ERR_KVM_HANDLER' }],
    ['a failure beside the run', 0x16, { code: 'ERR_KVM_SYSCALL', errnoName: 'EEXIST' }],
    ['a text that is thrown', 0x17, { message: 'thrown: a text' }],
    ['a vCPU that its handler closed', 0x18, { code: 'ERR_KVM_CLOSED' }],
    ['a handler that returns a value', 0x19, { code: 'ERR_KVM_HANDLER', hint: expect.stringContaining('context.end') }],
    [
      'a handler that promises a value',
      0x1a,
      { code: 'ERR_KVM_HANDLER', hint: expect.stringContaining('context.end') },
    ],
    ['a handler that ends its vCPU twice', 0x1c, { code: 'ERR_KVM_HANDLER' }],
  ])('fail together, with the original error: %s', async (_, port, error) => {
    const before = descriptors();
    {
      using guest = machine(backend, [...writes(port).slice(0, -1), ...spin], spin);
      const { done } = guest.vm.start({ vcpus: guest.vcpus, handlers });
      const reason = await failure(done);
      expect(reason).toMatchObject(error);
      expect(reason instanceof KvmError).toBe('code' in error);
      if ('ioctl' in error) expect(reason.hint).toContain('this id already');
    }
    await until(() => descriptors() <= before);
    expect(descriptors()).toBeLessThanOrEqual(before);
  });

  test('fail with the causes of an error, and for an exit without a handler', async () => {
    using guest = machine(backend, [0xf4], [0xb8, 0x00, 0xf0, 0x8e, 0xd8, 0xa0, 0x00, 0x90]);
    const [first, second] = guest.vcpus as [Vcpu, Vcpu];
    const setup = await failure(guest.vm.start({ vcpus: [first], handlers, data: { setup: 'throws' } }).done);
    expect(setup.message).toBe('no setup today');
    expect(setup.stack).toContain('handlers.mjs');
    expect(setup.cause).toMatchObject({ code: 'ERR_KVM_STATE', message: 'deep down' });
    // mov ax, 0xf000; mov ds, ax; mov al, [0x9000]
    const mmio = await failure(guest.vm.start({ vcpus: [second], handlers }).done);
    expect(mmio).toMatchObject({ code: 'ERR_KVM_HANDLER', hint: expect.stringContaining('mmio') });
  });

  test('fail for a missing module, and for handlers that are not functions', async () => {
    using guest = machine(backend, [0xf4], [0xf4]);
    const [first, second] = guest.vcpus as [Vcpu, Vcpu];
    const missing = await failure(guest.vm.start({ vcpus: [first], handlers: 'file:///nowhere.mjs' }).done);
    expect(missing).toMatchObject({ code: 'ERR_MODULE_NOT_FOUND' });
    const none = guest.vm.start({ vcpus: [second], handlers: 'data:text/javascript,export const io = 5' });
    expect(await failure(none.done)).toMatchObject({ code: 'ERR_KVM_INVALID_ARGUMENT' });
  });

  test('end by a signal, and keep the outcome of each', async () => {
    const telling = `data:text/javascript,
      export const setup = ({ post }) => post('set up');
      export const hlt = (exit, { post }) => post('halted');`;
    using guest = machine(backend, spin, [0xf4]);
    const controller = new AbortController();
    const { signal } = controller;
    const received = new Set<string>();
    const onMessage = (message: unknown, index: number) => {
      received.add(`${index}: ${message}`);
      // The first is about to spin. The second ends when its handler returns.
      if (received.has('0: set up') && received.has('1: halted')) controller.abort();
    };
    const outcomes = await guest.vm.start({ vcpus: guest.vcpus, handlers: telling, signal, onMessage }).done;
    expect(outcomes.map(({ ended }) => ended)).toEqual(['signal', 'exit']);
    expect(outcomes[0]?.vcpu.getRegs().rip).toBe(0x1000n);
    for (const { vcpu } of outcomes) vcpu.close();
  });

  test('all stop when a handler calls stop', async () => {
    using guest = machine(backend, spin, writes(0x1b), spin);
    const outcomes = await guest.vm.start({ vcpus: guest.vcpus, handlers }).done;
    expect(outcomes.map(({ ended, result }) => [ended, result])).toEqual([
      ['stop', undefined],
      ['machine', { by: 1 }],
      ['stop', undefined],
    ]);
    for (const { vcpu } of outcomes) vcpu.close();
  });

  test('are watched by a handler that does not handle their last exit', async () => {
    const watching = `data:text/javascript,let seen = [];
      export default {
        watch(exit) { seen.push(exit.reason); },
        ports: 0,
        io() { this.ports++; },
        exit(exit, { post }) { post({ seen, ports: this.ports }); },
      }`;
    using guest = machine(backend, writes(0x30));
    const messages: unknown[] = [];
    const onMessage = (message: unknown) => messages.push(message);
    const [outcome] = await guest.vm.start({ vcpus: guest.vcpus, handlers: watching, onMessage }).done;
    expect(outcome).toMatchObject({ ended: 'exit', reason: ExitReason.Hlt });
    expect(messages).toEqual([{ seen: [ExitReason.Io, ExitReason.Io, ExitReason.Hlt], ports: 2 }]);
    outcome?.vcpu.close();
  });

  test('continue after a halt if its handler calls resume', async () => {
    const resuming = `data:text/javascript,let halts = 0;
      export const hlt = (exit, { resume }) => { if (++halts < 3) resume(); };
      export const io = ({ io }, { end }) => end(io.port);`;
    // hlt; hlt; out 0x10, al
    using guest = machine(backend, [0xf4, 0xf4, 0xe6, 0x10], [0xf4, 0xf4, 0xf4, 0xe6, 0x10]);
    const outcomes = await guest.vm.start({ vcpus: guest.vcpus, handlers: resuming }).done;
    expect(outcomes.map(({ ended, result }) => [ended, result])).toEqual([
      ['handler', 0x10],
      ['exit', undefined],
    ]);
    for (const { vcpu } of outcomes) vcpu.close();
  });

  test('end in setup before they have run', async () => {
    using guest = machine(backend, spin);
    const early = 'data:text/javascript,export const setup = ({ end }) => end(5)';
    const [outcome] = await guest.vm.start({ vcpus: guest.vcpus, handlers: early }).done;
    expect(outcome).toMatchObject({ ended: 'handler', reason: undefined, result: 5 });
    outcome?.vcpu.close();
  });

  test('post structs as plain objects, and refuse objects that would arrive empty', async () => {
    const posting = `data:text/javascript,export const io = (exit, { vm, vcpu, post, end }) => {
      if (!exit.io.isWrite) return;
      post(exit.io);
      post({ exit, list: [exit.io.data], regs: new Map([['rip', vcpu.getRegs()]]) });
      const refused = [vm, vcpu, [{ vm }]].map((value) => {
        try { post(value); } catch ({ code, hint }) { return code + ': ' + hint; }
      });
      end({ refused, io: exit.io });
    }`;
    using guest = machine(backend, writes(0x30));
    const messages: unknown[] = [];
    const onMessage = (message: unknown) => messages.push(message);
    const [outcome] = await guest.vm.start({ vcpus: guest.vcpus, handlers: posting, onMessage }).done;
    const io = expect.objectContaining({ port: 0x30, size: 1, count: 1, data: Uint8Array.of(0) });
    expect(messages).toEqual([
      io,
      {
        exit: { reason: ExitReason.Io, io },
        list: [Uint8Array.of(0)],
        regs: new Map([['rip', expect.objectContaining({ rip: expect.any(BigInt), rflags: 2n })]]),
      },
    ]);
    expect(Object.keys(messages[0] as object)).not.toContain('parts');
    expect((messages[0] as { data: Uint8Array }).data.buffer.byteLength).toBe(1);
    const refusal = (offer: string) => `ERR_KVM_INVALID_ARGUMENT: send the result of its ${offer}()`;
    expect(outcome?.result).toEqual({ refused: [refusal('share'), refusal('transfer'), refusal('share')], io });
    outcome?.vcpu.close();
  });

  test('get the limits of their heaps', async () => {
    using guest = machine(backend, [0xf4]);
    const module =
      'import { resourceLimits } from "node:worker_threads";' +
      'export const setup = ({ end }) => end(resourceLimits.maxYoungGenerationSizeMb)';
    const handlers = `data:text/javascript,${module}`;
    const resourceLimits = { maxYoungGenerationSizeMb: 3 };
    const [outcome] = await guest.vm.start({ vcpus: guest.vcpus, handlers, resourceLimits }).done;
    expect(outcome?.result).toBe(3);
    outcome?.vcpu.close();
  });

  test.each([
    ['an export', 'export const mmoi = () => {}', 'mmio'],
    ['a member of the default export', 'export default { Hlt() {} }', 'hlt'],
  ])('refuse handlers with unknown names: %s', async (_, module, nearest) => {
    using guest = machine(backend, [0xf4]);
    const { done } = guest.vm.start({ vcpus: guest.vcpus, handlers: `data:text/javascript,${module}` });
    expect(await failure(done)).toMatchObject({
      code: 'ERR_KVM_INVALID_ARGUMENT',
      hint: `did you mean ${nearest}?`,
    });
  });

  test('fail if their Worker is not found, and run with that of workerUrl', async () => {
    using guest = machine(backend, [0xf4], [0xf4]);
    const [first, second] = guest.vcpus as [Vcpu, Vcpu];
    const missing = guest.vm.start({ vcpus: [first], handlers, workerUrl: 'file:///nowhere.mjs' });
    expect(await failure(missing.done)).toMatchObject({
      code: 'ERR_KVM_HANDLER',
      hint: expect.stringContaining('workerUrl'),
    });
    const workerUrl = new URL('../../test/start/worker.mjs', import.meta.url);
    const [outcome] = await guest.vm.start({ vcpus: [second], handlers, workerUrl }).done;
    expect(outcome?.ended).toBe('exit');
    outcome?.vcpu.close();
  });

  test.each([
    ['a handler that awaits forever', 0x20, 'io'],
    ['a handler that never returns', 0x21, 'io'],
    ['a handler that runs its guest forever', 0x22, 'io'],
    ['a handler that sleeps', 0x23, 'io'],
    ['a setup that awaits forever', 0, 'setup'],
    ['a module that is never loaded', 0, 'module'],
    ['an onMessage that never ends', 0x10, 'onMessage'],
  ])('can be stopped despite %s', async (_, port, where) => {
    const before = descriptors();
    {
      // out PORT, al; forever
      using guest = machine(backend, [0xe6, port, ...spin]);
      let begun = 0;
      const module = `data:text/javascript,await new Promise(() => setInterval(() => {}, 1000));`;
      const running = guest.vm.start({
        vcpus: guest.vcpus,
        handlers: where === 'module' ? module : stubborn,
        data: { where },
        onMessage: () => {
          begun++;
          return where === 'onMessage' ? new Promise(() => undefined) : undefined;
        },
      });
      if (where === 'module') await sleep(200);
      else await until(() => begun > 0);
      const outcomes = await running.stop({ grace: 50 });
      expect(outcomes).toMatchObject([{ ended: 'timeout' }]);
      expect(await running.done).toBe(outcomes);
      const vcpu = outcomes[0]?.vcpu as Vcpu;
      expect(vcpu.getRegs().rip).toBeGreaterThanOrEqual(0x1000n);
      vcpu.close();
    }
    await until(() => descriptors() <= before);
    expect(descriptors()).toBeLessThanOrEqual(before);
  });

  test('end at once by a second stop with less grace', async () => {
    using guest = machine(backend, [0xe6, 0x21, ...spin]);
    let begun = false;
    const onMessage = () => {
      begun = true;
    };
    const running = guest.vm.start({ vcpus: guest.vcpus, handlers: stubborn, data: {}, onMessage });
    await until(() => begun);
    const stopped = running.stop({ grace: Number.POSITIVE_INFINITY });
    await sleep(100);
    running.stop({ grace: 0 });
    const [outcome] = await stopped;
    expect(outcome?.ended).toBe('timeout');
    outcome?.vcpu.close();
  });

  test('are not stopped with a grace that is not a time, or an unknown option', async () => {
    using guest = machine(backend, spin);
    const running = guest.vm.start({ vcpus: guest.vcpus, handlers });
    for (const grace of [-1, Number.NaN, '5', null]) {
      kvmError('ERR_KVM_OUT_OF_RANGE', () => void running.stop({ grace: grace as never }));
    }
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => void running.stop(5 as never));
    const misspelt = kvmError('ERR_KVM_INVALID_ARGUMENT', () => void running.stop({ grase: 5 } as never));
    expect(misspelt.message).toBe('the options of stop: there is no option grase (did you mean grace?)');
    kvmError('ERR_KVM_INVALID_ARGUMENT', () => void running.stop({ timeout: undefined } as never));
    for (const { vcpu } of await running.stop(patient)) vcpu.close();
  });

  test('are told what cannot be posted, which takes no place in the queue', async () => {
    using guest = machine(backend, [0xe6, 0x24, ...spin]);
    const messages: unknown[] = [];
    const running = guest.vm.start({
      vcpus: guest.vcpus,
      handlers: stubborn,
      data: {},
      queue: 2,
      onMessage: (message) => messages.push(message),
    });
    const [outcome] = await running.done;
    expect(messages).toEqual(['begun', 'real']);
    expect(outcome?.result).toEqual(Array(8).fill('ERR_KVM_INVALID_ARGUMENT DataCloneError'));
    outcome?.vcpu.close();
  });

  test('fail if onMessage fails', async () => {
    using guest = machine(backend, posts);
    const onMessage = () => {
      throw new RangeError('too much');
    };
    expect(await failure(guest.vm.start({ vcpus: guest.vcpus, handlers, onMessage }).done)).toBeInstanceOf(RangeError);
  });

  test('fail together if one cannot be transferred, or is of another VM', async () => {
    const before = descriptors();
    {
      using guest = machine(backend, spin, spin);
      using other = machine(backend, spin);
      const [first, second] = guest.vcpus as [Vcpu, Vcpu];
      const mixed = guest.vm.start({ vcpus: [first, other.vcpus[0] as Vcpu], handlers });
      expect(await failure(mixed.done)).toMatchObject({
        code: 'ERR_KVM_INVALID_ARGUMENT',
        message: expect.stringContaining('another VM'),
      });
      // Like Xen's pages, which most hosts lack.
      (second as unknown as { hold(name: string, held: object): void }).hold('a page', { memory: undefined });
      using third = guest.vm.createVcpu(2);
      const unfit = guest.vm.start({ vcpus: [third, second], handlers });
      expect(await failure(unfit.done)).toMatchObject({ code: 'ERR_KVM_UNSAFE', hint: 'a page' });
      for (const vcpu of [first, second, third]) expect(vcpu.closed).toBe(true);
    }
    await until(() => descriptors() <= before);
    expect(descriptors()).toBe(before);
  });

  test('are not started with what does not fit, and stay this thread s', () => {
    using guest = machine(backend, [0xf4]);
    const { vm, vcpus } = guest;
    const good = { vcpus, handlers };
    for (const wrong of [
      undefined,
      {},
      { ...good, vcpus: [] },
      { ...good, vcpus: [...vcpus, ...vcpus] },
      { ...good, vcpus: [{}] },
      { ...good, vcpus: 5 },
      { ...good, handlers: './handlers.mjs' },
      { ...good, handlers: undefined },
      { ...good, data: () => 5 },
      { ...good, data: { memory: guest.memory } },
      { ...good, data: { kvm: guest.kvm } },
      { ...good, workerUrl: './worker.mjs' },
      { ...good, resourceLimits: 5 },
      { ...good, onmessage: () => 5 },
      { ...good, onMessage: 5 },
      { ...good, signal: {} },
      { ...good, signal: AbortSignal.abort() },
    ]) {
      kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.start(wrong as never));
    }
    const misspelt = kvmError('ERR_KVM_INVALID_ARGUMENT', () => vm.start({ ...good, onmessage: () => 5 } as never));
    expect(misspelt.message).toBe('the options of vm.start: there is no option onmessage (did you mean onMessage?)');
    for (const queue of [0, 0.5, 2 ** 30]) kvmError('ERR_KVM_OUT_OF_RANGE', () => vm.start({ ...good, queue }));
    expect(vcpus[0] && exitOf(vcpus[0]).reason).toBe(ExitReason.Hlt);
    vcpus[0]?.close();
    kvmError('ERR_KVM_CLOSED', () => vm.start(good));
  });
});
