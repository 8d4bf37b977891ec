/**
 * A VM of one vCPU and 64 KiB, ready to run code on the architecture of this host. In plain JavaScript, so that
 * Workers, which run the built package, start their guests like the tests.
 */

/** Where the code of a guest lies. */
export const codeAddress = 0x1000;

const entry = BigInt(codeAddress);

const prepare = {
  x64({ vcpu }) {
    const sregs = vcpu.getSregs();
    for (const segment of [sregs.cs, sregs.ds, sregs.es, sregs.ss]) segment.assign({ base: 0n, selector: 0 });
    vcpu.setSregs(sregs);
    vcpu.setRegs({ rip: entry, rsp: 0x8000n, rflags: 2n });
  },
  arm64({ vm, vcpu }, { VcpuFeature }) {
    vcpu.init({ target: vm.preferredTarget().target, features: [VcpuFeature.Psci0_2] });
    vcpu.setCoreReg('pc', entry);
  },
  riscv64({ vcpu }) {
    vcpu.setCoreReg('pc', entry);
  },
  ppc64({ vcpu }, { Cap, KVM_GET_REGS, KVM_SET_REGS, KvmRegs }) {
    // With a hardware hypervisor a guest must be a PAPR guest.
    vcpu.enableCap(Cap.PpcPapr);
    const regs = new KvmRegs();
    vcpu.ioctl(KVM_GET_REGS, regs);
    // MSR: 64 bits wide, little-endian, without translation.
    regs.assign({ pc: entry, msr: (1n << 63n) | 1n });
    vcpu.ioctl(KVM_SET_REGS, regs);
  },
};

/**
 * @param core the package: its entry for this architecture.
 * @param prepareVm what the VM needs before its first vCPU.
 */
export function startGuest(core, backend, code, prepareVm = () => {}) {
  const kvm = core.Kvm.open({ backend });
  const vm = kvm.createVm();
  const memory = kvm.allocateMemory({ size: 0x10000 });
  memory.write(codeAddress, code);
  vm.setUserMemoryRegion({ slot: 0, guestPhysAddr: 0n, memory });
  prepareVm(vm);
  const vcpu = vm.createVcpu(0);
  prepare[process.arch]({ vm, vcpu }, core);
  const close = () => {
    for (const object of [vcpu, memory, vm, kvm]) object.close();
  };
  return { kvm, vm, vcpu, memory, close, [Symbol.dispose]: close };
}
