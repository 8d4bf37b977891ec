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

/** The calls for the interrupt controllers and timers of a PC. */
export abstract class X86VmInterrupts extends GenericVm<Vcpu> {
  /**
   * Creates only local APICs in the kernel, one for each later vCPU. This process emulates the I/O APIC and, if it
   * wants one, the PIC. When the guest ends a level-triggered interrupt on a routed vector, it exits with
   * `ExitReason.IoapicEoi`. Call this before the first vCPU. x86, Cap.SplitIrqChip, with KVM_ENABLE_CAP.
   *
   * @param pins the number of GSIs, from 0 on, that belong to the I/O APIC of this process: 24 for that of a PC.
   */
  createSplitIrqChip(pins: number): void {
    this.opened();
    integer(pins, 0, this.gsiLimit(), 'the number of pins');
    this.enableCap(abi.Cap.SplitIrqChip, [BigInt(pins)]);
  }

  /**
   * The state of one of the controllers that `createIrqChip` created, as a view of its own type. KVM_GET_IRQCHIP,
   * api.rst 4.26. x86, Cap.IrqChip.
   */
  getIrqChip(id: PicId): KvmPicState;
  getIrqChip(id: IoapicId): KvmIoapicState;
  getIrqChip(id: abi.IrqChipId): KvmPicState | KvmIoapicState;
  getIrqChip(id: abi.IrqChipId): KvmPicState | KvmIoapicState {
    return stateOf(this.read(abi.KVM_GET_IRQCHIP, abi.KvmIrqChip.from({ chipId: chipId(id) })));
  }

  /** Sets the state of a controller. Missing fields become 0. KVM_SET_IRQCHIP, api.rst 4.27. x86, Cap.IrqChip. */
  setIrqChip(id: PicId, state: StructInit<KvmPicState>): void;
  setIrqChip(id: IoapicId, state: StructInit<KvmIoapicState>): void;
  setIrqChip(id: abi.IrqChipId, state: StructInit<KvmPicState> | StructInit<KvmIoapicState>): void {
    const argument = abi.KvmIrqChip.from({ chipId: chipId(id) });
    stateOf(argument).assign(state as object);
    this.write(abi.KVM_SET_IRQCHIP, argument);
  }

  /**
   * Sets the level of an interrupt line: a GSI, which is at first the pin with the same number of the I/O APIC and,
   * below 16, of the PIC. KVM_IRQ_LINE, api.rst 4.25. Cap.IrqChip, and an interrupt controller in the kernel.
   */
  override irqLine(gsi: number, level: boolean): void {
    this.checkGsi(gsi);
    super.irqLine(gsi, level);
  }

  override irqLineStatus(gsi: number, level: boolean): number {
    this.checkGsi(gsi);
    return super.irqLineStatus(gsi, level);
  }

  /** Checks the line, because the kernel ignores invalid ones. */
  private checkGsi(gsi: number): void {
    this.opened();
    integer(gsi, 0, this.gsiLimit() - 1, 'gsi');
  }

  /** The older call for `createPit2()`. KVM_CREATE_PIT. x86, Cap.Pit. */
  createPit(): void {
    this.call(abi.KVM_CREATE_PIT);
  }

  /** Creates an i8254 timer in the kernel, after `createIrqChip`. KVM_CREATE_PIT2, api.rst 4.71. x86, Cap.Pit2. */
  createPit2(config: StructInit<KvmPitConfig> = {}): void {
    this.write(abi.KVM_CREATE_PIT2, config);
  }

  /** The three channels of the timer. KVM_GET_PIT. x86, Cap.Pit. */
  getPit(into?: KvmPitState): KvmPitState {
    return this.read(abi.KVM_GET_PIT, into);
  }

  /** Sets the channels of the timer, which restarts counting. KVM_SET_PIT. x86, Cap.Pit. */
  setPit(state: StructInit<KvmPitState>): void {
    this.write(abi.KVM_SET_PIT, state);
  }

  /** The three channels of the timer, and its `PitStateFlag`s. KVM_GET_PIT2, api.rst 4.72. x86, Cap.PitState2. */
  getPit2(into?: KvmPitState2): KvmPitState2 {
    return this.read(abi.KVM_GET_PIT2, into);
  }

  /**
   * Sets the channels and flags of the timer, which restarts counting. KVM_SET_PIT2, api.rst 4.73. x86, Cap.PitState2.
   */
  setPit2(state: StructInit<KvmPitState2>): void {
    this.write(abi.KVM_SET_PIT2, state);
  }

  /**
   * Sets whether the timer reinjects ticks that the guest has missed; default true. KVM_REINJECT_CONTROL, api.rst 4.99.
   * x86, Cap.ReinjectControl.
   */
  reinjectControl(pitReinject: boolean): void {
    this.write(abi.KVM_REINJECT_CONTROL, { pitReinject: Number(boolean(pitReinject, 'pitReinject')) });
  }

  /**
   * Sets the id of the bootstrap processor, which is 0 by default. Call this before the first vCPU.
   * KVM_SET_BOOT_CPU_ID, api.rst 4.41. x86, Cap.SetBootCpuId.
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
