import { Kvm } from '../dist/index.js';

/**
 * Creates and closes VMs with a vCPU each in one turn of the event loop, and prints how many bytes outside of the
 * engine's heap belong to views after garbage collection. Arguments: the backend, the number of VMs.
 */

const [, , backend, count] = process.argv;
const kvm = Kvm.open({ backend });

function cycle() {
  const vm = kvm.createVm();
  const vcpu = vm.createVcpu(0);
  vcpu.kvmRun.immediateExit = 1;
  vcpu.run();
  vcpu.close();
  vm.close();
}

const external = () => {
  globalThis.gc();
  globalThis.gc();
  return process.memoryUsage().external;
};

cycle();
const before = external();
for (let i = 0; i < Number(count); i++) cycle();
process.stdout.write(JSON.stringify(external() - before));
