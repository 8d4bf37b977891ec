import { type BackendName, Cap, ExitReason, KvmRegs } from '@kvm/core';
import { copyLoops } from './copies.js';
import { type Guest, halts, startGuest, stopGuest, unexpected, writesDevice, writesPort } from './guest.js';
import { kickLoop } from './kick.js';

/** Does its work so many times, and gives the nanoseconds it took. */
export type Loop = (count: number) => number | Promise<number>;

/** What the loops read goes here, or the compiler might leave it out. */
export const sink = new Float64Array(1);

/** The nanoseconds that a call takes. */
export function timed(work: () => void): number {
  const start = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - start);
}

export function loopsOf(backend: BackendName): Readonly<Record<string, Loop>> {
  const port = once(() => startGuest(backend, writesPort));
  const device = once(() => startGuest(backend, writesDevice));
  return {
    pio: (count) => timed(() => portWrites(port(), count)),
    mmio: (count) => timed(() => deviceWrites(device(), count)),
    'check-extension': (count) => timed(() => checkExtension(port(), count)),
    'get-registers': (count) => timed(() => getRegisters(port(), count)),
    'set-registers': (count) => timed(() => setRegisters(port(), count)),
    'open-to-halt': (count) => timed(() => openToHalt(backend, count)),
    'p99.9': (count) => slowestExits(port(), count),
    kick: kickLoop(backend),
    ...copyLoops(backend),
  };
}

/** A guest is made when its first loop runs, and stays. */
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

/** Not the sum: the time that one exit in a thousand exceeds. */
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
