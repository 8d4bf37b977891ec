import { createHash, randomInt } from 'node:crypto';
import type { Architecture } from '../arch/architecture.js';
import type { Backend, BackendName } from '../backend/backend.js';
import { backendNames, selectBackend } from '../backend/select.js';
import { KvmError } from '../errors/kvm-error.js';
import { systemCall } from '../errors/system-call.js';
import { Descriptor } from '../ioctl/descriptor.js';
import { given } from '../struct/check.js';
import type { Slot } from '../vm/memory.js';
import { changeState, isCalled, makeWords, notShared, State, stateOf, valuesOf } from './words.js';

/** A VM as `postMessage` carries it: `Vm.from` makes one of it in another Worker, of the same guest. */
export interface SharedVm {
  readonly arch: string;
  readonly backend: BackendName;
  readonly words: BigInt64Array;
  /** The pages of the slots, which every thread that has the VM keeps. */
  readonly slots: readonly SharedSlot[];
}

export type SharedSlot = readonly [slot: number, guestPhysAddr: bigint, size: number, flags: number, pages: Uint8Array];

/**
 * How many values the words of a VM have: the descriptor, bytes of a vCPU's mapping, bytes of a dirty ring, the sum over the slots, and
 * the mark that all descriptors of the VM have, and no other VM.
 */
const values = 5;

const largestMark = 2 ** 48 - 1;

/** The mark of a VM in its words. */
export function markOf(backend: Backend, words: BigInt64Array | undefined): number | undefined {
  return valuesOf(backend, words, values)?.[values - 1];
}

/** The handle for a VM, whose slots may not change from now on: threads that have it could not know. */
export function shareVm(descriptor: Descriptor): SharedVm {
  const { arch, backend, fd, vm } = descriptor;
  if (vm === undefined) throw notShared('vm.share()');
  const { mmapSize, dirtyRingBytes, slots } = vm;
  if (descriptor.held.size > 0) {
    throw new KvmError('ERR_KVM_UNSAFE', 'this VM has addresses of memory that only this thread keeps', {
      hint: [...descriptor.held.keys()].join(', '),
    });
  }
  const list: SharedSlot[] = [];
  for (const [slot, { guestPhysAddr, size, flags, pages }] of slots) {
    if (!(pages.buffer instanceof SharedArrayBuffer)) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `slot ${slot} has memory that no other thread can see`, {
        hint: 'give the VM memory of kvm.allocateMemory',
      });
    }
    list.push([slot, guestPhysAddr, size, flags, pages]);
  }
  for (const { share } of slots.values()) share();
  descriptor.shared ??= makeWords(backend, State.Owned, [
    fd,
    mmapSize,
    dirtyRingBytes,
    sumOf(backend, list),
    randomInt(largestMark),
  ]);
  return { arch: arch.name, backend: backend.name, words: descriptor.shared, slots: list };
}

/** A descriptor of its own for a VM that another thread shares. */
export function adoptVm(arch: Architecture, shared: SharedVm): Descriptor {
  const { backend, fd, make } = checkVm(arch, shared);
  const own = backend.duplicate(fd);
  // The number is still that of the VM: who closes it says so first.
  if (own >= 0 && stateOf(shared.words) === State.Owned && isCalled(own, 'anon_inode:kvm-vm')) return make(own);
  if (own >= 0) backend.close(own);
  else if (stateOf(shared.words) === State.Owned) systemCall('duplicating the descriptor of a VM', own);
  throw new KvmError('ERR_KVM_CLOSED', 'this vm is closed in the thread that shared it', {
    hint: 'keep it open there until every Worker has made its own',
  });
}

/** Closes the descriptor that another thread of this process made for itself, and has ended without closing. */
export function reclaimVm(arch: Architecture, shared: SharedVm): void {
  const { backend, fd } = checkVm(arch, shared);
  if (!changeState(shared.words, State.Owned, State.Gone)) return;
  if (isCalled(fd, 'anon_inode:kvm-vm')) backend.close(fd);
}

/** @internal A handle of a VM that is one, and how to make a VM of a descriptor of it. */
export function checkVm(
  arch: Architecture,
  shared: SharedVm,
): { backend: Backend; fd: number; make: (fd: number) => Descriptor } {
  const { arch: name, backend: backendName, words, slots: list } = given(shared, 'what vm.share gave');
  if (!backendNames.includes(backendName)) throw notShared('vm.share()');
  const backend = selectBackend(backendName);
  const known = valuesOf(backend, words, values);
  if (known === undefined || !Array.isArray(list) || !list.every(isSlot)) throw notShared('vm.share()');
  if (name !== arch.name) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `this VM is of ${String(name)}, and not of ${arch.name}`);
  }
  const [fd, mmapSize, dirtyRingBytes, sum, mark] = known as [number, number, number, number, number];
  if (sumOf(backend, list) !== sum) throw notShared('vm.share()');
  const make = (own: number): Descriptor => {
    const slots = new Map(list.map((slot) => [slot[0], slotOf(backend, slot)]));
    const facts = { mmapSize, dirtyRingBytes, slots };
    const descriptor = new Descriptor(arch, backend, own, undefined, () => slots.clear(), facts);
    // Of this thread's own descriptor, should it share the VM in its turn.
    descriptor.shared = makeWords(backend, State.Owned, [own, mmapSize, dirtyRingBytes, sum, mark]);
    return descriptor;
  };
  return { backend, fd, make };
}

function isSlot(slot: unknown): slot is SharedSlot {
  if (!Array.isArray(slot)) return false;
  const [number, guestPhysAddr, size, flags, pages] = slot as unknown[];
  return (
    typeof number === 'number' &&
    typeof guestPhysAddr === 'bigint' &&
    typeof flags === 'number' &&
    pages instanceof Uint8Array &&
    pages.buffer instanceof SharedArrayBuffer &&
    pages.length === size
  );
}

function slotOf(backend: Backend, [, guestPhysAddr, size, flags, pages]: SharedSlot): Slot {
  // The memory is never given back by hand: others may have it.
  const nothing = (): void => undefined;
  return { guestPhysAddr, size, flags, pages, address: backend.address(pages), release: nothing, share: nothing };
}

/** Of what the slots are, so that pages which are not those of the guest are not taken for them. */
function sumOf(backend: Backend, slots: readonly SharedSlot[]): number {
  const hash = createHash('sha256');
  for (const [slot, guestPhysAddr, size, , pages] of slots) {
    hash.update(`${slot} ${guestPhysAddr} ${size} ${backend.address(pages)};`);
  }
  return hash.digest().readUInt32LE();
}
