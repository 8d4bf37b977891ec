import { constants } from 'node:os';
import * as abi from '../../../abi/x86/index.js';
import { mpStatePart } from '../../../state/mp-state.js';
import { registersPart } from '../../../state/one-regs.js';
import { ifPresent, type Part, structPart } from '../../../state/parts.js';
import { broken } from '../../../state/saved-state.js';
import type { X86VcpuCalls as Vcpu } from '../vcpu/calls.js';
import { missingFeatures } from './cpuid-fit.js';
import { checkWhole, joined, listed, split } from './elements.js';
import { readableMsrs, setMsrs, settable } from './msrs.js';
import { xenVcpuPart } from './xen-state.js';

const { EINVAL } = constants.errno;

/** What the parts of a vCPU's state need of it: its calls, and what /dev/kvm says of all. */
export interface VcpuStateSource {
  readonly vcpu: Vcpu;
  /** The MSRs of a guest on this host. */
  readonly msrIndices: () => Uint32Array;
  readonly supportedCpuid: () => Iterable<abi.KvmCpuidEntry2>;
  /** What `ask` gives, asked once for all that was made from one /dev/kvm. */
  readonly once: <T>(name: string, ask: () => T) => T;
  /** Bytes of the extended state, by Cap.Xsave2; 0 where 4096 hold it. */
  readonly xsaveSize: () => number;
  /** Whether the VM was configured for Xen. */
  readonly isXen: () => boolean;
}

/** Of newer kernels: what is no MSR of the guest's, as its shadow stack pointer. CPUID says which there are. */
const registers = registersPart<VcpuStateSource>({
  vcpuOf: ({ vcpu }) => vcpu,
  sizeOf: abi.KVM_REG_SIZE,
  has: () => true,
  first: () => false,
});

/**
 * What an x86 vCPU is made of, in the order it has to be restored in. CPUID says what registers there are, and EFER among the
 * sregs whether a nested guest can be; the APIC's base among them, whether the APIC can be; the APIC's mode, whether its deadline MSR
 * can be set. Events come after what they interrupt, and whether the vCPU runs at all comes last.
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
      if (bytes.length !== 4) throw broken(`tscKhz has ${bytes.length} bytes, and a frequency has 4`);
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
        throw broken(`xsave has ${bytes.length} bytes, and this host takes ${abi.KvmXsave.size} to ${size}`);
      }
      // What the saved vCPU had no room for is in its initial state, which zeros in the header say.
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

/** The local APIC's state, where that is the kernel's: else it says EINVAL. */
function lapicOf(vcpu: Vcpu): abi.KvmLapicState | undefined {
  return ifPresent(() => vcpu.getLapic(), EINVAL);
}

/** What the guest finds in CR8: where the APIC is not the kernel's, each run takes it from the run state, whatever was set before. */
function withCr8<S extends abi.KvmSregs | abi.KvmSregs2>(vcpu: Vcpu, sregs: S): S {
  if (lapicOf(vcpu) === undefined) sregs.cr8 = vcpu.kvmRun.cr8;
  return sregs;
}

/** Refuses a guest that was told of features which this host has not: it would find out in the middle of its work. */
function checkFeatures({ vcpu, supportedCpuid, once }: VcpuStateSource, told: Uint8Array): void {
  const supported = once('supported CPUID', () => joined(supportedCpuid()));
  if (missingFeatures(told, supported).length === 0) return;
  // Some hosts show a guest more than they say to support: what they make of that is what this one can have.
  const shown = once('CPUID as a guest sees it', () => {
    const before = vcpu.getCpuid2();
    vcpu.ioctl(abi.KVM_SET_CPUID2, listed(supported, abi.KvmCpuid2));
    const seen = joined(vcpu.getCpuid2());
    // What it had returns even where the state turns out not to fit.
    vcpu.setCpuid2(before);
    return seen;
  });
  const missing = missingFeatures(told, shown);
  if (missing.length > 0) throw broken(`cpuid names features that this host lacks: ${missing.join(', ')}`);
}

function wholeFlex<T>(least: number, bytes: Uint8Array, name: string, make: (copy: Uint8Array) => T): T {
  if (bytes.length < least) throw broken(`${name} has ${bytes.length} bytes, and has to have ${least} at least`);
  return make(bytes.slice());
}
