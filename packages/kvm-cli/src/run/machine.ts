import { type GuestMemory, Kvm, type Vcpu, type Vm } from '@kvm/core';
import {
  bootFlat,
  Challenge,
  challengeAddress,
  challengeLength,
  com1,
  DebugExit,
  debugExitPort,
  MmioBus,
  mapRam,
  PioBus,
  reserveHostPages,
  type Uart,
  uartPorts,
} from '@kvm/vmm';
import type { VcpuTask } from './protocol.js';

/** The machine that kvm-cli gives a guest: one vCPU, memory, COM1, the debug-exit port, and the demo's device for the demo. */
export interface Machine extends Disposable {
  readonly kvm: Kvm;
  readonly vcpu: Vcpu;
  readonly pio: PioBus;
  readonly mmio: MmioBus;
  readonly debugExit: DebugExit;
  readonly challenge: Challenge | undefined;
}

/** Makes it, with the guest in memory and the vCPU in front of its entry. What was made goes again when something fails. */
export function createMachine(task: VcpuTask, uart: Uart): Machine {
  const { backend, device: path, memorySize, image, plan } = task;
  const made: Disposable[] = [];
  const keep = <T extends Disposable>(each: T): T => {
    made.unshift(each);
    return each;
  };
  const dispose = (): void => {
    for (const each of made) each[Symbol.dispose]();
  };
  try {
    const kvm = keep(Kvm.open({ path, ...(backend === undefined ? {} : { backend }) }));
    const vm: Vm = keep(kvm.createVm());
    const memory: GuestMemory = keep(kvm.allocateMemory({ size: memorySize }));
    reserveHostPages(kvm, vm);
    mapRam(vm, memory);
    const vcpu = keep(vm.createVcpu(0));
    vcpu.setCpuid2(kvm.getSupportedCpuid());
    bootFlat(vcpu, memory, image, plan);
    return { kvm, vcpu, ...devices(task, uart), [Symbol.dispose]: dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

function devices(task: VcpuTask, uart: Uart): Pick<Machine, 'pio' | 'mmio' | 'debugExit' | 'challenge'> {
  const pio = new PioBus();
  const mmio = new MmioBus();
  const debugExit = new DebugExit();
  pio.attach(com1, uartPorts, uart);
  pio.attach(debugExitPort, 1, debugExit);
  const challenge = task.challenge && new Challenge(task.challenge.a, task.challenge.b);
  if (challenge !== undefined) mmio.attach(challengeAddress, challengeLength, challenge);
  return { pio, mmio, debugExit, challenge };
}
