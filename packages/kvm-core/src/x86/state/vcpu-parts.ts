import { constants } from 'node:os';
import * as abi from '../../abi/x86/index.js';
import { mpStatePart } from '../../state/mp-state.js';
import { ifPresent, type Part, structPart } from '../../state/parts.js';
import { broken } from '../../state/saved-state.js';
import type { Struct, StructType } from '../../struct/struct.js';
import type { X86VcpuInterrupts } from '../vcpu/interrupts.js';
import { missingFeatures } from './cpuid-fit.js';

const { EINVAL } = constants.errno;

/** What the parts of a vCPU's state need of it: its calls, and what /dev/kvm says of all. */
export interface SavedVcpu {
  readonly vcpu: X86VcpuInterrupts;
  /** The MSRs of a guest on this host. */
  readonly msrIndices: () => Uint32Array;
  readonly supportedCpuid: () => Iterable<abi.KvmCpuidEntry2>;
  /** Bytes of the extended state, by Cap.Xsave2; 0 where 4096 hold it. */
  readonly xsaveSize: () => number;
}

/**
 * What an x86 vCPU is made of, in the order it has to be restored in. CPUID says what registers there are, and EFER among the
 * sregs whether a nested guest can be; the APIC's base among them, whether the APIC can be; the APIC's mode, whether its deadline MSR
 * can be set. Events come after what they interrupt, and whether the vCPU runs at all comes last.
 */
export const vcpuParts: readonly Part<SavedVcpu>[] = [
  {
    name: 'cpuid',
    save: ({ vcpu }) => joined(vcpu.getCpuid2()),
    restore({ vcpu, supportedCpuid }, bytes) {
      const entries = split(bytes, abi.KvmCpuidEntry2, 'cpuid');
      checkFeatures(vcpu, entries, [...supportedCpuid()]);
      return () => vcpu.setCpuid2(entries);
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
  {
    ...structPart<SavedVcpu, abi.KvmSregs>(
      'sregs',
      abi.KvmSregs,
      ({ vcpu }) => (ifPresent(() => vcpu.getSregs2()) === undefined ? vcpu.getSregs() : undefined),
      ({ vcpu }, sregs) => vcpu.setSregs(sregs),
    ),
  },
  structPart(
    'sregs2',
    abi.KvmSregs2,
    ({ vcpu }) => ifPresent(() => vcpu.getSregs2()),
    ({ vcpu }, sregs) => vcpu.setSregs2(sregs),
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
    // EINVAL: the APIC is not the kernel's.
    ({ vcpu }) => ifPresent(() => vcpu.getLapic(), EINVAL),
    ({ vcpu }, lapic) => vcpu.setLapic(lapic),
  ),
  {
    name: 'msrs',
    save: ({ vcpu, msrIndices }) => joined(readableMsrs(vcpu, msrIndices())),
    restore({ vcpu }, bytes) {
      const msrs = split(bytes, abi.KvmMsrEntry, 'msrs');
      return () => setMsrs(vcpu, msrs);
    },
  },
  structPart(
    'vcpuEvents',
    abi.KvmVcpuEvents,
    ({ vcpu }) => ifPresent(() => vcpu.getVcpuEvents()),
    ({ vcpu }, events) => vcpu.setVcpuEvents(events),
  ),
  mpStatePart(({ vcpu }) => vcpu),
];

/** Refuses a guest that was told of features which this host has not: it would find out in the middle of its work. */
function checkFeatures(
  vcpu: X86VcpuInterrupts,
  told: readonly abi.KvmCpuidEntry2[],
  supported: readonly abi.KvmCpuidEntry2[],
): void {
  if (missingFeatures(told, supported).length === 0) return;
  // Some hosts show a guest more than they say to support: what they make of that is what this one can have.
  const before = [...vcpu.getCpuid2()];
  vcpu.setCpuid2(supported);
  const shown = [...vcpu.getCpuid2()];
  vcpu.setCpuid2(before);
  const missing = missingFeatures(told, shown);
  if (missing.length > 0) throw broken(`cpuid names features that this host lacks: ${missing.join(', ')}`);
}

/** The MSRs that can be read: the kernel stops at one that cannot, as it lists some that this vCPU's CPUID hides. */
function readableMsrs(vcpu: X86VcpuInterrupts, indices: Uint32Array): abi.KvmMsrEntry[] {
  const read: abi.KvmMsrEntry[] = [];
  for (let at = 0; at < indices.length; at++) {
    // 256 at a time is what the kernel takes.
    const entries = vcpu.getMsrs(indices.subarray(at, at + 256));
    read.push(...entries);
    at += entries.length === 256 ? 255 : entries.length;
  }
  return read;
}

/** Sets the MSRs; one that cannot be set is passed over if it already says the right thing. */
function setMsrs(vcpu: X86VcpuInterrupts, msrs: readonly abi.KvmMsrEntry[]): void {
  for (let at = 0; at < msrs.length; ) {
    const some = msrs.slice(at, at + 256);
    const set = vcpu.setMsrs(some);
    at += set;
    const refused = some[set];
    if (refused === undefined) continue;
    const { index, data } = refused;
    const [now] = vcpu.getMsrs([index]);
    if (now?.data !== data) {
      throw broken(`MSR 0x${index.toString(16)} cannot be set to 0x${data.toString(16)} here`);
    }
    at++;
  }
}

function joined(elements: Iterable<Struct>): Uint8Array {
  return Buffer.concat([...elements].map(({ bytes }) => bytes));
}

function split<T extends Struct>(bytes: Uint8Array, type: StructType<T>, name: string): T[] {
  const { size, cName } = type;
  if (bytes.length % size !== 0) {
    throw broken(`${name} has ${bytes.length} bytes, which is no whole number of struct ${cName}`);
  }
  const { buffer } = new Uint8Array(bytes);
  return Array.from({ length: bytes.length / size }, (_, i) => new type({ buffer, byteOffset: i * size }));
}

function wholeFlex<T>(least: number, bytes: Uint8Array, name: string, make: (copy: Uint8Array) => T): T {
  if (bytes.length < least) throw broken(`${name} has ${bytes.length} bytes, and has to have ${least} at least`);
  return make(bytes.slice());
}
