import { constants } from 'node:os';
import * as abi from '../../../abi/x86/index.js';
import { ifPresent, type Part } from '../../../state/parts.js';
import { broken } from '../../../state/saved-state.js';
import type { Struct, StructType } from '../../../struct/struct.js';
import type { X86VcpuCalls as Vcpu } from '../vcpu/calls.js';
import { joined, split } from './elements.js';

const { ENOENT, EOPNOTSUPP } = constants.errno;
const { XenAttrType, XenVcpuAttrType } = abi;

interface XenAttribute extends Struct {
  readonly type: number;
  readonly u: { readonly pad: BigUint64Array };
}

/** The Xen attributes of an object that can be read and set again. */
interface XenAttributes<O, A extends XenAttribute> {
  readonly struct: StructType<A>;
  /** Their types, in the order of setting, without those that contain an address of this process. */
  readonly types: readonly number[];
  /** The value of an attribute before it is set. */
  readonly initial: (type: number) => bigint;
  /** Whether the VM is configured for Xen. */
  readonly isXen: (object: O) => boolean;
  readonly get: (object: O, type: number) => A;
  readonly set: (object: O, attribute: A) => void;
}

/** The guest address of something that has not been placed: all ones. */
const nowhere = 0xffff_ffff_ffff_ffffn;

/** The part with the attributes that have been set, as consecutive structs. */
function xenPart<O, A extends XenAttribute>(attributes: XenAttributes<O, A>): Part<O> {
  const { struct, types, initial, isXen, get, set } = attributes;
  return {
    name: 'xen',
    save(object) {
      if (!isXen(object)) return undefined;
      // ENOENT: the kernel does not know the attribute. EOPNOTSUPP: it lacks the feature.
      const known = types.flatMap((type) => ifPresent(() => get(object, type), ENOENT, EOPNOTSUPP) ?? []);
      return joined(known.filter(({ type, u }) => u.pad.some((word, i) => word !== (i === 0 ? initial(type) : 0n))));
    },
    restore(object, bytes) {
      const all = split(bytes, struct, 'xen');
      const strange = all.find(({ type }) => !types.includes(type));
      if (strange !== undefined) throw broken(`xen has the attribute ${strange.type}, which is not part of a state`);
      if (!isXen(object)) throw broken('this state is of a Xen guest: call setXenHvmConfig before restore');
      const ordered = types.flatMap((type) => all.filter((each) => each.type === type));
      return () => {
        for (const attribute of ordered) set(object, attribute);
      };
    },
  };
}

/** An x86 VM, and whether the program has configured it for Xen. */
export interface SavedXenVm {
  readonly vm: {
    getXenHvmAttr(type: number): abi.KvmXenHvmAttr;
    setXenHvmAttr(attribute: abi.KvmXenHvmAttr): void;
  };
  readonly isXen: () => boolean;
}

/** LongMode comes first, because it determines the meaning of the other attributes, also of those of vCPUs. */
export const xenVmPart: Part<SavedXenVm> = xenPart({
  struct: abi.KvmXenHvmAttr,
  types: [
    XenAttrType.LongMode,
    XenAttrType.RunstateUpdateFlag,
    XenAttrType.XenVersion,
    XenAttrType.UpcallVector,
    XenAttrType.SharedInfo,
  ],
  initial: (type) => (type === XenAttrType.SharedInfo ? nowhere : 0n),
  isXen: ({ isXen }) => isXen(),
  get: ({ vm }, type) => vm.getXenHvmAttr(type),
  set: ({ vm }, attribute) => vm.setXenHvmAttr(attribute),
});

/** An x86 vCPU, and whether the program has configured its VM for Xen. */
export interface SavedXenVcpu {
  readonly vcpu: Vcpu;
  readonly isXen: () => boolean;
}

/** The Xen id of a vCPU that does not have one yet. It gets one at its first run. */
const unnumbered = 0xffff_ffffn;

const places: readonly number[] = [
  XenVcpuAttrType.VcpuInfo,
  XenVcpuAttrType.VcpuTimeInfo,
  XenVcpuAttrType.RunstateAddr,
];

/**
 * RunstateData comes before RunstateAddr, which shows it to the guest. The timer uses the VM's clock, restored earlier.
 */
export const xenVcpuPart: Part<SavedXenVcpu> = xenPart({
  struct: abi.KvmXenVcpuAttr,
  types: [
    XenVcpuAttrType.VcpuId,
    XenVcpuAttrType.VcpuInfo,
    XenVcpuAttrType.VcpuTimeInfo,
    XenVcpuAttrType.RunstateData,
    XenVcpuAttrType.RunstateAddr,
    XenVcpuAttrType.UpcallVector,
    XenVcpuAttrType.Timer,
  ],
  initial: (type) => (type === XenVcpuAttrType.VcpuId ? unnumbered : places.includes(type) ? nowhere : 0n),
  isXen: ({ isXen }) => isXen(),
  get: ({ vcpu }, type) => vcpu.getXenVcpuAttr(type),
  set: ({ vcpu }, attribute) => vcpu.setXenVcpuAttr(attribute),
});
