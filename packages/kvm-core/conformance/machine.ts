import { expect } from 'vitest';
import { enterMode, type Mode } from '../src/arch/x86/index.js';
import {
  type BackendName,
  capName,
  type Exit,
  ExitReason,
  exitReasonName,
  type GuestMemory,
  Kvm,
  type KvmRegs,
  type StructInit,
  type Vcpu,
  type Vm,
} from '../src/index.js';
import { exitOf } from '../test/run.js';

/** A VM with one vCPU, about to run a case's guest, and memory from guest-physical address 0 on. */
export interface Machine extends Disposable {
  readonly kvm: Kvm;
  readonly vm: Vm;
  readonly vcpu: Vcpu;
  readonly memory: GuestMemory;
}

export interface Setup {
  /** Set-up before the vCPU is created: an interrupt controller, capabilities. */
  readonly before?: (vm: Vm, kvm: Kvm) => void;
  /** The initial registers that are not 0. */
  readonly regs?: StructInit<KvmRegs>;
}

/** The guest's entry point. Below it is room for its output, from 0x2000 on data and the stack. */
export const entry = 0x1000n;
const stackTop = 0x1_0000n;
const tables = 0x3_0000n;

/** The guest-physical end of memory. */
export const memorySize = 0x4_0000;

/** A machine in a mode with identity-mapped addresses, ready to run `code`. */
export function machine(backend: BackendName, mode: Mode, code: Uint8Array, setup: Setup = {}): Machine {
  const kvm = Kvm.open({ backend });
  const vm = kvm.createVm();
  const memory = kvm.allocateMemory({ size: memorySize });
  memory.write(Number(entry), code);
  vm.mapMemory(memory, 0n);
  setup.before?.(vm, kvm);
  const vcpu = vm.createVcpu(0);
  // On some hosts a processor without long mode in CPUID cannot enter it.
  vcpu.setCpuid2(kvm.getSupportedCpuid());
  enterMode(vcpu, mode, { memory, entry, stackTop, tables });
  changeRegs(vcpu, setup.regs ?? {});
  return {
    kvm,
    vm,
    vcpu,
    memory,
    [Symbol.dispose]() {
      for (const object of [vcpu, memory, vm, kvm]) object.close();
    },
  };
}

/** Sets some general-purpose registers; the others stay. */
export function changeRegs(vcpu: Vcpu, some: StructInit<KvmRegs>): void {
  const regs = vcpu.getRegs();
  regs.assign(some);
  vcpu.setRegs(regs);
}

/** Runs a guest that may never exit. After the given milliseconds it is interrupted, and the exit is an Intr. */
export function runFor(vcpu: Vcpu, milliseconds: number): Exit {
  return vcpu.run({ deadline: performance.now() + milliseconds });
}

/** A guest that has not exited after this many milliseconds never does. */
const patience = 30_000;

/** Runs the guest to its next exit, which must be of this reason. */
export function runTo<R extends Exit['reason']>(vcpu: Vcpu, reason: R): Extract<Exit, { readonly reason: R }> {
  const isInterrupt = reason === ExitReason.Intr;
  const exit = isInterrupt ? runFor(vcpu, patience) : exitOf(vcpu, performance.now() + patience);
  if (exit.reason !== reason) {
    const [actual, expected] = [exit.reason, reason].map(exitReasonName);
    throw new Error(`unexpected exit ${actual}, expected ${expected}: ${JSON.stringify(exit)}`);
  }
  return exit as Extract<Exit, { readonly reason: R }>;
}

/** The part of a test context that skips a case. */
export interface Skipping {
  skip(reason: string): never;
}

/** Skips a case on a host that lacks a capability. */
export function needs(context: Skipping, asked: Kvm | Vm, ...caps: readonly number[]): void {
  for (const cap of caps) {
    if (asked.checkExtension(cap) <= 0) missing(context, `the host lacks ${capName(cap)}`);
  }
}

/** Skips a case, and prints what is missing. */
export function missing(context: Skipping, reason: string): never {
  process.stdout.write(`${expect.getState().currentTestName}: skipped, ${reason}\n`);
  return context.skip(reason);
}
