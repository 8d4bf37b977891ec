import { constants } from 'node:os';
import * as abi from '../../../abi/x86/index.js';
import { ifPresent, type Part, structPart } from '../../../state/parts.js';
import type { X86VmCalls as Vm } from '../vm/calls.js';

const { EEXIST, ENXIO } = constants.errno;

/** The guest's clock. It is restored before the vCPUs, whose Xen state has times of this clock. */
export const clockPart: Part<Vm> = structPart(
  'clock',
  abi.KvmClockData,
  (vm) => ifPresent(() => vm.getClock()),
  // The guest's time continues where it stopped. The other fields are about the host's time.
  (vm, { clock }) => vm.setClock({ clock }),
);

/** The interrupt controllers and the timer, in the order of restoring. */
export const controllerParts: readonly Part<Vm>[] = [
  // ENXIO: the controller is not in the kernel.
  ...[0, 1].map((id) =>
    structPart<Vm, abi.KvmPicState>(
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

/** Creates the controllers that a state has and the VM lacks. */
export function createControllers(vm: Vm, has: (part: string) => boolean): void {
  // Checking first would cost three system calls and an error at each restore.
  if (has('irqChip/0')) ifPresent(() => vm.createIrqChip(), EEXIST);
  if (has('pit2')) ifPresent(() => vm.createPit2(), EEXIST);
}
