import * as abi from '../../abi/arm64/index.js';
import { mpStatePart } from '../../state/mp-state.js';
import { registerBytes, registersPart } from '../../state/one-regs.js';
import { ifPresent, type Part, structPart } from '../../state/parts.js';
import { broken } from '../../state/saved-state.js';
import type { GenericVcpu } from '../../vcpu/vcpu.js';

/** What the parts of the state use to read and set a vCPU. */
export interface VcpuStateSource {
  readonly vcpu: GenericVcpu & {
    getVcpuEvents(): abi.KvmVcpuEvents;
    setVcpuEvents(events: abi.KvmVcpuEvents): void;
    finalize(feature: abi.VcpuFeature): void;
  };
  /** The argument of `init`, in words; zeros before `init`. */
  readonly initWords: Uint32Array;
  readonly init: (argument: abi.KvmVcpuInit) => void;
}

/** The vector lengths, a pseudo-register. They determine which registers the vCPU has. */
const vectorLengths = abi.KVM_REG_ARM64_SVE_VLS;

/**
 * The parts of the state of an arm64 vCPU, in the order of restoring. `init` and the vector lengths come first, because
 * they determine which registers there are and how long they are. Events come after the registers that they interrupt.
 * The MP state comes last.
 */
export const vcpuStateParts: readonly Part<VcpuStateSource>[] = [
  structPart(
    'init',
    abi.KvmVcpuInit,
    ({ initWords }) => {
      const [target = 0, ...features] = initWords;
      if (initWords.every((word) => word === 0))
        throw broken('this vCPU was not initialised by init(), so its target and features are unknown');
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
      if (bytes.length !== size) throw broken(`vectorLengths has ${bytes.length} bytes, not ${size}`);
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
