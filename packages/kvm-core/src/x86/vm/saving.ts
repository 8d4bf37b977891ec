import { constants } from 'node:os';
import * as abi from '../../abi/x86/index.js';
import { KvmFd } from '../../ioctl/kvm-fd.js';
import { ifPresent, type Part, structPart } from '../../state/parts.js';
import type { SavedState } from '../../state/saved-state.js';
import { xenVmPart } from '../state/xen-parts.js';
import { isXen } from '../xen.js';
import { X86VmEncryption } from './encryption.js';

const { ENXIO } = constants.errno;

/** The guest's clock, which is there before the vCPUs: some of what Xen keeps of them is times of it. */
const clock: Part<X86VmSaving> = structPart(
  'clock',
  abi.KvmClockData,
  (vm) => ifPresent(() => vm.getClock()),
  // The guest's time goes on where it stopped; the rest of the struct speaks of the host's.
  (vm, { clock }) => vm.setClock({ clock }),
);

/** What else an x86 VM is made of beside its memory and its vCPUs, in the order it has to be restored in. */
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
];

/** What the state of a VM is made of. */
export abstract class X86VmSaving extends X86VmEncryption {
  protected override readonly earlyParts: readonly Part<this>[] = [clock, this.#xen()];
  protected readonly stateParts = vmParts;

  #xen(): Part<this> {
    const { name, save, restore } = xenVmPart;
    const saved = (vm: this) => ({ vm, isXen: () => isXen(KvmFd.descriptorOf(vm)) });
    return { name, save: (vm) => save(saved(vm)), restore: (vm, bytes) => restore(saved(vm), bytes) };
  }

  /** Controllers are there before the vCPUs, whose local APICs come with them; what is in them depends on these. */
  protected override prepare(own: SavedState): void {
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
  }
}

function createUnlessThere(look: () => unknown, create: () => void): void {
  if (ifPresent(look, ENXIO) === undefined) create();
}
