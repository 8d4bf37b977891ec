import type { KvmRun } from '../abi/loongarch/index.js';
import { GenericVcpu, type VcpuParts } from '../vcpu/vcpu.js';
import { type Exit, exits } from './exits.js';

/** A virtual CPU. `vm.createVcpu` makes one; the thread that made it is the one that runs it. */
export class Vcpu extends GenericVcpu<Exit, KvmRun> {
  /** @internal `vm.createVcpu`. */
  constructor(parts: VcpuParts) {
    super(parts, exits);
  }
}
