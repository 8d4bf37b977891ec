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

/** What Xen keeps of an object: attributes that can be read and set again. */
interface XenAttributes<O, A extends XenAttribute> {
  readonly struct: StructType<A>;
  /** Their types, in the order they have to be set in. What carries an address of this process is not among them. */
  readonly types: readonly number[];
  /** The value that one has before it is set. */
  readonly initial: (type: number) => bigint;
  /** Whether the VM is configured for Xen. */
  readonly isXen: (object: O) => boolean;
  readonly get: (object: O, type: number) => A;
  readonly set: (object: O, attribute: A) => void;
}

/** As a place in the guest's memory: all ones. */
const nowhere = 0xffff_ffff_ffff_ffffn;

/** The attributes that have been set, one after the other. */
function xenPart<O, A extends XenAttribute>(attributes: XenAttributes<O, A>): Part<O> {
  const { struct, types, initial, isXen, get, set } = attributes;
  return {
    name: 'xen',
    save(object) {
      if (!isXen(object)) return undefined;
      // The errors: the kernel does not know the attribute, or lacks what it is about.
      const known = types.flatMap((type) => ifPresent(() => get(object, type), ENOENT, EOPNOTSUPP) ?? []);
      return joined(known.filter(({ type, u }) => u.pad.some((word, i) => word !== (i === 0 ? initial(type) : 0n))));
    },
    restore(object, bytes) {
      const all = split(bytes, struct, 'xen');
      const strange = all.find(({ type }) => !types.includes(type));
      if (strange !== undefined) throw broken(`xen has the attribute ${strange.type}, which no state has`);
      if (!isXen(object)) throw broken('this guest was made for Xen: call setXenHvmConfig before restore');
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

/** How wide the guest is says what the others mean, those of its vCPUs among them. */
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

/** As the number of a vCPU: it has none yet, and gets one when it first runs. */
const unnumbered = 0xffff_ffffn;

const places: readonly number[] = [
  XenVcpuAttrType.VcpuInfo,
  XenVcpuAttrType.VcpuTimeInfo,
  XenVcpuAttrType.RunstateAddr,
];

/** The times of the run state are there before the guest is shown them. A timer is one of the guest's clock, which is the VM's. */
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
