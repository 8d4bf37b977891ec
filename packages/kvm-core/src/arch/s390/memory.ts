import * as abi from '../../abi/s390/index.js';
import { KvmError } from '../../errors/kvm-error.js';
import { bytesGiven } from '../../struct/bytes.js';
import type { StructInit } from '../../struct/struct.js';

/** The options of `memOp`. */
export type MemOpOptions = Omit<StructInit<abi.KvmS390MemOp>, 'buf' | 'size' | 'oldAddr'> & {
  /**
   * For `KVM_S390_MEMOP_ABSOLUTE_CMPXCHG`: the expected content, as many bytes as the new one. If the memory holds
   * something else, the kernel writes that here.
   */
  old?: Uint8Array;
};

/** The struct of a memory operation, and the buffers that its addresses point to. */
export function memOp(
  options: MemOpOptions,
  data: Uint8Array,
  address: (bytes: Uint8Array) => number,
): { argument: abi.KvmS390MemOp; behind: Uint8Array[] } {
  const { old, ...fields } = options;
  const argument = abi.KvmS390MemOp.from(fields);
  const bytes = bytesGiven(data, 'the bytes of a memory operation');
  argument.size = bytes.length;
  argument.buf = BigInt(address(bytes));
  const exchanges = argument.op === abi.KVM_S390_MEMOP_ABSOLUTE_CMPXCHG;
  if (exchanges !== (old !== undefined)) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'KVM_S390_MEMOP_ABSOLUTE_CMPXCHG and `old` go together');
  }
  if (old === undefined) return { argument, behind: [bytes] };
  const there = bytesGiven(old, 'old');
  if (there.length !== bytes.length) {
    throw new KvmError(
      'ERR_KVM_OUT_OF_RANGE',
      `old must have ${bytes.length} bytes, as many as the new content, not ${there.length}`,
    );
  }
  argument.oldAddr = BigInt(address(there));
  return { argument, behind: [bytes, there] };
}
