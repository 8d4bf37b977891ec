import { type GuestMemory, KvmError, Vcpu } from '@kvm/core';
import { optionsOf } from '@kvm/core/struct';
import { checkMemory } from '../../memory/memory-map.js';
import { setEntryState } from './entry-state.js';
import { loadSegment } from './load-segment.js';
import type { BootPlan } from './plan.js';

/**
 * Loads a kernel as planned by `planBoot`, each byte straight into the guest's memory, and sets the vCPU up to enter
 * it. The vCPU's CPUID must have long mode: call `vcpu.setCpuid2` first. The memory must be zero, as it is when it is
 * new: to boot again in the same memory, call `memory.discard()` first.
 *
 * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` if the memory has another size than the plan is for; what the sources
 *   throw.
 */
export function boot(vcpu: Vcpu, memory: GuestMemory, plan: BootPlan): void {
  if (!(vcpu instanceof Vcpu)) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'vcpu must be a Vcpu');
  loadSegments(memory, plan);
  setEntryState(vcpu, plan.entry);
}

/** The part of `boot` that loads. */
export function loadSegments(memory: GuestMemory, plan: BootPlan): void {
  checkMemory(memory);
  const { memorySize, segments } = optionsOf(plan, 'the plan of a boot', [
    'protocol',
    'memorySize',
    'segments',
    'entry',
  ]);
  if (memory.size !== memorySize) {
    throw new KvmError(
      'ERR_KVM_INVALID_ARGUMENT',
      `the plan is for ${memorySize} bytes of memory, and the guest has ${memory.size}`,
    );
  }
  for (const segment of segments) loadSegment(memory, segment);
}
