import {
  type BackendName,
  Cap,
  type CoalescedAccess,
  type EventFd,
  ExitReason,
  IoeventfdFlag,
  KvmRegs,
  SyncRegs,
} from '@kvm/core';
import { copyLoops } from './copies.js';
import {
  type Guest,
  halts,
  ringsDoorbell,
  startGuest,
  stopGuest,
  unexpected,
  writesDevice,
  writesPort,
} from './guest.js';
import { kickLoop } from './kick.js';
import { restoreLoop } from './restore.js';

/** Does its work `count` times and returns the time in nanoseconds. */
export type Loop = (count: number) => number | Promise<number>;

/** Keeps the compiler from removing the reads of the loops. */
export const sink = new Float64Array(1);

/** The duration of a call in nanoseconds. */
export function timed(work: () => void): number {
  const start = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - start);
}

export function loopsOf(backend: BackendName): Readonly<Record<string, Loop>> {
  const port = once(() => startGuest(backend, writesPort));
  const device = once(() => startGuest(backend, writesDevice));
  const synchronised = once(() => {
    const guest = startGuest(backend, writesPort);
    guest.vcpu.syncRegs.valid = SyncRegs.Regs;
    return guest;
  });
  const coalescing = once(() => {
    const guest = startGuest(backend, writesPort);
    guest.vm.registerCoalescedMmio({ addr: 0x10n, size: 1, pio: true });
    return guest;
  });
  const doorbell = once(() => {
    const guest = startGuest(backend, ringsDoorbell);
    const eventfd = guest.kvm.createEventFd();
    guest.vm.ioeventfd({ eventfd, addr: 0x10n, len: 1, flags: IoeventfdFlag.Pio });
    return { ...guest, eventfd };
  });
  return {
    pio: (count) => timed(() => portWrites(port(), count)),
    mmio: (count) => timed(() => deviceWrites(device(), count)),
    'read-registers': (count) => timed(() => readRegisters(synchronised(), count)),
    'change-registers': (count) => timed(() => changeRegisters(synchronised(), count)),
    coalesced: (count) => coalescedWrites(coalescing(), count),
    doorbell: (count) => doorbells(doorbell(), count),
    'check-extension': (count) => timed(() => checkExtension(port(), count)),
    'get-registers': (count) => timed(() => getRegisters(port(), count)),
    'set-registers': (count) => timed(() => setRegisters(port(), count)),
    'open-to-halt': (count) => timed(() => openToHalt(backend, count)),
    restore: restoreLoop(backend),
    'p99.9': (count) => slowestExits(port(), count),
    kick: kickLoop(backend),
    ...copyLoops(backend),
  };
}

/** A guest is created when its first loop runs, and is kept. */
function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

export function portWrites({ vcpu }: Guest, count: number): void {
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const exit = vcpu.run();
    if (exit.reason !== ExitReason.Io) unexpected(exit);
    sum += exit.io.port + exit.io.value;
  }
  sink[0] = sum;
}

function deviceWrites({ vcpu }: Guest, count: number): void {
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const exit = vcpu.run();
    if (exit.reason !== ExitReason.Mmio) unexpected(exit);
    sum += exit.mmio.address + exit.mmio.value32;
  }
  sink[0] = sum;
}

function readRegisters({ vcpu }: Guest, count: number): void {
  const { regs } = vcpu.syncRegs;
  let sum = 0n;
  for (let i = 0; i < count; i++) {
    const exit = vcpu.run();
    if (exit.reason !== ExitReason.Io) unexpected(exit);
    sum = BigInt.asUintN(
      64,
      regs.rax +
        regs.rbx +
        regs.rcx +
        regs.rdx +
        regs.rsi +
        regs.rdi +
        regs.rsp +
        regs.rbp +
        regs.r8 +
        regs.r9 +
        regs.r10 +
        regs.r11 +
        regs.r12 +
        regs.r13 +
        regs.r14 +
        regs.r15 +
        regs.rip +
        regs.rflags,
    );
  }
  sink[0] = Number(sum);
}

function changeRegisters({ vcpu }: Guest, count: number): void {
  const { syncRegs } = vcpu;
  const { regs } = syncRegs;
  for (let i = 0; i < count; i++) {
    const exit = vcpu.run();
    if (exit.reason !== ExitReason.Io) unexpected(exit);
    regs.rax = BigInt.asUintN(64, regs.rax + 1n);
    syncRegs.dirty = SyncRegs.Regs;
  }
}

/** The guest exits when the ring is full. Its writes wait in the ring. */
function coalescedWrites({ vcpu }: Guest, count: number): number {
  let sum = 0;
  const handle = (access: CoalescedAccess): void => {
    sum += access.address + access.value32;
  };
  let handled = 0;
  const time = timed(() => {
    while (handled < count) {
      const exit = vcpu.run();
      if (exit.reason !== ExitReason.Io) unexpected(exit);
      handled += vcpu.coalescedRing.drain(handle) + 1;
      sum += exit.io.port + exit.io.value;
    }
  });
  sink[0] = sum;
  return (time * count) / handled;
}

/** The guest rings a hundred times, then exits. */
function doorbells({ vcpu, eventfd }: Guest & { eventfd: EventFd }, count: number): number {
  let rung = 0;
  const time = timed(() => {
    while (rung < count) {
      const exit = vcpu.run();
      if (exit.reason !== ExitReason.Io) unexpected(exit);
      rung += Number(eventfd.read());
    }
  });
  return (time * count) / rung;
}

function checkExtension({ kvm }: Guest, count: number): void {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += kvm.checkExtension(Cap.UserMemory);
  sink[0] = sum;
}

function getRegisters({ vcpu }: Guest, count: number): void {
  const regs = new KvmRegs();
  let sum = 0n;
  for (let i = 0; i < count; i++) sum += vcpu.getRegs(regs).rip;
  sink[0] = Number(sum);
}

function setRegisters({ vcpu }: Guest, count: number): void {
  const regs = vcpu.getRegs();
  for (let i = 0; i < count; i++) vcpu.setRegs(regs);
}

function openToHalt(backend: BackendName, count: number): void {
  for (let i = 0; i < count; i++) {
    const guest = startGuest(backend, halts);
    const exit = guest.vcpu.run();
    if (exit.reason !== ExitReason.Hlt) unexpected(exit);
    stopGuest(guest);
  }
}

/** The time that one exit in a thousand exceeds, instead of the sum. */
function slowestExits({ vcpu }: Guest, count: number): number {
  const times = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    const exit = vcpu.run();
    if (exit.reason !== ExitReason.Io) unexpected(exit);
    times[i] = performance.now() - start;
  }
  return (times.sort()[Math.floor((count * 999) / 1000)] as number) * 1e6;
}
