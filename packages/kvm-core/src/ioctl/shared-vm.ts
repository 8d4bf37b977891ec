import { types } from 'node:util';
import type { Architecture } from '../arch/architecture.js';
import type { BackendName } from '../backend/backend.js';
import { backendNames, selectBackend } from '../backend/select.js';
import { KvmError } from '../errors/kvm-error.js';
import { objectOf } from '../struct/check.js';
import { areCounts, changeClaim, claimIs, isSharedWords, newClaim, notAHandle, State } from './claim.js';
import { Descriptor, type Slot } from './descriptor.js';
import { systemCall } from './system-call.js';

/** A VM as `postMessage` carries it: `Vm.from` makes one of it in another Worker, of the same guest. */
export interface SharedVm {
  readonly arch: string;
  readonly backend: BackendName;
  /** The descriptor of the thread that shared it. */
  readonly fd: number;
  /** Whether that descriptor is open: one word, which all threads see. */
  readonly claim: Int32Array;
  /** The same in all handles of this VM, and in those of no other. */
  readonly identity: number;
  /** Bytes of a vCPU that are mapped. */
  readonly mmapSize: number;
  /** Bytes of each vCPU's dirty ring; 0 where there are none. */
  readonly dirtyRingBytes: number;
  /** The guest's memory, which every thread that has the VM keeps. */
  readonly slots: readonly SharedSlot[];
}

export type SharedSlot = Pick<Slot, 'guestPhysAddr' | 'flags' | 'pages'> & { readonly slot: number };

/** The handle for a VM. Its slots may not change from now on: threads that have the handle could not know. */
export function shareVm(descriptor: Descriptor): SharedVm {
  const { arch, backend, fd, vm } = descriptor;
  if (vm === undefined) throw new TypeError('this descriptor is no VM');
  refuseHeld(descriptor, 'VM');
  const slots = Array.from(vm.slots, ([slot, { guestPhysAddr, flags, pages }]) => {
    if (types.isSharedArrayBuffer(pages.buffer)) return { slot, guestPhysAddr, flags, pages };
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `slot ${slot} has memory that no other thread can see`, {
      hint: 'give the VM memory of kvm.allocateMemory',
    });
  });
  for (const { share } of vm.slots.values()) share();
  descriptor.shared ??= newClaim(State.Owned);
  // Threads have no counter in common.
  vm.identity ??= Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);
  const { identity, mmapSize, dirtyRingBytes } = vm;
  return {
    arch: arch.name,
    backend: backend.name,
    fd,
    claim: descriptor.shared,
    identity,
    mmapSize,
    dirtyRingBytes,
    slots,
  };
}

/** @internal Refuses to pass a descriptor on whose memory only this thread keeps. */
export function refuseHeld({ held }: Descriptor, what: string): void {
  if (held.size === 0) return;
  throw new KvmError('ERR_KVM_UNSAFE', `this ${what} has addresses of memory that only this thread keeps`, {
    hint: [...held.keys()].join(', '),
  });
}

/** A descriptor of its own for a VM that another thread shares. */
export function adoptVm(arch: Architecture, shared: SharedVm): Descriptor {
  checkVm(arch, shared);
  const backend = selectBackend(shared.backend);
  const fd = backend.duplicate(shared.fd);
  // Whoever closes the descriptor ends the claim first: if it stands now, what was duplicated is the VM.
  if (claimIs(shared.claim, State.Owned)) {
    return vmOf(arch, shared, systemCall('duplicating the descriptor of a VM', fd));
  }
  if (fd >= 0) backend.close(fd);
  throw new KvmError('ERR_KVM_CLOSED', 'this vm is closed in the thread that shared it', {
    hint: 'keep it open there until every Worker has made its own',
  });
}

/**
 * Closes the descriptor that another thread made for itself, if that thread has ended without closing it.
 *
 * @param shared what that thread's own VM gave.
 */
export function reclaimVm({ backend, fd, claim }: SharedVm): void {
  if (changeClaim(claim, State.Owned, State.Closed)) selectBackend(backend).close(fd);
}

/** @internal Refuses what is no handle of a VM of this architecture. */
export function checkVm(arch: Architecture, shared: SharedVm): void {
  const { backend, claim, slots, ...rest } = objectOf(shared, 'what vm.share gave');
  const isWhole =
    backendNames.includes(backend) &&
    isSharedWords(claim, 1) &&
    areCounts(rest.fd, rest.identity, rest.mmapSize, rest.dirtyRingBytes) &&
    Array.isArray(slots) &&
    slots.every(isSlot);
  if (!isWhole) throw notAHandle('vm.share()');
  if (rest.arch !== arch.name) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `this VM is of ${String(rest.arch)}, and not of ${arch.name}`);
  }
}

function isSlot(value: unknown): boolean {
  const { slot, guestPhysAddr, flags, pages } = (value ?? {}) as Partial<SharedSlot>;
  return (
    areCounts(slot, flags) &&
    typeof guestPhysAddr === 'bigint' &&
    types.isUint8Array(pages) &&
    types.isSharedArrayBuffer(pages.buffer)
  );
}

/** @internal The VM of a handle, with a descriptor that is this thread's own. */
export function vmOf(arch: Architecture, shared: SharedVm, fd: number): Descriptor {
  const { identity, mmapSize, dirtyRingBytes } = shared;
  const backend = selectBackend(shared.backend);
  // The memory is never given back by hand: other threads may have it.
  const nothing = (): void => undefined;
  const slots = new Map<number, Slot>();
  for (const { slot, pages, ...rest } of shared.slots) {
    const address = backend.address(pages);
    slots.set(slot, { ...rest, pages, size: pages.length, address, release: nothing, share: nothing });
  }
  const facts = { mmapSize, dirtyRingBytes, slots, identity };
  const descriptor = new Descriptor(arch, backend, fd, undefined, () => slots.clear(), facts);
  descriptor.shared = newClaim(State.Owned);
  return descriptor;
}
