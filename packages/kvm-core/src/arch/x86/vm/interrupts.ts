import type {
  KvmIoapicState,
  KvmIrqChip,
  KvmPicState,
  KvmPitConfig,
  KvmPitState,
  KvmPitState2,
} from '../../../abi/x86/index.js';
import * as abi from '../../../abi/x86/index.js';
import { boolean, integer, u32 } from '../../../struct/check.js';
import type { StructInit } from '../../../struct/struct.js';
import { GenericVm } from '../../../vm/vm.js';
import type { Vcpu } from '../vcpu/vcpu.js';

const { IrqChipId } = abi;

type PicId = typeof IrqChipId.PicMaster | typeof IrqChipId.PicSlave;
type IoapicId = typeof IrqChipId.Ioapic;

/** The interrupt controllers and timers of a PC. */
export abstract class X86VmInterrupts extends GenericVm<Vcpu> {
  /**
   * Only the local APICs in the kernel, one for each later vCPU; the I/O APIC and, if there is one, the PIC are this process's. A
   * guest's end of a level-triggered interrupt on a routed vector is an exit, `ExitReason.IoapicEoi`. Before the first vCPU. x86,
   * Cap.SplitIrqChip, by KVM_ENABLE_CAP.
   *
   * @param pins how many GSIs, from 0 on, belong to the I/O APIC of this process: 24 for that of a PC.
   */
  createSplitIrqChip(pins: number): void {
    this.opened();
    integer(pins, 0, this.gsiLimit(), 'the number of pins');
    this.enableCap(abi.Cap.SplitIrqChip, [BigInt(pins)]);
  }

  /**
   * The state of one of the controllers that `createIrqChip` made: a view of it alone, of the right type. KVM_GET_IRQCHIP, api.rst
   * 4.26. x86, Cap.IrqChip.
   */
  getIrqChip(id: PicId): KvmPicState;
  getIrqChip(id: IoapicId): KvmIoapicState;
  getIrqChip(id: abi.IrqChipId): KvmPicState | KvmIoapicState;
  getIrqChip(id: abi.IrqChipId): KvmPicState | KvmIoapicState {
    return stateOf(this.read(abi.KVM_GET_IRQCHIP, abi.KvmIrqChip.from({ chipId: chipId(id) })));
  }

  /** Sets the state of one of them; fields that are not given become 0. KVM_SET_IRQCHIP, api.rst 4.27. x86, Cap.IrqChip. */
  setIrqChip(id: PicId, state: StructInit<KvmPicState>): void;
  setIrqChip(id: IoapicId, state: StructInit<KvmIoapicState>): void;
  setIrqChip(id: abi.IrqChipId, state: StructInit<KvmPicState> | StructInit<KvmIoapicState>): void {
    const argument = abi.KvmIrqChip.from({ chipId: chipId(id) });
    stateOf(argument).assign(state as object);
    this.write(abi.KVM_SET_IRQCHIP, argument);
  }

  /**
   * Sets the level of an interrupt line of the PC: a GSI, which starts out as the pin of the same number of the I/O APIC and, below
   * 16, of the PIC. KVM_IRQ_LINE, api.rst 4.25. Cap.IrqChip, and an interrupt controller in the kernel.
   */
  override irqLine(gsi: number, level: boolean): void {
    this.checkGsi(gsi);
    super.irqLine(gsi, level);
  }

  override irqLineStatus(gsi: number, level: boolean): number {
    this.checkGsi(gsi);
    return super.irqLineStatus(gsi, level);
  }

  /** The kernel ignores a line that cannot be. */
  private checkGsi(gsi: number): void {
    this.opened();
    integer(gsi, 0, this.gsiLimit() - 1, 'gsi');
  }

  /** An i8254 timer in the kernel, as `createPit2()` makes it: the older call. KVM_CREATE_PIT. x86, Cap.Pit. */
  createPit(): void {
    this.call(abi.KVM_CREATE_PIT);
  }

  /** An i8254 timer in the kernel, after `createIrqChip`. KVM_CREATE_PIT2, api.rst 4.71. x86, Cap.Pit2. */
  createPit2(config: StructInit<KvmPitConfig> = {}): void {
    this.write(abi.KVM_CREATE_PIT2, config);
  }

  /** The three channels of the timer. KVM_GET_PIT. x86, Cap.Pit. */
  getPit(into?: KvmPitState): KvmPitState {
    return this.read(abi.KVM_GET_PIT, into);
  }

  /** Sets the channels of the timer, which begins to count anew. KVM_SET_PIT. x86, Cap.Pit. */
  setPit(state: StructInit<KvmPitState>): void {
    this.write(abi.KVM_SET_PIT, state);
  }

  /** The three channels of the timer, and its `PitStateFlag`s. KVM_GET_PIT2, api.rst 4.72. x86, Cap.PitState2. */
  getPit2(into?: KvmPitState2): KvmPitState2 {
    return this.read(abi.KVM_GET_PIT2, into);
  }

  /** Sets the channels and flags of the timer, which begins to count anew. KVM_SET_PIT2, api.rst 4.73. x86, Cap.PitState2. */
  setPit2(state: StructInit<KvmPitState2>): void {
    this.write(abi.KVM_SET_PIT2, state);
  }

  /**
   * Whether the timer makes up for ticks that the guest was not there to take: on at the start. KVM_REINJECT_CONTROL, api.rst 4.99.
   * x86, Cap.ReinjectControl.
   */
  reinjectControl(pitReinject: boolean): void {
    this.write(abi.KVM_REINJECT_CONTROL, { pitReinject: Number(boolean(pitReinject, 'pitReinject')) });
  }

  /**
   * Which vCPU is the bootstrap processor; 0 without this call. Before the first vCPU. KVM_SET_BOOT_CPU_ID, api.rst 4.41. x86,
   * Cap.SetBootCpuId.
   */
  setBootCpuId(id: number): void {
    this.call(abi.KVM_SET_BOOT_CPU_ID, u32(id, 'a vCPU id'));
  }
}

function chipId(id: number): number {
  return integer(id, 0, abi.KVM_NR_IRQCHIPS - 1, 'the id of an interrupt controller');
}

/** The member of the union that belongs to the controller. */
function stateOf({ chipId, chip }: KvmIrqChip): KvmPicState | KvmIoapicState {
  return chipId === IrqChipId.Ioapic ? chip.ioapic : chip.pic;
}
