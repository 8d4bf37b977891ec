import * as abi from '../../abi/s390/index.js';
import type { GuestMemory } from '../../memory/guest-memory.js';
import { wholePages64 } from '../../memory/sizes.js';
import { bytesGiven } from '../../struct/bytes.js';
import { objectOf } from '../../struct/check.js';
import type { VcpuResources } from '../../vcpu/resources.js';
import { adoptVcpu, type TransferredVcpu } from '../../vcpu/transfer.js';
import { GenericVcpu } from '../../vcpu/vcpu.js';
import { isGuestMemory } from '../../vm/memory.js';
import { s390 } from './architecture.js';
import { type Exit, exitMakers } from './exit.js';
import { type MemOpOptions, memOp } from './memory.js';

/** Bytes for the interrupts of a vCPU: enough for all that can be pending, from every source. */
const irqStateSize = 0x10_0000;

/** A virtual CPU. `vm.createVcpu` creates one. The thread that created or received it runs it. */
export class Vcpu extends GenericVcpu<Exit, abi.KvmRun> {
  /** @internal `vm.createVcpu`. */
  constructor(resources: VcpuResources) {
    super(resources, exitMakers);
  }

  /**
   * Takes the vCPU that another thread gave away with `transfer`. It belongs to this thread from now on.
   *
   * @throws KvmError `ERR_KVM_CLOSED` when it was taken already, `ERR_KVM_INVALID_ARGUMENT` for anything that
   *   `transfer` did not return.
   */
  static from(transferred: TransferredVcpu): Vcpu {
    return new Vcpu(adoptVcpu(s390, transferred));
  }

  /**
   * Reads or writes guest memory at a logical address of this vCPU, or checks whether that is allowed. `op` selects the
   * operation, for example `KVM_S390_MEMOP_LOGICAL_READ`. KVM_S390_MEM_OP, api.rst 4.89. s390, Cap.S390MemOp.
   *
   * @param bytes the data to write, or the buffer to read into; at most 64 KiB.
   */
  memOp(options: MemOpOptions, bytes: Uint8Array): void {
    const backend = this.opened();
    const { argument, behind } = memOp(objectOf(options, 'a memory operation'), bytes, (each) => backend.address(each));
    this.call(abi.KVM_S390_MEM_OP, this.addressOf(argument, behind));
  }

  /**
   * The pending interrupts: consecutive `KvmS390Irq` structs. KVM_S390_GET_IRQ_STATE, api.rst 4.95. s390,
   * Cap.S390IrqState.
   */
  getIrqState(): Uint8Array {
    const state = new Uint8Array(irqStateSize);
    const length = this.#irqState(abi.KVM_S390_GET_IRQ_STATE, state);
    return state.slice(0, length);
  }

  /**
   * Makes interrupts pending on a vCPU that has none pending. KVM_S390_SET_IRQ_STATE, api.rst 4.94. s390,
   * Cap.S390IrqState.
   */
  setIrqState(state: Uint8Array): void {
    this.#irqState(abi.KVM_S390_SET_IRQ_STATE, bytesGiven(state, 'the state of interrupts'));
  }

  #irqState(ioctl: typeof abi.KVM_S390_GET_IRQ_STATE | typeof abi.KVM_S390_SET_IRQ_STATE, state: Uint8Array): number {
    const buf = BigInt(this.opened().address(state));
    return this.call(ioctl, this.addressOf(abi.KvmS390IrqState.from({ buf, len: state.length }), [state]));
  }

  /**
   * Maps `memory` at `vcpuAddr` for a vCPU of a user-controlled VM. Address and size are multiples of 1 MiB. The memory
   * is kept until the VM is gone. KVM_S390_UCAS_MAP, api.rst 4.51. s390, Cap.S390Ucontrol.
   */
  ucasMap(memory: GuestMemory, vcpuAddr: bigint): void {
    isGuestMemory(memory);
    const pages = memory.bytes();
    const userAddr = BigInt(this.opened().address(pages));
    const length = BigInt(pages.length);
    const argument = abi.KvmS390UcasMapping.from({ userAddr, vcpuAddr: wholePages64(vcpuAddr, 'vcpuAddr'), length });
    this.call(abi.KVM_S390_UCAS_MAP, this.addressOf(argument, [pages]));
    this.hold(`user-controlled memory at ${vcpuAddr}`, { memory: pages, release: memory.hold() });
  }
}
