import type { KvmRun } from '../../../abi/x86/index.js';
import { withGroups } from '../../../ioctl/groups.js';
import { VcpuSaving } from '../../../state/vcpu-saving.js';
import { GenericVcpu } from '../../../vcpu/vcpu.js';
import type { Exit } from '../exit.js';
import { X86VcpuClock } from './clock.js';
import { X86VcpuCpuid } from './cpuid.js';
import { X86VcpuDebug } from './debug.js';
import { X86VcpuEncryption } from './encryption.js';
import { X86VcpuEvents } from './events.js';
import { X86VcpuExtendedState } from './extended-state.js';
import { X86VcpuHyperV } from './hyperv.js';
import { X86VcpuInterrupts } from './interrupts.js';
import { X86VcpuMachineCheck } from './machine-check.js';
import { X86VcpuMsrs } from './msrs.js';
import { X86VcpuNested } from './nested.js';
import { X86VcpuRegisters } from './registers.js';
import { X86VcpuSyncRegs } from './sync-regs.js';
import { X86VcpuXen } from './xen.js';

/** All groups of calls of an x86 vCPU. */
export const X86VcpuCalls = /* @__PURE__ */ withGroups(
  GenericVcpu<Exit, KvmRun>,
  VcpuSaving<Exit, KvmRun>,
  X86VcpuRegisters,
  X86VcpuMsrs,
  X86VcpuCpuid,
  X86VcpuExtendedState,
  X86VcpuEvents,
  X86VcpuNested,
  X86VcpuClock,
  X86VcpuMachineCheck,
  X86VcpuDebug,
  X86VcpuSyncRegs,
  X86VcpuInterrupts,
  X86VcpuXen,
  X86VcpuHyperV,
  X86VcpuEncryption,
);
export type X86VcpuCalls = InstanceType<typeof X86VcpuCalls>;
