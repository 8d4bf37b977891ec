import { KvmError } from '../errors/kvm-error.js';
import type { GuestMemory } from '../memory/guest-memory.js';
import { boolean } from '../struct/check.js';
import { optionsOf } from '../struct/options.js';
import { GenericVcpu } from '../vcpu/vcpu.js';
import { GenericVm } from '../vm/vm.js';
import { restoredMemory, savedMemory } from './memory.js';
import { checkKind, type Part, restoreParts, savedParts } from './parts.js';
import { broken, SavedState } from './saved-state.js';
import type { VcpuSaving } from './vcpu-saving.js';

/** The result of `vm.restore`. */
export interface RestoredVm<C> {
  /** The vCPUs, in the order of `save`. */
  readonly vcpus: readonly C[];
  /** The memories, which are in the same slots as before. */
  readonly memories: readonly GuestMemory[];
}

/** Options of `vm.save`. */
export interface SaveOptions {
  /** Whether the state has the guest's memory; default true. */
  readonly memory?: boolean;
}

/** Saves and restores a VM, on the architectures whose kernel supports it. */
export abstract class VmSaving<C extends VcpuSaving = VcpuSaving> extends GenericVm<C> {
  /** The parts other than memory and vCPUs that are restored before the vCPUs are created, in restore order. */
  protected abstract readonly earlyParts: readonly Part<this>[];
  /** The parts that are restored after the vCPUs, in restore order. */
  protected abstract readonly stateParts: readonly Part<this>[];

  /** Creates the objects that must exist before the vCPUs. */
  protected abstract prepare(own: SavedState): void;

  /**
   * Returns the state of the VM: its memory, its vCPUs, and on x86 its interrupt controllers, timer, clock, and Xen
   * state. Call it while none of its vCPUs runs.
   *
   * The state does not include enabled capabilities, interrupt routes, eventfds and I/O zones, filters, Xen's
   * configuration and memory outside the guest's; nor devices, which belong to the program: a GIC, an AIA.
   *
   * @param vcpus all vCPUs of the VM. For a vCPU that another thread runs, pass the result of its `save` in that
   *   thread.
   * @param options `memory: false` leaves the memory out, for a program that keeps it in a file of its own.
   * @throws KvmError `ERR_KVM_STATE` if a vCPU is missing that this object created and that is open in this thread. The
   *   VM cannot know of other vCPUs: a state without them restores a VM without them.
   */
  save(vcpus: Iterable<C | SavedState>, options: SaveOptions = {}): SavedState {
    this.opened();
    const { memory = true } = optionsOf(options, 'the options of save', ['memory']);
    boolean(memory, 'memory');
    const states = listOf(vcpus).map((vcpu) => (vcpu instanceof SavedState ? vcpu : vcpu.save()));
    const ids = states.map((state) => idOf(state, this.archName));
    if (new Set(ids).size < ids.length) throw broken(`the vCPUs ${ids.join(', ')} are not all different`);
    const missing = [...this.made].find(([id, { released }]) => !released && !ids.includes(id));
    if (missing !== undefined) throw broken(`vCPU ${missing[0]} of this VM is not among those to save`);
    return SavedState.of('vm', this.archName, [
      ...(memory ? savedMemory(this.facts.slots, this.abi.MemoryFlag.GuestMemfd) : []),
      ...states.flatMap((state, i) =>
        state.header.parts.map(({ name }) => ({ name: `vcpu/${ids[i]}/${name}`, bytes: state.part(name) })),
      ),
      ...savedParts([...this.earlyParts, ...this.stateParts], this),
    ]);
  }

  /**
   * Restores a state into a new VM, without vCPUs, on which the program has enabled the same capabilities. The VM has
   * no memory, unless the state was saved without it: then the program has given it the memory and the slots of before.
   * On x86, it creates interrupt controllers and the timer if the state has them and the VM does not.
   *
   * @throws KvmError `ERR_KVM_STATE` if the state is damaged, is of another kind, or does not match this host, and if
   *   the VM has had memory or vCPUs. After an error the VM is unusable: close it.
   */
  restore(state: SavedState): RestoredVm<C> {
    const backend = this.opened();
    checkKind(state, 'vm', this.archName);
    const hasMemory = state.header.parts.some(({ name }) => /^(?:slots$|memory\/\d+$)/.test(name));
    if (hasMemory && this.facts.slots.size > 0) throw broken('a state can only be restored into a VM without memory');
    if (!hasMemory && this.facts.slots.size === 0)
      throw broken('this state was saved without memory: the VM needs that of before');
    if (this.made.size > 0) throw broken('a state can only be restored into a VM without vCPUs');
    const own = state.selected((name) => (/^(?:slots$|memory\/\d+$|vcpu\/\d+\/.)/.test(name) ? undefined : name));
    const early = new Set(this.earlyParts.map(({ name }) => name));
    const ids = new Set(state.header.parts.flatMap(({ name }) => /^vcpu\/(\d+)\//.exec(name)?.[1] ?? []));
    const { memories, slots } = hasMemory ? restoredMemory(state, backend) : { memories: [], slots: [] };
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

/** The elements of an iterable, which may be readable only once, and may be endless. */
function listOf<C>(vcpus: Iterable<C | SavedState>): (C | SavedState)[] {
  const wrong = new KvmError(
    'ERR_KVM_INVALID_ARGUMENT',
    'the vCPUs to save must be an iterable of vCPUs or their states',
  );
  const isObject = typeof vcpus === 'object' && vcpus !== null && !ArrayBuffer.isView(vcpus);
  if (!isObject || !(Symbol.iterator in vcpus)) throw wrong;
  const all: (C | SavedState)[] = [];
  for (const each of vcpus) {
    if (!(each instanceof GenericVcpu || each instanceof SavedState) || all.push(each) > mostVcpus) throw wrong;
  }
  return all;
}

/** The id of the vCPU of a state. */
function idOf(state: SavedState, arch: string): number {
  checkKind(state, 'vcpu', arch);
  const { id } = state.header;
  if (id === undefined) throw broken('the state of a vCPU has no id');
  return id;
}
