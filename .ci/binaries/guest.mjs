// Runs a guest that adds, where @kvm/core is installed, and prints the result: {"backend":"native","sum":42}, or the
// code of the error.
import { ExitReason, Kvm, KvmError } from '@kvm/core';

function sum(kvm) {
  const vm = kvm.createVm();
  const memory = kvm.allocateMemory({ size: 4096 });
  memory.write(0, Uint8Array.of(0x00, 0xd8, 0xe6, 0x10)); // add al, bl; out 0x10, al
  vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memory });
  const vcpu = vm.createVcpu(0);
  const sregs = vcpu.getSregs();
  sregs.cs.assign({ base: 0n, selector: 0 });
  vcpu.setSregs(sregs);
  vcpu.setRegs({ rip: 0n, rax: 40n, rbx: 2n, rflags: 2n });
  let exit;
  do exit = vcpu.run();
  while (exit.reason === ExitReason.Intr);
  return exit.reason === ExitReason.Io ? exit.io.value : exit;
}

function result() {
  try {
    const kvm = Kvm.open({ backend: 'native' });
    return { backend: kvm.backendName, sum: sum(kvm) };
  } catch (error) {
    if (!(error instanceof KvmError)) throw error;
    return { code: error.code };
  }
}

process.stdout.write(`${JSON.stringify(result())}\n`);
