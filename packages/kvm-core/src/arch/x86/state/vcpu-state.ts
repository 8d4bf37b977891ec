import { constants } from 'node:os';
import * as abi from '../../../abi/x86/index.js';
import { mpStatePart } from '../../../state/mp-state.js';
import { registersPart } from '../../../state/one-regs.js';
import { ifPresent, type Part, structPart } from '../../../state/parts.js';
import { broken } from '../../../state/saved-state.js';
import type { X86VcpuCalls as Vcpu } from '../vcpu/calls.js';
import { featuresOf, missingFeatures } from './cpuid-fit.js';
import { checkWhole, joined, listed, split } from './elements.js';
import { readableMsrs, setMsrs, settable } from './msrs.js';
import { xenVcpuPart } from './xen-state.js';

const { EINVAL } = constants.errno;

/** What the parts of the state use: the calls of a vCPU, and what /dev/kvm reports for all vCPUs. */
export interface VcpuStateSource {
  readonly vcpu: Vcpu;
  /** The indices of the MSRs that guests have on this host. */
  readonly msrIndices: () => Uint32Array;
  readonly supportedCpuid: () => Iterable<abi.KvmCpuidEntry2>;
  /** The result of `ask`, cached for everything that was created from one /dev/kvm. */
  readonly once: <T>(name: string, ask: () => T) => T;
  /** Bytes of the extended state, from Cap.Xsave2; 0 if 4096 bytes are enough. */
  readonly xsaveSize: () => number;
  /** Whether the VM was configured for Xen. */
  readonly isXen: () => boolean;
}

/** Registers of newer kernels that are not MSRs, such as the shadow stack pointer. CPUID determines which exist. */
const registers = registersPart<VcpuStateSource>({
  vcpuOf: ({ vcpu }) => vcpu,
  sizeOf: abi.KVM_REG_SIZE,
  has: () => true,
  first: () => false,
});

/**
 * The parts of the state of an x86 vCPU, in the order of restoring. CPUID comes first, because it determines which
 * registers exist. The sregs come before the nested state, which needs EFER, and before the APIC, which needs its base.
 * The APIC comes before the MSRs, because its mode decides whether its deadline MSR can be set. Events come after the
 * registers that they interrupt. The MP state comes last.
 */
