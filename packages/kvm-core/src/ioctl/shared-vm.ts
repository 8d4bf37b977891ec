import { types } from 'node:util';
import type { Architecture } from '../arch/architecture.js';
import type { BackendName } from '../backend/backend.js';
import { backendNames, selectBackend } from '../backend/select.js';
import { KvmError } from '../errors/kvm-error.js';
import { objectOf } from '../struct/check.js';
import { areCounts, changeClaim, claimIs, isSharedWords, newClaim, notAHandle, State } from './claim.js';
import { Descriptor, type Slot } from './descriptor.js';
import { systemCall } from './system-call.js';

/** A handle for a VM, for `postMessage`. In another Worker, `Vm.from` makes a `Vm` of the same guest from it. */
export interface SharedVm {
  readonly arch: string;
  readonly backend: BackendName;
  /** The descriptor in the thread that shared it. */
  readonly fd: number;
  /** The descriptor of /dev/kvm that it was created from, in the same thread. */
  readonly system: number;
  /** Whether that descriptor is open: one word that all threads share. */
  readonly claim: Int32Array;
  /** Identifies the VM: the same number in all of its handles. */
  readonly identity: number;
  /** The size of a vCPU's mapping in bytes. */
  readonly mmapSize: number;
  /** The size of each vCPU's dirty ring in bytes; 0 without dirty rings. */
  readonly dirtyRingBytes: number;
  /** The guest's memory, which every thread with the VM keeps alive. */
  readonly slots: readonly SharedSlot[];
}

export type SharedSlot = Pick<Slot, 'guestPhysAddr' | 'flags' | 'pages'> & { readonly slot: number };

/** Makes a handle for a VM. Its slots must not change afterwards: threads with the handle would not know. */
export function shareVm(descriptor: Descriptor): SharedVm {
  const { arch, backend, fd, vm } = descriptor;
  if (vm === undefined) throw new TypeError('this descriptor is not a VM');
  refuseHeld(descriptor, 'VM');
  const slots = Array.from(vm.slots, ([slot, { guestPhysAddr, flags, pages }]) => {
    if (types.isSharedArrayBuffer(pages.buffer)) return { slot, guestPhysAddr, flags, pages };
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `the memory of slot ${slot} is not shared between threads`, {
      hint: 'use memory from kvm.allocateMemory',
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
    system: descriptor.system.fd,
    claim: descriptor.shared,
    identity,
    mmapSize,
    dirtyRingBytes,
    slots,
  };
}

/** @internal Refuses to pass on a descriptor with memory that only this thread keeps alive. */
export function refuseHeld({ held }: Descriptor, what: string): void {
  if (held.size === 0) return;
  throw new KvmError('ERR_KVM_UNSAFE', `this ${what} uses memory that only this thread keeps alive`, {
    hint: [...held.keys()].join(', '),
  });
}

/** Duplicates the descriptor of a VM that another thread has shared. */
export function adoptVm(arch: Architecture, shared: SharedVm): Descriptor {
  checkVm(arch, shared);
  const backend = selectBackend(shared.backend);
  const fd = backend.duplicate(shared.fd);
  // The claim ends before the descriptor is closed. If it still stands, the duplicate is the VM's.
  if (claimIs(shared.claim, State.Owned)) {
    return vmOf(arch, shared, systemCall('duplicating the descriptor of a VM', fd));
  }
  if (fd >= 0) backend.close(fd);
  throw new KvmError('ERR_KVM_CLOSED', 'this VM is closed in the thread that shared it', {
    hint: 'keep it open there until every Worker has called Vm.from',
  });
}

/**
 * Closes the descriptor of another thread, if that thread has ended without closing it.
 *
 * @param shared the handle that this thread's own `Vm` returned from `share`.
 */
export function reclaimVm({ backend, fd, claim }: SharedVm): void {
  if (changeClaim(claim, State.Owned, State.Closed)) selectBackend(backend).close(fd);
}

/** @internal Refuses anything but a handle for a VM of this architecture. */
export function checkVm(arch: Architecture, shared: SharedVm): void {
  const { backend, claim, slots, ...rest } = objectOf(shared, 'the result of vm.share()');
  const isWhole =
    backendNames.includes(backend) &&
    isSharedWords(claim, 1) &&
    areCounts(rest.fd, rest.system, rest.identity, rest.mmapSize, rest.dirtyRingBytes) &&
    Array.isArray(slots) &&
    slots.every(isSlot);
  if (!isWhole) throw notAHandle('vm.share()');
  if (rest.arch !== arch.name) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `this VM is for ${String(rest.arch)}, not ${arch.name}`);
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

/** @internal The VM of a handle. `fd` belongs to this thread. */
export function vmOf(arch: Architecture, shared: SharedVm, fd: number): Descriptor {
  const { identity, mmapSize, dirtyRingBytes } = shared;
  const backend = selectBackend(shared.backend);
  // The memory is never released explicitly: other threads may use it.
  const nothing = (): void => undefined;
  const slots = new Map<number, Slot>();
  for (const { slot, pages, ...rest } of shared.slots) {
    const address = backend.address(pages);
    slots.set(slot, { ...rest, pages, size: pages.length, address, release: nothing, share: nothing });
  }
  const facts = { mmapSize, dirtyRingBytes, slots, identity };
  // The thread that shared the VM closes it. It is asked for what never changes, such as the list of MSRs.
  const system = new Descriptor(arch, backend, shared.system);
  const descriptor = new Descriptor(arch, backend, fd, system, () => slots.clear(), facts);
  descriptor.shared = newClaim(State.Owned);
  return descriptor;
}
