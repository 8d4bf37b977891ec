import { types } from 'node:util';
import type { Architecture } from '../arch/architecture.js';
import { KvmError } from '../errors/kvm-error.js';
import { areCounts, changeClaim, endClaim, isSharedWords, newClaim, notAHandle, State } from '../ioctl/claim.js';
import type { Descriptor } from '../ioctl/descriptor.js';
import { checkVm, refuseHeld, type SharedVm, shareVm, vmOf } from '../ioctl/shared-vm.js';
import { systemCall } from '../ioctl/system-call.js';
import { objectOf } from '../struct/check.js';
import { isKickWords } from './kick.js';
import { adoptResources, initWordCount, type MappedVcpu, type VcpuResources } from './resources.js';

/** A handle for a vCPU, for `postMessage`. In another thread, `Vcpu.from` makes a `Vcpu` from it, once. */
export interface TransferredVcpu extends MappedVcpu {
  readonly vm: SharedVm;
  /** A descriptor of the VM, for the vCPU's new thread. */
  readonly vmFd: number;
}

/** Makes a handle for a vCPU that its thread gives away. The handle owns the vCPU's descriptors from now on. */
export function offerVcpu(resources: VcpuResources, hasRun: boolean, parent: Descriptor): TransferredVcpu {
  const { descriptor, id, state, kickState, dirtyRing, timer, initWords } = resources;
  refuseHeld(descriptor, 'vCPU');
  const { backend, fd } = descriptor;
  const handle: TransferredVcpu = {
    vm: shareVm(parent),
    vmFd: systemCall('duplicating the descriptor of a VM', backend.duplicate(parent.fd)),
    fd,
    id,
    hasRun,
    address: state.address,
    length: state.length,
    dirtyRing,
    kickWords: kickState.words,
    initWords,
    claim: newClaim(State.Offered),
  };
  // Both claims stand for a moment. If this thread is terminated here, no other thread has the new one.
  if (resources.claim !== undefined) endClaim(resources.claim);
  timer.close();
  kickState.unbind();
  descriptor.abandon();
  return handle;
}

/** Takes a vCPU that another thread gave away. */
export function adoptVcpu(arch: Architecture, handle: TransferredVcpu): VcpuResources {
  check(arch, handle);
  const resources = takeVcpu(arch, handle);
  if (resources !== undefined) return resources;
  throw new KvmError('ERR_KVM_CLOSED', 'this vCPU was taken already, or closed', {
    hint: 'a handle of vcpu.transfer() can be taken once',
  });
}

function check(arch: Architecture, handle: TransferredVcpu): void {
  const { vm, claim, kickWords, initWords, dirtyRing, ...rest } = objectOf(handle, 'the result of vcpu.transfer()');
  const isWhole =
    isSharedWords(claim, 1) &&
    isKickWords(kickWords) &&
    types.isUint32Array(initWords) &&
    initWords.length === initWordCount &&
    areCounts(rest.fd, rest.vmFd, rest.id, rest.address, rest.length) &&
    (dirtyRing === undefined || areCounts(dirtyRing?.address, dirtyRing?.length)) &&
    typeof rest.hasRun === 'boolean';
  if (!isWhole) throw notAHandle('vcpu.transfer()');
  checkVm(arch, vm);
}

/** Takes a vCPU. Returns undefined if it was taken before. */
function takeVcpu(arch: Architecture, handle: TransferredVcpu): VcpuResources | undefined {
  if (!changeClaim(handle.claim, State.Offered, State.Owned)) return undefined;
  const parent = vmOf(arch, handle.vm, handle.vmFd);
  const resources = adoptResources(parent, handle);
  // The vCPU keeps the VM's descriptor open from now on.
  parent.release();
  return resources;
}

/** Takes a vCPU back and closes it, unless it was taken. */
export function withdrawVcpu(arch: Architecture, offered: TransferredVcpu): void {
  takeVcpu(arch, offered)?.descriptor.release();
}

/**
 * Takes a vCPU back from a thread that has ended, and may have taken the vCPU. No other thread may have the handle.
 *
 * @returns undefined if that thread has closed the vCPU, or passed it on.
 */
export function reclaimVcpu(arch: Architecture, offered: TransferredVcpu): VcpuResources | undefined {
  changeClaim(offered.claim, State.Owned, State.Offered);
  return takeVcpu(arch, offered);
}
