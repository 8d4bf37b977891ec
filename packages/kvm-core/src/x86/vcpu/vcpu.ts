import type { VcpuParts } from '../../vcpu/vcpu.js';
import { exits } from '../exits.js';
import { X86VcpuSaving } from './saving.js';

/** A virtual CPU. `vm.createVcpu` makes one; the thread that made it is the one that runs it. */
export class Vcpu extends X86VcpuSaving {
  /** @internal `vm.createVcpu`. */
  constructor(parts: VcpuParts) {
    super(parts, exits);
  }
}
