import type { KvmIrqfd } from '../abi/x86/structs.js';
import { KvmError } from '../errors/kvm-error.js';
import { given, u32 } from '../struct/check.js';
import type { StructInit } from '../struct/struct.js';
import { EventFd } from '../system/event-fd.js';
import { VmDevices } from './devices.js';

/** An interrupt line that an eventfd stands for. */
export interface IrqfdConfig {
  eventfd: EventFd;
  /** The interrupt line: a pin of the interrupt controller, or what a route says. */
  gsi: number;
  /** Of `IrqfdFlag`; 0. */
  flags?: number;
  /** Signalled when the guest has acknowledged the interrupt, which is level-triggered then. Cap.IrqfdResample. */
  resample?: EventFd;
}

/** The interrupts of a VM: its controllers in the kernel, and the lines that reach them. */
export abstract class VmInterrupts extends VmDevices {
  /**
   * An interrupt controller in the kernel: on x86 a PIC, an I/O APIC, and for each later vCPU a local APIC. It must come before
   * the first vCPU. KVM_CREATE_IRQCHIP, api.rst 4.24. Cap.IrqChip.
   */
  createIrqChip(): void {
    this.call(this.abi.KVM_CREATE_IRQCHIP);
  }

  /**
   * Connects an eventfd to an interrupt line, or with `IrqfdFlag.Deassign` parts them: what is written to it interrupts the
   * guest, with no vCPU leaving it. KVM_IRQFD, api.rst 4.75. Cap.Irqfd, and an interrupt controller in the kernel.
   */
  irqfd(config: IrqfdConfig): void {
    const { eventfd, gsi, flags = 0, resample } = given(config, 'an interrupt line');
    u32(gsi, 'gsi');
    const resampling = resample === undefined ? 0 : this.abi.IrqfdFlag.Resample;
    if ((flags & this.abi.IrqfdFlag.Resample & ~resampling) !== 0) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'IrqfdFlag.Resample needs an eventfd in resample');
    }
    const fields: StructInit<KvmIrqfd> = {
      fd: descriptorOf(eventfd, 'eventfd'),
      gsi,
      flags: u32(flags, 'flags') | resampling,
    };
    if (resample !== undefined) fields.resamplefd = descriptorOf(resample, 'resample');
    this.write(this.abi.KVM_IRQFD, fields);
  }
}

function descriptorOf(eventfd: EventFd, where: string): number {
  if (!(eventfd instanceof EventFd)) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${where} must be an EventFd`);
  return eventfd.fd;
}
