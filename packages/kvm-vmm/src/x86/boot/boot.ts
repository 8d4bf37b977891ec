import { type GuestMemory, KvmError, type Vcpu } from '@kvm/core';
import { checkMemory, ramOffset } from '../../memory/memory-map.js';
import { setEntryState } from './entry-state.js';
import type { BootPlan, BootSegment } from './plan.js';

/**
 * Loads a kernel as planned by `planBoot`, each byte straight into the guest's memory, and sets the vCPU up to enter
 * it. The vCPU's CPUID must have long mode: call `vcpu.setCpuid2` first. The memory must be zero, as it is when it is
 * new: to boot again in the same memory, call `memory.discard()` first.
 *
 * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` if the memory has another size than the plan is for; what the sources
 *   throw.
 */
export function boot(vcpu: Vcpu, memory: GuestMemory, plan: BootPlan): void {
  loadSegments(memory, plan);
  setEntryState(vcpu, plan.entry);
}

/** The part of `boot` that loads: while the threads of a machine start. */
export function loadSegments(memory: GuestMemory, plan: BootPlan): void {
  checkMemory(memory);
  if (memory.size !== plan.memorySize) {
    throw new KvmError(
      'ERR_KVM_INVALID_ARGUMENT',
      `the plan is for ${plan.memorySize} bytes of memory, and the guest has ${memory.size}`,
    );
  }
  for (const segment of plan.segments) load(memory, segment);
}

/** Reads a segment into memory, a window of it at a time. */
function load(memory: GuestMemory, { name, addr, size, source, offset }: BootSegment): void {
  const start = ramOffset(Number(addr), size, memory.size);
  if (start === undefined) throw new KvmError('ERR_KVM_OUT_OF_RANGE', `${name} is not all in the guest's memory`);
  for (let done = 0; done < size; ) {
    const at = start + done;
    const count = Math.min(size - done, memory.windowSize - (at % memory.windowSize));
    source.read(offset + done, memory.bytes(at, count));
    done += count;
  }
}
