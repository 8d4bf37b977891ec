import { constants } from 'node:os';
import * as abi from '../../abi/x86/index.js';
import { KvmError } from '../../errors/kvm-error.js';
import type { GuestMemory } from '../../memory/guest-memory.js';
import { restoredMemory, savedMemory } from '../../state/memory.js';
import { checkKind, ifPresent, type Part, restoreParts, savedParts, structPart } from '../../state/parts.js';
import { broken, SavedState } from '../../state/saved-state.js';
import { GenericVcpu } from '../../vcpu/vcpu.js';
import type { Vcpu } from '../vcpu/vcpu.js';
import { X86VmMsrs } from './msrs.js';

const { ENXIO } = constants.errno;

/** What an x86 VM is made of beside its memory and its vCPUs, in the order it has to be restored in. */
const vmParts: readonly Part<X86VmSaving>[] = [
  // ENXIO: there is none in the kernel.
  ...[0, 1].map((id) =>
    structPart<X86VmSaving, abi.KvmPicState>(
      `irqChip/${id}`,
      abi.KvmPicState,
      (vm) => ifPresent(() => vm.getIrqChip(id as 0 | 1), ENXIO),
      (vm, state) => vm.setIrqChip(id as 0 | 1, state),
    ),
  ),
  structPart(
    'irqChip/2',
    abi.KvmIoapicState,
    (vm) => ifPresent(() => vm.getIrqChip(abi.IrqChipId.Ioapic), ENXIO),
    (vm, state) => vm.setIrqChip(abi.IrqChipId.Ioapic, state),
  ),
  structPart(
    'pit2',
    abi.KvmPitState2,
    (vm) => ifPresent(() => vm.getPit2(), ENXIO),
    (vm, state) => vm.setPit2(state),
  ),
  structPart(
    'clock',
    abi.KvmClockData,
    (vm) => ifPresent(() => vm.getClock()),
    // The guest's time goes on where it stopped; the rest of the struct speaks of the host's.
    (vm, { clock }) => vm.setClock({ clock }),
  ),
];

/** What `vm.restore` has made. */
export interface RestoredVm {
  /** The vCPUs, in the order they were saved in. */
  readonly vcpus: readonly Vcpu[];
  /** The memories, which the VM has in the slots it had. */
  readonly memories: readonly GuestMemory[];
}

/** The state of a VM as a whole. */
export abstract class X86VmSaving extends X86VmMsrs {
  /**
   * Everything of the VM that the host's KVM tells: its memory, vCPUs, interrupt controllers, timer and clock. While none of its vCPUs
   * runs.
   *
   * Not in it, for no kernel tells: the capabilities enabled on it, its interrupt routes, eventfds and I/O zones, its MSR filter.
   *
   * @param vcpus all that it has; one that another thread runs is given as the state that its `save` gave there.
   */
  save(vcpus: Iterable<Vcpu | SavedState>): SavedState {
    this.opened();
    const states = [...iterable(vcpus)].map((vcpu) => (vcpu instanceof SavedState ? vcpu : vcpu.save()));
    const ids = states.map((state) => idOf(state, this.archName));
    if (new Set(ids).size < ids.length) throw broken(`the vCPUs ${ids.join(', ')} are not all different ones`);
    return SavedState.of('vm', this.archName, [
      ...savedMemory(this.slots, abi.MemoryFlag.GuestMemfd),
      ...states.flatMap((state, i) =>
        state.header.parts.map(({ name }) => ({ name: `vcpu/${ids[i]}/${name}`, bytes: state.part(name) })),
      ),
      ...savedParts(vmParts, this),
    ]);
  }

  /**
   * Makes a VM what another one was: a fresh one, without memory and without vCPUs, on which the program has enabled what the other had
   * enabled. Interrupt controllers and the timer are created if the state has them and the VM does not.
   *
   * @throws KvmError `ERR_KVM_STATE` when the state is damaged, of something else, or does not fit this host. The VM is then good for nothing but to be closed.
   */
  restore(state: SavedState): RestoredVm {
    const backend = this.opened();
    checkKind(state, 'vm', this.archName);
    if (this.slots.size > 0) throw broken('a state is restored into a VM that has no memory yet');
    const own = state.selected((name) => (/^(?:slots$|memory\/|vcpu\/\d+\/.)/.test(name) ? undefined : name));
    const ids = new Set(state.header.parts.flatMap(({ name }) => /^vcpu\/(\d+)\//.exec(name)?.[1] ?? []));
    const { memories, slots } = restoredMemory(state, backend);
    const vcpus: Vcpu[] = [];
    try {
      for (const slot of slots) this.setUserMemoryRegion(slot);
      // Controllers are there before the vCPUs, whose local APICs come with them; what is in them depends on these.
      if (own.has('irqChip/0'))
        createUnlessThere(
          () => this.getIrqChip(0),
          () => this.createIrqChip(),
        );
      if (own.has('pit2'))
        createUnlessThere(
          () => this.getPit2(),
          () => this.createPit2(),
        );
      for (const id of ids) {
        const vcpu = this.createVcpu(Number(id));
        vcpus.push(vcpu);
        vcpu.restore(state.selected((name) => name.split(`vcpu/${id}/`)[1], 'vcpu'));
      }
      restoreParts(vmParts, this, own);
    } catch (error) {
      for (const each of [...vcpus, ...memories]) each.close();
      if (!(error instanceof KvmError) || error.code === 'ERR_KVM_STATE') throw error;
      throw broken(`this state cannot be restored here: ${error.message}`, error);
    }
    return { vcpus, memories };
  }
}

function createUnlessThere(look: () => unknown, create: () => void): void {
  if (ifPresent(look, ENXIO) === undefined) create();
}

function iterable(vcpus: Iterable<Vcpu | SavedState>): Iterable<Vcpu | SavedState> {
  const fits =
    typeof vcpus === 'object' &&
    vcpus !== null &&
    Symbol.iterator in vcpus &&
    [...vcpus].every((each) => each instanceof GenericVcpu || each instanceof SavedState);
  if (!fits)
    throw new KvmError(
      'ERR_KVM_INVALID_ARGUMENT',
      'the vCPUs to save must be given as a list of vCPUs or of their states',
    );
  return vcpus;
}

/** Which vCPU a state is of. */
function idOf(state: SavedState, arch: string): number {
  checkKind(state, 'vcpu', arch);
  const { id } = state.header;
  if (id === undefined) throw broken('the state of a vCPU does not say of which');
  return id;
}
