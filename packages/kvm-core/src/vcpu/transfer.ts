import type { Architecture } from '../arch/architecture.js';
import type { Backend } from '../backend/backend.js';
import { KvmError } from '../errors/kvm-error.js';
import { Claim, State } from '../ioctl/claim.js';
import type { Descriptor } from '../ioctl/descriptor.js';
import { notShared, seal, unseal } from '../ioctl/seal.js';
import { openVm, type SharedVm, shareVm } from '../ioctl/shared-vm.js';
import { systemCall } from '../ioctl/system-call.js';
import { objectOf } from '../struct/check.js';
import { kickWordsOf } from './kick.js';
import type { VcpuResources } from './resources.js';
import { adoptResources, initWordCount } from './resources.js';

/** A vCPU on its way to another thread, as `postMessage` carries it: `Vcpu.from` makes one of it there, once. */
export interface TransferredVcpu {
  readonly vm: SharedVm;
  /** Numbers, and a seal over them and where the others are. */
  readonly words: BigInt64Array;
  /** Those that kick it. */
  readonly kickWords: Int32Array;
}

/** What the words of a vCPU hold, in their order; after them, what it was told. */
const members = [
  'fd',
  'vmFd',
  'id',
  'hasRun',
  'address',
  'length',
  'ringAddress',
  'ringLength',
  'vmMark',
  'claimPool',
  'claimIndex',
  'claimMark',
] as const;
type Members = Record<(typeof members)[number], number>;

/** A handle of a vCPU that is one, in the thread that reads or made it: its claim, and how to make the parts of it. */
export interface OfferedVcpu {
  readonly claim: Claim;
  /** Of its VM. */
  readonly vmMark: number;
  take(): VcpuResources;
}

/**
 * The handle for a vCPU that its thread gives away, whose descriptors are the handle's from now on, and the same for this thread alone:
 * who gets the handle may write to it.
 */
export function offerVcpu(
  parts: VcpuResources,
  hasRun: boolean,
  parent: Descriptor,
): { handle: TransferredVcpu; offered: OfferedVcpu } {
  const { descriptor, id, state, kickState, dirtyRing, timer, initWords } = parts;
  const { arch, backend, fd } = descriptor;
  if (descriptor.held.size > 0) {
    throw new KvmError('ERR_KVM_UNSAFE', 'this vCPU has addresses of memory that only this thread keeps', {
      hint: [...descriptor.held.keys()].join(', '),
    });
  }
  const vm = shareVm(parent);
  const kickWords = kickState.words;
  const vmFd = systemCall('duplicating the descriptor of a VM', backend.duplicate(parent.fd));
  const claim = Claim.make(backend, State.Offered);
  const [claimPool, claimIndex, claimMark] = claim.numbers;
  const all: Members = {
    fd,
    vmFd,
    id,
    hasRun: hasRun ? 1 : 0,
    address: state.address,
    length: state.length,
    ringAddress: dirtyRing?.address ?? 0,
    ringLength: dirtyRing?.length ?? 0,
    vmMark: parent.vm?.mark ?? 0,
    claimPool,
    claimIndex,
    claimMark,
  };
  let handle: TransferredVcpu;
  let offered: OfferedVcpu;
  try {
    const words = seal(backend, kindOf(backend, kickWords), [...members.map((name) => all[name]), ...initWords]);
    handle = { vm, words, kickWords };
    offered = openVcpu(arch, handle);
  } catch (error) {
    claim.end();
    backend.close(vmFd);
    throw error;
  }
  // There is a moment when both claims stand: a thread that ends in it has not let the new one out.
  parts.claim?.end();
  timer.close();
  kickState.unbind();
  descriptor.abandon();
  return { handle, offered };
}

function openVcpu(arch: Architecture, handle: TransferredVcpu): OfferedVcpu {
  const { vm, words, kickWords } = objectOf(handle, 'what vcpu.transfer gave');
  const { backend, mark, make } = openVm(arch, vm);
  const own = kickWordsOf(kickWords);
  if (own === undefined) throw notShared('vcpu.transfer()');
  const numbers = unseal(backend, kindOf(backend, own), words, members.length + initWordCount);
  if (numbers === undefined) throw notShared('vcpu.transfer()');
  const known = Object.fromEntries(members.map((name, i) => [name, numbers[i]])) as Members;
  const { fd, vmFd, id, hasRun, address, length, ringAddress, ringLength, vmMark } = known;
  // With the slots of another VM, this thread would keep other pages than the guest's.
  if (vmMark !== mark) throw notShared('vcpu.transfer()');
  const claim = Claim.of(backend, [known.claimPool, known.claimIndex, known.claimMark]);
  const take = (): VcpuResources => {
    const parent = make(vmFd);
    try {
      const parts = adoptResources(parent, {
        fd,
        id,
        address,
        length,
        kickWords: own,
        dirtyRing: ringLength === 0 ? undefined : { address: ringAddress, length: ringLength },
        hasRun: hasRun === 1,
        initWords: Uint32Array.from(numbers.slice(members.length)),
        claim,
      });
      // The vCPU is what has the VM now.
      parent.release();
      return parts;
    } catch (error) {
      parent.abandon();
      throw error;
    }
  };
  return { claim, vmMark, take };
}

/** What a vCPU is sealed with: by the words of another, it could not be kicked. */
function kindOf(backend: Backend, kickWords: Int32Array): string {
  return `vcpu;${backend.name};${backend.address(kickWords)}`;
}

/** The parts of a vCPU that another thread gave away. */
export function adoptVcpu(arch: Architecture, handle: TransferredVcpu): VcpuResources {
  const parts = takeVcpu(openVcpu(arch, handle));
  if (parts !== undefined) return parts;
  throw new KvmError('ERR_KVM_CLOSED', 'this vcpu has been taken already, or closed', {
    hint: 'each transfer is taken once',
  });
}

/** The parts of a vCPU, unless somebody has taken it. */
function takeVcpu({ claim, take }: OfferedVcpu): VcpuResources | undefined {
  if (!claim.change(State.Offered, State.Owned)) return undefined;
  try {
    return take();
  } catch (error) {
    // Nothing was made of the descriptors: the handle still has them.
    claim.change(State.Owned, State.Offered);
    throw error;
  }
}

/** Takes a vCPU back that nobody has taken yet, and closes it. */
export function withdrawVcpu(offered: OfferedVcpu): void {
  takeVcpu(offered)?.descriptor.release();
}

/**
 * A vCPU back from a thread that has ended, the only one that was given its handle: it may have taken the vCPU, and not given it back.
 *
 * @returns undefined where it has closed it, or passed it on.
 */
export function reclaimVcpu(offered: OfferedVcpu): VcpuResources | undefined {
  offered.claim.change(State.Owned, State.Offered);
  return takeVcpu(offered);
}
