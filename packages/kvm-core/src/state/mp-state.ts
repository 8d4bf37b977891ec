import type { MpState } from '../abi/x86/groups.js';
import type { VcpuInterrupts } from '../vcpu/interrupts.js';
import { ifPresent, type Part } from './parts.js';
import { broken } from './saved-state.js';

/** Whether a vCPU runs, waits, or is stopped. */
export function mpStatePart<O>(vcpuOf: (object: O) => Pick<VcpuInterrupts, 'getMpState' | 'setMpState'>): Part<O> {
  return {
    name: 'mpState',
    save(object) {
      const state = ifPresent(() => vcpuOf(object).getMpState());
      return state === undefined ? undefined : new Uint8Array(Uint32Array.of(state).buffer);
    },
    restore(object, bytes) {
      if (bytes.length !== 4) throw broken(`mpState has ${bytes.length} bytes, not 4`);
      const state = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) as MpState;
      return () => vcpuOf(object).setMpState(state);
    },
  };
}
