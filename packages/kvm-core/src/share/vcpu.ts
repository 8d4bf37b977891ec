import { readFileSync } from 'node:fs';
import type { Architecture } from '../arch/architecture.js';
import { KvmError } from '../errors/kvm-error.js';
import { systemCall } from '../errors/system-call.js';
import { given } from '../struct/check.js';
import type { VcpuParts } from '../vcpu/parts.js';
import { rebuildVcpu, toldWords } from '../vcpu/parts.js';
import { checkVm, markOf, type SharedVm } from './vm.js';
import { changeState, isCalled, makeWords, notShared, State, stateOf, unshare, valuesOf } from './words.js';

/** A vCPU on its way to another thread, as `postMessage` carries it: `Vcpu.from` makes one of it there, once. */
export interface TransferredVcpu {
  readonly vm: SharedVm;
  readonly words: BigInt64Array;
  /** Those that kick it. */
  readonly kickWords: Int32Array;
}

/** What the words of a vCPU hold, in their order; after them, what it was told. */
const members = ['fd', 'vmFd', 'id', 'hasRun', 'address', 'length', 'ringAddress', 'ringLength', 'vmMark'] as const;
type Members = Record<(typeof members)[number], number>;

/** The handle for a vCPU that its thread gives away: both descriptors are the handle's from now on. */
export function offerVcpu(parts: VcpuParts, hasRun: boolean, vm: SharedVm): TransferredVcpu {
  const { descriptor, id, state, kickState, dirtyRing, timer, told, claim } = parts;
  const { backend, fd, parent } = descriptor;
  if (descriptor.held.size > 0 || parent === undefined) {
    throw new KvmError('ERR_KVM_UNSAFE', 'this vCPU has addresses of memory that only this thread keeps', {
      hint: [...descriptor.held.keys()].join(', '),
    });
  }
  const vmMark = markOf(backend, vm.words);
  if (vmMark === undefined) throw notShared('vm.share()');
  const vmFd = systemCall('duplicating the descriptor of a VM', backend.duplicate(parent.fd));
  const all: Members = {
    fd,
    vmFd,
    id,
    hasRun: hasRun ? 1 : 0,
    address: state.address,
    length: state.bytes.length,
    ringAddress: dirtyRing?.address ?? 0,
    ringLength: dirtyRing?.length ?? 0,
    vmMark,
  };
  if (claim !== undefined) unshare(claim);
  timer.close();
  kickState.unbind();
  descriptor.abandon();
  const words = makeWords(backend, State.Offered, [...members.map((name) => all[name]), ...told]);
  return { vm, words, kickWords: kickState.words };
}

/** The parts of a vCPU that another thread gave away. */
export function adoptVcpu(arch: Architecture, handle: TransferredVcpu): VcpuParts {
  const { vm, words, kickWords } = given(handle, 'what vcpu.transfer gave');
  const { backend, make } = checkVm(arch, vm);
  const values = valuesOf(backend, words, members.length + toldWords);
  if (values === undefined || !isKickWords(kickWords)) throw notShared('vcpu.transfer()');
  const known = Object.fromEntries(members.map((name, i) => [name, values[i]])) as Members;
  // With the slots of another VM, this thread would keep other pages than the guest's.
  if (known.vmMark !== markOf(backend, vm.words)) throw notShared('vcpu.transfer()');
  if (!changeState(words, State.Offered, State.Owned)) {
    throw new KvmError('ERR_KVM_CLOSED', 'this vcpu has been taken already, or closed', {
      hint: 'each transfer is taken once',
    });
  }
  const { fd, vmFd, id, hasRun, address, length, ringAddress, ringLength } = known;
  const real =
    isCalled(fd, 'anon_inode:kvm-vcpu') &&
    isCalled(vmFd, 'anon_inode:kvm-vm') &&
    isMapped(address, length) &&
    (ringLength === 0 || isMapped(ringAddress, ringLength));
  if (!real) throw notShared('vcpu.transfer()');
  const parent = make(vmFd);
  const dirtyRing = ringLength === 0 ? undefined : { address: ringAddress, length: ringLength };
  const parts = rebuildVcpu(parent, {
    fd,
    id,
    address,
    length,
    kickWords,
    dirtyRing,
    hasRun: hasRun === 1,
    told: Uint32Array.from(values.slice(members.length)),
    claim: words,
  });
  // The vCPU is what has the VM now.
  parent.release();
  return parts;
}

function isKickWords(words: unknown): words is Int32Array {
  return words instanceof Int32Array && words.length === 4 && words.buffer instanceof SharedArrayBuffer;
}

/** Whether so much of a vCPU is mapped at an address. */
function isMapped(address: number, length: number): boolean {
  return readFileSync('/proc/self/maps', 'latin1')
    .split('\n')
    .some((line) => {
      if (!line.includes('anon_inode:kvm-vcpu')) return false;
      const [start, end] = line.split(' ', 1)[0]?.split('-') ?? [];
      return Number.parseInt(start ?? '', 16) === address && Number.parseInt(end ?? '', 16) >= address + length;
    });
}

/** Takes a vCPU back that nobody has taken yet, and closes it. */
export function withdrawVcpu(arch: Architecture, handle: TransferredVcpu): void {
  if (stateOf(handle.words) !== State.Offered) return;
  try {
    adoptVcpu(arch, handle).descriptor.release();
  } catch (error) {
    // Another thread has taken it just now.
    if (!(error instanceof KvmError) || error.code !== 'ERR_KVM_CLOSED') throw error;
  }
}

/**
 * A vCPU back from a thread that has ended: it may have taken the vCPU, and not given it back.
 *
 * @returns undefined where it has closed it, or passed it on.
 */
export function reclaimVcpu(arch: Architecture, handle: TransferredVcpu): VcpuParts | undefined {
  changeState(handle.words, State.Owned, State.Offered);
  return stateOf(handle.words) === State.Offered ? adoptVcpu(arch, handle) : undefined;
}
