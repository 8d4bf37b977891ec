import { withGroups } from '../../../ioctl/groups.js';
import { VmSaving } from '../../../state/vm-saving.js';
import { VmStart } from '../../../threads/vm-start.js';
import { GenericVm } from '../../../vm/vm.js';
import type { Vcpu } from '../vcpu/vcpu.js';
import { X86VmClock } from './clock.js';
import { X86VmEncryption } from './encryption.js';
import { X86VmHyperV } from './hyperv.js';
import { X86VmInterrupts } from './interrupts.js';
import { X86VmMemory } from './memory.js';
import { X86VmMsrs } from './msrs.js';
import { X86VmPmu } from './pmu.js';
import { X86VmXen } from './xen.js';

/** All groups of calls of an x86 VM. */
export const X86VmCalls = /* @__PURE__ */ withGroups(
  GenericVm<Vcpu>,
  VmStart<Vcpu>,
  VmSaving<Vcpu>,
  X86VmInterrupts,
  X86VmClock,
  X86VmMemory,
  X86VmMsrs,
  X86VmPmu,
  X86VmXen,
  X86VmHyperV,
  X86VmEncryption,
);
export type X86VmCalls = InstanceType<typeof X86VmCalls>;
