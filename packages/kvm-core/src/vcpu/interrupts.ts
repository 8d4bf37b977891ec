import { StatsFd } from '../ioctl/stats.js';

/** The interrupts of a vCPU. */
export abstract class VcpuInterrupts extends StatsFd<'vcpu'> {
  readonly kind = 'vcpu';
}