export const vcpuStateParts: readonly Part<VcpuStateSource>[] = [
  {
    name: 'cpuid',
    required: ['cpuid'],
    save: ({ vcpu }) => joined(vcpu.getCpuid2()),
    restore(saved, bytes) {
      const { vcpu } = saved;
      checkWhole(bytes, abi.KvmCpuidEntry2, 'cpuid');
      checkFeatures(saved, bytes);
      return () => vcpu.ioctl(abi.KVM_SET_CPUID2, listed(bytes, abi.KvmCpuid2));
    },
  },
  {
    name: 'tscKhz',
    save({ vcpu }) {
      const khz = ifPresent(() => vcpu.getTscKhz());
      return khz === undefined ? undefined : new Uint8Array(Uint32Array.of(khz).buffer);
    },
    restore({ vcpu }, bytes) {
      if (bytes.length !== 4) throw broken(`tscKhz has ${bytes.length} bytes, not 4`);
      const khz = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
      return () => {
        if (vcpu.getTscKhz() !== khz) vcpu.setTscKhz(khz);
      };
    },
  },
  structPart(
    'sregs',
    abi.KvmSregs,
    ({ vcpu }) => (ifPresent(() => vcpu.getSregs2()) === undefined ? withCr8(vcpu, vcpu.getSregs()) : undefined),
    ({ vcpu }, sregs) => {
      vcpu.setSregs(sregs);
      vcpu.kvmRun.cr8 = sregs.cr8;
    },
    ['sregs', 'sregs2'],
  ),
  structPart(
    'sregs2',
    abi.KvmSregs2,
    ({ vcpu }) => {
      const sregs = ifPresent(() => vcpu.getSregs2());
      return sregs && withCr8(vcpu, sregs);
    },
    ({ vcpu }, sregs) => {
      vcpu.setSregs2(sregs);
      vcpu.kvmRun.cr8 = sregs.cr8;
    },
  ),
  {
    name: 'nestedState',
    save({ vcpu }) {
      const state = ifPresent(() => vcpu.getNestedState());
      return state?.bytes.subarray(0, state.size);
    },
    restore({ vcpu }, bytes) {
      const state = wholeFlex(abi.KvmNestedState.size, bytes, 'nestedState', (copy) => abi.KvmNestedState.at(copy));
      return () => vcpu.setNestedState(state);
    },
  },
  structPart(
    'regs',
    abi.KvmRegs,
    ({ vcpu }) => vcpu.getRegs(),
    ({ vcpu }, regs) => vcpu.setRegs(regs),
    ['regs'],
  ),
  {
    name: 'xsave',
    save: ({ vcpu, xsaveSize }) => ifPresent(() => (xsaveSize() > 0 ? vcpu.getXsave2() : vcpu.getXsave())),
    restore({ vcpu, xsaveSize }, bytes) {
      const size = Math.max(xsaveSize(), abi.KvmXsave.size);
      if (bytes.length < abi.KvmXsave.size || bytes.length > size) {
        throw broken(`xsave has ${bytes.length} bytes, but this host takes ${abi.KvmXsave.size} to ${size}`);
      }
      // Zeros in the header put the states beyond the saved bytes into their initial state.
      const room = new Uint8Array(size);
      room.set(bytes);
      return () => vcpu.setXsave(abi.KvmXsave.at(room));
    },
  },
  structPart(
    'xcrs',
    abi.KvmXcrs,
    ({ vcpu }) => ifPresent(() => vcpu.getXcrs()),
    ({ vcpu }, xcrs) => vcpu.setXcrs(xcrs),
  ),
  structPart(
    'debugRegs',
    abi.KvmDebugRegs,
    ({ vcpu }) => ifPresent(() => vcpu.getDebugRegs()),
    ({ vcpu }, registers) => vcpu.setDebugRegs(registers),
  ),
  structPart(
    'lapic',
    abi.KvmLapicState,
    ({ vcpu }) => lapicOf(vcpu),
    ({ vcpu }, lapic) => vcpu.setLapic(lapic),
  ),
  {
    name: 'msrs',
    required: ['msrs'],
    save: ({ vcpu, msrIndices, isXen }) => joined(settable(readableMsrs(vcpu, msrIndices()), isXen())),
    restore({ vcpu, isXen }, bytes) {
      checkWhole(bytes, abi.KvmMsrEntry, 'msrs');
      return () => setMsrs(vcpu, isXen() ? joined(settable(split(bytes, abi.KvmMsrEntry, 'msrs'), true)) : bytes);
    },
  },
  {
    name: registers.name,
    save(object) {
      const bytes = ifPresent(() => registers.save(object) as Uint8Array);
      return bytes?.length === 0 ? undefined : bytes;
    },
    restore: registers.restore,
  },
  xenVcpuPart,
  structPart(
    'vcpuEvents',
    abi.KvmVcpuEvents,
    ({ vcpu }) => ifPresent(() => vcpu.getVcpuEvents()),
    ({ vcpu }, events) => vcpu.setVcpuEvents(events),
  ),
  mpStatePart(({ vcpu }) => vcpu),
];

/** The state of the local APIC. The kernel returns EINVAL if it does not emulate it. */
function lapicOf(vcpu: Vcpu): abi.KvmLapicState | undefined {
  return ifPresent(() => vcpu.getLapic(), EINVAL);
}

/** Sets CR8 to the guest's value: if the kernel does not emulate the APIC, each run takes CR8 from the run state. */
function withCr8<S extends abi.KvmSregs | abi.KvmSregs2>(vcpu: Vcpu, sregs: S): S {
  if (lapicOf(vcpu) === undefined) sregs.cr8 = vcpu.kvmRun.cr8;
  return sregs;
}

/** Refuses a guest that has seen features which this host lacks: it would fail later, while it runs. */
function checkFeatures({ vcpu, supportedCpuid, once }: VcpuStateSource, cpuid: Uint8Array): void {
  const wanted = featuresOf(cpuid);
  const supported = once('supported features', () => featuresOf(joined(supportedCpuid())));
  if (missingFeatures(wanted, supported).length === 0) return;
  // Some hosts show a guest more than the supported CPUID. So set that, and read back what a guest sees.
  const shown = once('features as a guest sees them', () => {
    const before = vcpu.getCpuid2();
    vcpu.ioctl(abi.KVM_SET_CPUID2, listed(joined(supportedCpuid()), abi.KvmCpuid2));
    const seen = featuresOf(joined(vcpu.getCpuid2()));
    // The vCPU must get its own CPUID back even if the state does not fit.
    vcpu.setCpuid2(before);
    return seen;
  });
  const missing = missingFeatures(wanted, shown);
  if (missing.length > 0) throw broken(`cpuid names features that this host lacks: ${missing.join(', ')}`);
}

function wholeFlex<T>(least: number, bytes: Uint8Array, name: string, make: (copy: Uint8Array) => T): T {
  if (bytes.length < least) throw broken(`${name} has ${bytes.length} bytes, but needs at least ${least}`);
  return make(bytes.slice());
}
