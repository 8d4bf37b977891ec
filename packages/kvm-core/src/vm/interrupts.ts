import type { KvmIrqfd } from '../abi/x86/structs.js';
import { KvmError } from '../errors/kvm-error.js';
import { KvmFd } from '../ioctl/kvm-fd.js';
import { boolean, integer, list, u32 } from '../struct/check.js';
import { optionsOf } from '../struct/options.js';
import type { StructInit } from '../struct/struct.js';
import { EventFd } from './event-fd.js';
import { type GsiRoute, type MsiMessage, messageFields, routingEntry } from './gsi-route.js';

/** The connection of an eventfd to an interrupt line. */
export interface IrqfdConfig {
  eventfd: EventFd;
  /** The interrupt line: a pin of the interrupt controller, or the target of a route. */
  gsi: number;
  /** Flags of `IrqfdFlag`. Default: 0. */
  flags?: number;
  /** Makes the interrupt level-triggered; signalled when the guest acknowledges it. Cap.IrqfdResample. */
  resample?: EventFd;
}

/** The interrupts of a VM: its controllers in the kernel, and the lines that lead to them. */
export abstract class VmInterrupts extends KvmFd<'vm'> {
  /**
   * Creates an interrupt controller in the kernel: on x86 a PIC, an I/O APIC, and for each later vCPU a local APIC.
   * Call it before the first vCPU. KVM_CREATE_IRQCHIP, api.rst 4.24. Cap.IrqChip.
   */
  createIrqChip(): void {
    this.call(this.abi.KVM_CREATE_IRQCHIP);
  }

  /**
   * Sets the level of an interrupt line. KVM_IRQ_LINE, api.rst 4.25. Cap.IrqChip, and an interrupt controller in the
   * kernel. Not on s390 and mips.
   *
   * @param gsi the line; on arm64 its type, vCPU and number in one value, at `KVM_ARM_IRQ_…_SHIFT`.
   * @param level true to raise it. For an edge-triggered line, raise it and then lower it.
   */
  irqLine(gsi: number, level: boolean): void {
    this.write(this.abi.KVM_IRQ_LINE, this.line(gsi, level));
  }

  /**
   * Sets the level of an interrupt line, and returns the effect. KVM_IRQ_LINE_STATUS, api.rst 4.25.
   * Cap.IrqInjectStatus.
   *
   * @returns the number of vCPUs it reached; 0 if an earlier interrupt is still pending; negative if the line is masked
   *   or not connected.
   */
  irqLineStatus(gsi: number, level: boolean): number {
    const line = this.abi.KvmIrqLevel.from(this.line(gsi, level));
    return this.read(this.abi.KVM_IRQ_LINE_STATUS, line).status;
  }

  private line(gsi: number, level: boolean): { irq: number; level: number } {
    return { irq: u32(gsi, 'gsi'), level: Number(boolean(level, 'level')) };
  }

  /**
   * Sets the routes of all GSIs. They replace all earlier routes, including the initial ones of the interrupt
   * controller. A GSI may have several routes to pins, or one to a message. KVM_SET_GSI_ROUTING, api.rst 4.52.
   * Cap.IrqRouting, and an interrupt controller in the kernel.
   *
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for a route with no known target or with two, `ERR_KVM_OUT_OF_RANGE`
   *   for a GSI that is not below the value of Cap.IrqRouting.
   */
  setGsiRouting(routes: ArrayLike<GsiRoute>): void {
    this.opened();
    const limit = this.gsiLimit();
    const copy = list(routes, 'routes');
    integer(copy.length, 0, limit, 'the number of routes');
    const entries = copy.map((route) => routingEntry(this.abi, route, limit));
    this.write(this.abi.KVM_SET_GSI_ROUTING, { entries });
  }

  /** One more than the largest GSI that can be routed. */
  protected gsiLimit(): number {
    const limit = this.hostCapability(this.abi.Cap.IrqRouting);
    return limit > 0 ? limit : 2 ** 32;
  }

  /**
   * Delivers a message-signalled interrupt immediately, without a route. KVM_SIGNAL_MSI, api.rst 4.71. Cap.SignalMsi,
   * and an interrupt controller in the kernel.
   *
   * @returns true if it was delivered, false if the guest blocked it.
   */
  signalMsi(message: MsiMessage): boolean {
    const fields = messageFields(message);
    const flags = message.devId === undefined ? 0 : this.abi.MsiFlag.ValidDevId;
    return this.write(this.abi.KVM_SIGNAL_MSI, { ...fields, flags }) > 0;
  }

  /**
   * Connects an eventfd to an interrupt line, or disconnects it with `IrqfdFlag.Deassign`. A write to the eventfd
   * interrupts the guest without a vCPU exit. KVM_IRQFD, api.rst 4.75. Cap.Irqfd, and an interrupt controller in the
   * kernel.
   */
  irqfd(config: IrqfdConfig): void {
    const {
      eventfd,
      gsi,
      flags = 0,
      resample,
    } = optionsOf(config, 'an interrupt line', ['eventfd', 'gsi', 'flags', 'resample']);
    this.opened();
    integer(gsi, 0, this.gsiLimit() - 1, 'gsi');
    const resampling = resample === undefined ? 0 : this.abi.IrqfdFlag.Resample;
    if ((u32(flags, 'flags') & this.abi.IrqfdFlag.Resample & ~resampling) !== 0) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'IrqfdFlag.Resample needs an eventfd in resample');
    }
    const fields: StructInit<KvmIrqfd> = {
      fd: EventFd.descriptorOf(eventfd, 'eventfd'),
      gsi,
      flags: flags | resampling,
    };
    if (resample !== undefined) fields.resamplefd = EventFd.descriptorOf(resample, 'resample');
    this.write(this.abi.KVM_IRQFD, fields);
  }
}
