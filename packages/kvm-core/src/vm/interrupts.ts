import type { KvmIrqfd } from '../abi/x86/structs.js';
import { KvmError } from '../errors/kvm-error.js';
import { KvmFd } from '../ioctl/kvm-fd.js';
import { boolean, integer, list, u32 } from '../struct/check.js';
import { optionsOf } from '../struct/options.js';
import type { StructInit } from '../struct/struct.js';
import { EventFd } from './event-fd.js';
import { type GsiRoute, type MsiMessage, messageFields, routingEntry } from './gsi-route.js';

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
export abstract class VmInterrupts extends KvmFd<'vm'> {
  /**
   * An interrupt controller in the kernel: on x86 a PIC, an I/O APIC, and for each later vCPU a local APIC. It must come before
   * the first vCPU. KVM_CREATE_IRQCHIP, api.rst 4.24. Cap.IrqChip.
   */
  createIrqChip(): void {
    this.call(this.abi.KVM_CREATE_IRQCHIP);
  }

  /**
   * Sets the level of an interrupt line. KVM_IRQ_LINE, api.rst 4.25. Cap.IrqChip, and an interrupt controller in the kernel. Not
   * on s390 and mips.
   *
   * @param gsi the line; on arm64 its type, vCPU and number in one, as `KVM_ARM_IRQ_…_SHIFT` place them.
   * @param level true to raise it. An edge-triggered line wants both, one after the other.
   */
  irqLine(gsi: number, level: boolean): void {
    this.write(this.abi.KVM_IRQ_LINE, this.line(gsi, level));
  }

  /**
   * Sets the level of an interrupt line, and says what came of it. KVM_IRQ_LINE_STATUS, api.rst 4.25. Cap.IrqInjectStatus.
   *
   * @returns the number of vCPUs it reached; 0 when an interrupt from before was still waiting there; negative when the line is
   *   masked, or nobody listens to it.
   */
  irqLineStatus(gsi: number, level: boolean): number {
    const line = this.abi.KvmIrqLevel.from(this.line(gsi, level));
    return this.read(this.abi.KVM_IRQ_LINE_STATUS, line).status;
  }

  private line(gsi: number, level: boolean): { irq: number; level: number } {
    return { irq: u32(gsi, 'gsi'), level: Number(boolean(level, 'level')) };
  }

  /**
   * Says what each GSI is wired to, in the place of all that was said before, and of the wiring that an interrupt controller starts
   * with. A GSI may have several routes to pins, or one to a message. KVM_SET_GSI_ROUTING, api.rst 4.52. Cap.IrqRouting, and an
   * interrupt controller in the kernel.
   *
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for a route to nothing known, or to two things, `ERR_KVM_OUT_OF_RANGE` for a GSI that
   *   is not below what Cap.IrqRouting gives.
   */
  setGsiRouting(routes: ArrayLike<GsiRoute>): void {
    this.opened();
    const limit = this.gsiLimit();
    const own = list(routes, 'routes');
    integer(own.length, 0, limit, 'the number of routes');
    const entries = own.map((route) => routingEntry(this.abi, route, limit));
    this.write(this.abi.KVM_SET_GSI_ROUTING, { entries });
  }

  /** One more than the largest GSI that can be routed. */
  protected gsiLimit(): number {
    const limit = this.hostCapability(this.abi.Cap.IrqRouting);
    return limit > 0 ? limit : 2 ** 32;
  }

  /**
   * Delivers a message-signalled interrupt at once, without a route. KVM_SIGNAL_MSI, api.rst 4.71. Cap.SignalMsi, and an interrupt
   * controller in the kernel.
   *
   * @returns whether it was delivered, and not blocked by the guest.
   */
  signalMsi(message: MsiMessage): boolean {
    const fields = messageFields(message);
    const flags = message.devId === undefined ? 0 : this.abi.MsiFlag.ValidDevId;
    return this.write(this.abi.KVM_SIGNAL_MSI, { ...fields, flags }) > 0;
  }

  /**
   * Connects an eventfd to an interrupt line, or with `IrqfdFlag.Deassign` parts them: what is written to it interrupts the
   * guest, with no vCPU leaving it. KVM_IRQFD, api.rst 4.75. Cap.Irqfd, and an interrupt controller in the kernel.
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
