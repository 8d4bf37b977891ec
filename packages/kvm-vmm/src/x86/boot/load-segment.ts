import { type GuestMemory, KvmError } from '@kvm/core';
import { ramOffset } from '../../memory/memory-map.js';
import type { BootSegment } from './plan.js';

/** Reads a segment straight into memory, as much at a time as lies in one window of it. */
export function loadSegment(
  memory: Pick<GuestMemory, 'size' | 'windowSize' | 'bytes'>,
  { name, addr, size, source, offset }: BootSegment,
): void {
  const start = ramOffset(Number(addr), size, memory.size);
  if (start === undefined) throw new KvmError('ERR_KVM_OUT_OF_RANGE', `${name} is not all in the guest's memory`);
  for (let done = 0; done < size; ) {
    const at = start + done;
    const count = Math.min(size - done, memory.windowSize - (at % memory.windowSize));
    source.read(offset + done, memory.bytes(at, count));
    done += count;
  }
}
