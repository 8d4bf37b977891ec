import { KvmError } from '../errors/kvm-error.js';
import type { GuestMemory } from '../memory/guest-memory.js';
import { GenericVcpu } from '../vcpu/vcpu.js';
import { GenericVm } from '../vm/vm.js';
import { restoredMemory, savedMemory } from './memory.js';
import { checkKind, type Part, restoreParts, savedParts } from './parts.js';
import { broken, SavedState } from './saved-state.js';
import type { VcpuSaving } from './vcpu-saving.js';

/** What `vm.restore` has made. */
export interface RestoredVm<C> {
  /** The vCPUs, in the order they were saved in. */
  readonly vcpus: readonly C[];
  /** The memories, which the VM has in the slots it had. */
  readonly memories: readonly GuestMemory[];
}

/** The state of a VM as a whole, on the architectures whose kernel tells it. */
export abstract class VmSaving<C extends VcpuSaving = VcpuSaving> extends GenericVm<C> {
  /** What the VM is made of beside its memory and its vCPUs, in the order it has to be restored in: before the vCPUs are made. */
  protected abstract readonly earlyParts: readonly Part<this>[];
  /** And after they are restored. */
  protected abstract readonly stateParts: readonly Part<this>[];

  /** Makes what has to be there before the vCPUs are. */
  protected abstract prepare(own: SavedState): void;

  /**
   * The state of the VM: its memory, its vCPUs, and on x86 its interrupt controllers, timer and clock, and what Xen keeps. While none of
   * its vCPUs runs.
   *
   * Not in it: the capabilities enabled on it, its interrupt routes, eventfds and I/O zones, its filters, Xen's configuration and what
   * lies outside of the guest's memory. Nor are devices, which are the program's: a GIC, an AIA.
   *
   * @param vcpus all that it has; one that another thread runs is given as the state that its `save` gave there.
   * @throws KvmError `ERR_KVM_STATE` when a vCPU that this object made, and that is open in this thread, is missing. Of others the VM
   *   cannot know: a state without them restores a VM without them.
   */
  save(vcpus: Iterable<C | SavedState>): SavedState {
    this.opened();
    const given = listOf(vcpus);
    const states = given.map((vcpu) => (vcpu instanceof SavedState ? vcpu : vcpu.save()));
    const ids = states.map((state) => idOf(state, this.archName));
    if (new Set(ids).size < ids.length) throw broken(`the vCPUs ${ids.join(', ')} are not all different ones`);
    const missing = [...this.made].find(([id, { released }]) => !released && !ids.includes(id));
    if (missing !== undefined) throw broken(`vCPU ${missing[0]} of this VM is not among those to save`);
    return SavedState.of('vm', this.archName, [
      ...savedMemory(this.facts.slots, this.abi.MemoryFlag.GuestMemfd),
      ...states.flatMap((state, i) =>
        state.header.parts.map(({ name }) => ({ name: `vcpu/${ids[i]}/${name}`, bytes: state.part(name) })),
      ),
      ...savedParts([...this.earlyParts, ...this.stateParts], this),
    ]);
  }

  /**
   * Makes a VM what another one was: a fresh one, without memory and without vCPUs, on which the program has enabled what the other had
   * enabled. On x86, interrupt controllers and the timer are created if the state has them and the VM does not.
   *
   * @throws KvmError `ERR_KVM_STATE` when the state is damaged, of something else, or does not fit this host, and when the VM has had
   *   memory or vCPUs. The VM is then good for nothing but to be closed.
   */
  restore(state: SavedState): RestoredVm<C> {
    const backend = this.opened();
    checkKind(state, 'vm', this.archName);
    if (this.facts.slots.size > 0) throw broken('a state is restored into a VM that has no memory yet');
    if (this.made.size > 0) throw broken('a state is restored into a VM that has no vCPUs yet');
    const own = state.selected((name) => (/^(?:slots$|memory\/\d+$|vcpu\/\d+\/.)/.test(name) ? undefined : name));
    const early = new Set(this.earlyParts.map(({ name }) => name));
    const ids = new Set(state.header.parts.flatMap(({ name }) => /^vcpu\/(\d+)\//.exec(name)?.[1] ?? []));
    const { memories, slots } = restoredMemory(state, backend);
    const vcpus: C[] = [];
    try {
      for (const slot of slots) this.setUserMemoryRegion(slot);
      this.prepare(own);
      restoreParts(
        this.earlyParts,
        this,
        own.selected((name) => (early.has(name) ? name : undefined)),
      );
      for (const id of ids) {
        const vcpu = this.createVcpu(Number(id));
        vcpus.push(vcpu);
        vcpu.restore(state.selected((name) => name.split(`vcpu/${id}/`)[1], 'vcpu'));
      }
      restoreParts(
        this.stateParts,
        this,
        own.selected((name) => (early.has(name) ? undefined : name)),
      );
    } catch (error) {
      for (const each of [...vcpus, ...memories]) each.close();
      if (!(error instanceof KvmError) || error.code === 'ERR_KVM_STATE') throw error;
      throw broken(`this state cannot be restored here: ${error.message}`, error);
    }
    return { vcpus, memories };
  }
}

/** More vCPUs than any host gives a VM. */
const mostVcpus = 2 ** 16;

/** What an iterable gives, which may give it only once, and for ever. */
function listOf<C>(vcpus: Iterable<C | SavedState>): (C | SavedState)[] {
  const wrong = new KvmError(
    'ERR_KVM_INVALID_ARGUMENT',
    'the vCPUs to save must be given as a list of vCPUs or of their states',
  );
  const isObject = typeof vcpus === 'object' && vcpus !== null && !ArrayBuffer.isView(vcpus);
  if (!isObject || !(Symbol.iterator in vcpus)) throw wrong;
  const all: (C | SavedState)[] = [];
  for (const each of vcpus) {
    if (!(each instanceof GenericVcpu || each instanceof SavedState) || all.push(each) > mostVcpus) throw wrong;
  }
  return all;
}

/** Which vCPU a state is of. */
function idOf(state: SavedState, arch: string): number {
  checkKind(state, 'vcpu', arch);
  const { id } = state.header;
  if (id === undefined) throw broken('the state of a vCPU does not say of which');
  return id;
}
