import { setTimeout } from 'node:timers/promises';
import * as core from '../dist/index.js';
import { startGuest } from './start-guest.mjs';

/**
 * Prints as JSON what is still open after a program has dropped its objects and garbage was collected. Arguments: the
 * backend, and a case from below.
 */

const { Cap, EventFd, ExitReason, Vm } = core;
const [, , backend, name] = process.argv;
/** Collects all garbage. `gc(true)` of V8 would only collect the young generation. */
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
      return view(vcpu.run(), vcpu);
    };
    const read = Object.entries(views).map(([what, view]) => [what, make(view)]);
    await collected();
    return Object.fromEntries(read.map(([what, get]) => [what, typeof get() === 'bigint' ? Number(get()) : get()]));
  },
  /** The coalesced ring, with a write that waits in it. */
  async coalesced() {
    const make = () => {
      const { kvm, vm, vcpu } = guest();
      if (!(kvm.checkExtension(Cap.CoalescedPio) > 0)) return undefined;
      vm.registerCoalescedMmio({ addr: 0x10n, size: 1, pio: true });
      const ring = vcpu.coalescedRing;
      vcpu.run();
      return ring;
    };
    const ring = make();
    await collected();
    const seen = [];
    ring?.drain(({ address, value32 }) => seen.push(address, value32));
    return ring && seen;
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
      vcpu.run();
      vcpu.run();
      return ring;
    };
    const ring = make();
    await collected();
    return ring && [...ring].some(({ slot, offset }) => slot === 0 && offset === 3);
  },
  /** Shared objects that nobody has taken yet. */
  async shared() {
    const { eventfd, vm } = (() => {
      const { kvm, vm } = guest();
      const eventfd = kvm.createEventFd(7);
      return { eventfd: structuredClone(eventfd.share()), vm: structuredClone(vm.share()) };
    })();
    await collected();
    const taken = EventFd.from(eventfd);
    return [Number(taken.read()), Vm.from(vm).checkExtension(0)];
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
      await setTimeout(1);
    }
    const [{ ended, reason }] = await running.done;
    return [ended, reason === ExitReason.Hlt];
  },
  /** Unreachable objects are released. A guest's descriptors are those of its VM and its vCPU. */
  async dropped() {
    const { readdirSync } = await import('node:fs');
    const open = () => readdirSync('/proc/self/fd').length;
    const make = () => {
      const { vcpu } = guest();
      vcpu.kickHandle();
      vcpu.syncRegs.valid = 1n;
      vcpu.getRegs(vcpu.syncRegs.regs);
      vcpu.run().io.data.fill(1);
    };
    make();
    await collected();
    const before = open();
    for (let i = 0; i < 20; i++) make();
    const most = open();
    for (let i = 0; i < 20 && open() > before + 6; i++) await collected();
    return [most - before >= 40, open() - before <= 6];
  },
};

process.stdout.write(JSON.stringify((await cases[name]()) ?? 'lacking'));
process.exit();
