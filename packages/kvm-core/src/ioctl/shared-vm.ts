import { types } from 'node:util';
import type { Architecture } from '../arch/architecture.js';
import type { Backend, BackendName } from '../backend/backend.js';
import { backendNames, selectBackend } from '../backend/select.js';
import { KvmError } from '../errors/kvm-error.js';
import { list, objectOf } from '../struct/check.js';
import { bufferOf, bytesOf, lengthOf } from '../struct/view.js';
import { Claim, type ClaimNumbers, newMark, State } from './claim.js';
import type { Slot } from './descriptor.js';
import { Descriptor } from './descriptor.js';
import { notShared, seal, unseal } from './seal.js';
import { systemCall } from './system-call.js';

const { isSharedArrayBuffer, isUint8Array } = types;

/** A VM as `postMessage` carries it: `Vm.from` makes one of it in another Worker, of the same guest. */
export interface SharedVm {
  readonly arch: string;
  readonly backend: BackendName;
  /** Numbers, and a seal over all that is here. */
  readonly words: BigInt64Array;
  /** The pages of the slots, which every thread that has the VM keeps. */
  readonly slots: readonly SharedSlot[];
}

export type SharedSlot = readonly [slot: number, guestPhysAddr: bigint, size: number, flags: number, pages: Uint8Array];

/**
 * How many numbers the words of a VM have: the descriptor, bytes of a vCPU's mapping, bytes of a dirty ring, the mark that all
 * descriptors of the VM have, and no other VM, and where its claim is.
 */
const numbers = 7;

/** The handle for a VM, whose slots may not change from now on: threads that have it could not know. */
export function shareVm(descriptor: Descriptor): SharedVm {
  const { arch, backend, fd, vm } = descriptor;
  if (vm === undefined) throw notShared('vm.share()');
  if (descriptor.held.size > 0) {
    throw new KvmError('ERR_KVM_UNSAFE', 'this VM has addresses of memory that only this thread keeps', {
      hint: [...descriptor.held.keys()].join(', '),
    });
  }
  const slots: SharedSlot[] = [];
  for (const [slot, { guestPhysAddr, size, flags, pages }] of vm.slots) {
    if (!isSharedArrayBuffer(pages.buffer)) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `slot ${slot} has memory that no other thread can see`, {
        hint: 'give the VM memory of kvm.allocateMemory',
      });
    }
    slots.push([slot, guestPhysAddr, size, flags, bytesOf(pages)]);
  }
  descriptor.shared ??= Claim.make(backend, State.Owned);
  for (const { share } of vm.slots.values()) share();
  vm.mark ??= newMark();
  const words = seal(backend, kindOf(arch.name, backend, slots), [
    fd,
    vm.mmapSize,
    vm.dirtyRingBytes,
    vm.mark,
    ...descriptor.shared.numbers,
  ]);
  return { arch: arch.name, backend: backend.name, words, slots };
}

/** A descriptor of its own for a VM that another thread shares. */
export function adoptVm(arch: Architecture, shared: SharedVm): Descriptor {
  const { backend, fd, claim, make } = openVm(arch, shared);
  const own = backend.duplicate(fd);
  try {
    // The number is still that of the VM: who closes it says so first.
    if (!Claim.of(backend, claim).is(State.Owned)) {
      throw new KvmError('ERR_KVM_CLOSED', 'this vm is closed in the thread that shared it', {
        hint: 'keep it open there until every Worker has made its own',
      });
    }
    return make(systemCall('duplicating the descriptor of a VM', own));
  } catch (error) {
    if (own >= 0) backend.close(own);
    throw error;
  }
}

/**
 * Closes the descriptor that another thread of this process made for itself, and has ended without closing.
 *
 * @param shared what that thread's own VM gave.
 */
export function reclaimVm(arch: Architecture, shared: SharedVm): void {
  const { backend, fd, claim } = openVm(arch, shared);
  const left = Claim.of(backend, claim);
  if (!left.is(State.Owned)) return;
  left.end();
  backend.close(fd);
}

/** @internal A handle of a VM that is one. */
export interface OpenedVm {
  readonly backend: Backend;
  readonly fd: number;
  readonly claim: ClaimNumbers;
  /** The VM's, and no other's. */
  readonly mark: number;
  /** A VM of a descriptor of it. */
  make(fd: number): Descriptor;
}

/** @internal */
export function openVm(arch: Architecture, shared: SharedVm): OpenedVm {
  const { arch: name, backend: backendName, words, slots: said } = objectOf(shared, 'what vm.share gave');
  if (typeof name !== 'string' || !backendNames.includes(backendName) || !Array.isArray(said)) {
    throw notShared('vm.share()');
  }
  const backend = selectBackend(backendName);
  const slots = Array.from({ length: list(said, 'the slots').length }, (_, i) => slotIn(said[i]));
  if (!slots.every((slot) => slot !== undefined)) throw notShared('vm.share()');
  const known = unseal(backend, kindOf(name, backend, slots), words, numbers);
  if (known === undefined) throw notShared('vm.share()');
  if (name !== arch.name) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `this VM is of ${name}, and not of ${arch.name}`);
  }
  const [fd, mmapSize, dirtyRingBytes, mark, ...claim] = known as [number, number, number, number, ...ClaimNumbers];
  const make = (own: number): Descriptor => {
    // Of this thread's own descriptor, should it share the VM in its turn.
    const ownClaim = Claim.make(backend, State.Owned);
    const kept = new Map(slots.map((slot) => [slot[0], keptSlot(backend, slot)]));
    const facts = { mmapSize, dirtyRingBytes, slots: kept, mark };
    const descriptor = new Descriptor(arch, backend, own, undefined, () => kept.clear(), facts);
    descriptor.shared = ownClaim;
    return descriptor;
  };
  return { backend, fd, claim, mark, make };
}

/** A slot that may be one, each part of it read once. */
function slotIn(slot: unknown): SharedSlot | undefined {
  if (!Array.isArray(slot)) return undefined;
  const [number, guestPhysAddr, size, flags, pages] = slot as unknown[];
  const fits =
    typeof number === 'number' &&
    typeof guestPhysAddr === 'bigint' &&
    typeof flags === 'number' &&
    isUint8Array(pages) &&
    isSharedArrayBuffer(bufferOf(pages)) &&
    lengthOf(pages) === size;
  return fits ? [number, guestPhysAddr, size, flags, bytesOf(pages)] : undefined;
}

function keptSlot(backend: Backend, [, guestPhysAddr, size, flags, pages]: SharedSlot): Slot {
  // The memory is never given back by hand: others may have it.
  const nothing = (): void => undefined;
  return { guestPhysAddr, size, flags, pages, address: backend.address(pages), release: nothing, share: nothing };
}

/** What the numbers of a VM are sealed with: with other slots, pages which are not those of the guest would be taken for them. */
function kindOf(arch: string, backend: Backend, slots: readonly SharedSlot[]): string {
  const parts = slots.map(([slot, address, size, flags, pages]) => {
    return `${slot} ${address} ${size} ${flags} ${backend.address(pages)}`;
  });
  return ['vm', arch, backend.name, ...parts].join(';');
}
