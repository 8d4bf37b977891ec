import * as abi from '../../abi/arm64/index.js';
import { mpStatePart } from '../../state/mp-state.js';
import { registerBytes, registersPart } from '../../state/one-regs.js';
import { ifPresent, type Part, structPart } from '../../state/parts.js';
import { broken } from '../../state/saved-state.js';
import type { GenericVcpu } from '../../vcpu/vcpu.js';

/** What the parts of a vCPU's state need of it. */
export interface VcpuStateSource {
  readonly vcpu: GenericVcpu & {
    getVcpuEvents(): abi.KvmVcpuEvents;
    setVcpuEvents(events: abi.KvmVcpuEvents): void;
    finalize(feature: abi.VcpuFeature): void;
  };
  /** What `init` gave it, in words; zeros before that. */
  readonly initWords: Uint32Array;
  readonly init: (argument: abi.KvmVcpuInit) => void;
}

/** The registers' lengths are part of their ids. */
const vectorLengths = abi.KVM_REG_ARM64_SVE_VLS;

/**
 * What a vCPU of arm64 is made of, in the order it has to be restored in. What it was initialised with says which registers there are, and
 * the vector lengths how long they are: they are fixed before any is set. Events come after what they interrupt, and whether
 * the vCPU runs at all comes last.
 */
export const vcpuStateParts: readonly Part<VcpuStateSource>[] = [
  structPart(
    'init',
    abi.KvmVcpuInit,
    ({ initWords }) => {
      const [target = 0, ...features] = initWords;
      if (initWords.every((word) => word === 0))
        throw broken('this vCPU was not initialised by init(), so nothing tells what it is');
      return abi.KvmVcpuInit.from({ target, features });
    },
    ({ init }, argument) => init(argument),
    ['init'],
  ),
  {
    name: 'vectorLengths',
    save({ vcpu, initWords }) {
      return hasSve(initWords) ? registerBytes(vcpu, vectorLengths, abi.KVM_REG_SIZE(vectorLengths)) : undefined;
    },
    restore({ vcpu }, bytes) {
      const size = abi.KVM_REG_SIZE(vectorLengths);
      if (bytes.length !== size) throw broken(`vectorLengths has ${bytes.length} bytes, and has to have ${size}`);
      const lengths = bytes.slice();
      return () => {
        vcpu.setOneReg(vectorLengths, lengths);
        vcpu.finalize(abi.VcpuFeature.Sve);
      };
    },
  },
  registersPart({
    vcpuOf: ({ vcpu }) => vcpu,
    sizeOf: abi.KVM_REG_SIZE,
    has: (id) => id !== vectorLengths,
    first: () => false,
  }),
  structPart(
    'vcpuEvents',
    abi.KvmVcpuEvents,
    ({ vcpu }) => ifPresent(() => vcpu.getVcpuEvents()),
    ({ vcpu }, events) => vcpu.setVcpuEvents(events),
  ),
  mpStatePart(({ vcpu }) => vcpu),
];

function hasSve(initWords: Uint32Array): boolean {
  const { Sve } = abi.VcpuFeature;
  return (((initWords[1 + Math.floor(Sve / 32)] ?? 0) >>> (Sve % 32)) & 1) === 1;
}
