import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import * as core from '../dist/index.js';
import { exitOf } from './exit-of.mjs';
import { startGuest } from './start-guest.mjs';

/**
 * What a program still has when it has dropped the objects it made and garbage was collected. Arguments: the backend,
 * and the case, one of those below. It writes `kept`, or why the host cannot show the case, and fails where something
 * is not as it should be. V8's runtimes need `--expose-gc`.
 */

const { Cap, EventFd, ExitReason, Vm } = core;
const [, , backend, name] = process.argv;
/** All garbage, at once. `gc(true)` of V8 would collect young objects alone, and leave what has survived that twice. */
const collect = () => (globalThis.Bun === undefined ? globalThis.gc() : globalThis.Bun.gc(true));

async function collected() {
  for (let i = 0; i < 10; i++) {
    collect();
    await setTimeout(5);
  }
}

/** mov al, 0x5a; out 0x10, al; mov [0x3000], al; out 0x11, al; hlt */
const code = Uint8Array.of(0xb0, 0x5a, 0xe6, 0x10, 0xa2, 0x00, 0x30, 0xe6, 0x11, 0xf4);
const guest = () => startGuest(core, backend, code);

const cases = {
  /** Views of the run state. Each of them alone keeps the vCPU. */
  async views() {
    const views = {
      exit: (exit) => () => exit.io.port,
      io:
        ({ io }) =>
        () =>
          io.port,
      data:
        ({ io: { data } }) =>
        () =>
          data[0],
      kvmRun:
        (_, { kvmRun }) =>
        () =>
          kvmRun.exitReason,
      bytes: (_, { kvmRun }) => {
        const { bytes } = kvmRun;
        return () => bytes.some((byte) => byte !== 0);
      },
      syncRegs:
        (_, { syncRegs }) =>
        () =>
          syncRegs.valid,
    };
    const make = (view) => {
      const { vcpu } = guest();
      if (view === views.syncRegs) vcpu.syncRegs.valid = 1n;
      return view(exitOf(vcpu), vcpu);
    };
    const read = Object.entries(views).map(([what, view]) => [what, make(view)]);
    await collected();
    const seen = Object.fromEntries(read.map(([what, get]) => [what, get()]));
    assert.deepEqual(seen, { exit: 0x10, io: 0x10, data: 0x5a, kvmRun: 2, bytes: true, syncRegs: 1n });
  },
  /** The coalesced ring, with a write that waits in it. */
  async coalesced() {
    const make = () => {
      const { kvm, vm, vcpu } = guest();
      if (!(kvm.checkExtension(Cap.CoalescedPio) > 0)) return undefined;
      vm.registerCoalescedMmio({ addr: 0x10n, size: 1, pio: true });
      const ring = vcpu.coalescedRing;
      exitOf(vcpu);
      return ring;
    };
    const ring = make();
    if (ring === undefined) return 'the host lacks KVM_CAP_COALESCED_PIO';
    await collected();
    const seen = [];
    ring.drain(({ address, value32 }) => seen.push(address, value32));
    assert.deepEqual(seen, [0x10, 0x5a]);
  },
  /** The dirty ring, with a page in it. */
  async dirty() {
    const make = () => {
      const kvm = core.Kvm.open({ backend });
      if (!(kvm.checkExtension(Cap.DirtyLogRing) > 0)) return undefined;
      const vm = kvm.createVm();
      vm.enableDirtyRing(1024);
      const memory = kvm.allocateMemory({ size: 0x10000 });
      memory.write(0x1000, code);
      vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memory, flags: core.MemoryFlag.LogDirtyPages });
      const vcpu = vm.createVcpu(0);
      vcpu.setSregs(Object.assign(vcpu.getSregs(), { cs: { base: 0n, selector: 0 }, ds: { base: 0n, selector: 0 } }));
      vcpu.setRegs({ rip: 0x1000n, rflags: 2n });
      const ring = vcpu.dirtyRing;
      exitOf(vcpu);
      exitOf(vcpu);
      return ring;
    };
    const ring = make();
    if (ring === undefined) return 'the host lacks KVM_CAP_DIRTY_LOG_RING';
    await collected();
    assert.ok([...ring].some(({ slot, offset }) => slot === 0 && offset === 3));
  },
  /** What was shared, when nobody has taken it yet. */
  async shared() {
    const { eventfd, vm } = (() => {
      const { kvm, vm } = guest();
      const eventfd = kvm.createEventFd(7);
      return { eventfd: structuredClone(eventfd.share()), vm: structuredClone(vm.share()) };
    })();
    await collected();
    const taken = EventFd.from(eventfd);
    assert.deepEqual([taken.read(), Vm.from(vm).checkExtension(0)], [7n, 1]);
  },
  /** `running` alone, while its Workers start. */
  async running() {
    const start = () => {
      const { vm, vcpu } = guest();
      return vm.start({ vcpus: [vcpu], handlers: new URL('./collected-handlers.mjs', import.meta.url) });
    };
    const running = start();
    let isDone = false;
    running.done.then(
      () => {
        isDone = true;
      },
      () => {
        isDone = true;
      },
    );
    while (!isDone) {
      collect();
      // Some time for the Workers, whose start takes seconds in a loaded lab.
      await setTimeout(200);
    }
    const [{ ended, reason }] = await running.done;
    assert.deepEqual([ended, reason], ['exit', ExitReason.Hlt]);
  },
  /** What nobody can reach any more is given back. A descriptor of a guest's own is that of its VM or of its vCPU. */
  async dropped() {
    const { readdirSync } = await import('node:fs');
    const open = () => readdirSync('/proc/self/fd').length;
    const make = () => {
      const { vcpu } = guest();
      vcpu.kickHandle();
      vcpu.syncRegs.valid = 1n;
      vcpu.getRegs(vcpu.syncRegs.regs);
      exitOf(vcpu).io.data.fill(1);
    };
    make();
    await collected();
    const before = open();
    for (let i = 0; i < 20; i++) make();
    const most = open();
    for (let i = 0; i < 20 && open() > before + 6; i++) await collected();
    assert.ok(most - before >= 40, `${before} descriptors, and ${most} with 20 guests`);
    assert.ok(open() - before <= 6, `${before} descriptors before, and ${open()} after`);
  },
};

process.stdout.write((await cases[name]()) ?? 'kept');
process.exit();
