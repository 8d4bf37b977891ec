import * as abi from '../../abi/s390/index.js';
import { KvmError } from '../../errors/kvm-error.js';
import { bytesGiven } from '../../struct/bytes.js';
import type { StructInit } from '../../struct/struct.js';

/** What `memOp` takes beside the bytes. */
export type MemOpOptions = Omit<StructInit<abi.KvmS390MemOp>, 'buf' | 'size' | 'oldAddr'> & {
  /**
   * With `KVM_S390_MEMOP_ABSOLUTE_CMPXCHG`: what has to be there for the bytes to take its place, as many bytes as these; when something else
   * is, that is put here.
   */
  old?: Uint8Array;
};

/** The struct of a memory operation, and the memory behind its addresses. */
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
      `old must have ${bytes.length} bytes, as what takes its place, not ${there.length}`,
    );
  }
  argument.oldAddr = BigInt(address(there));
  return { argument, behind: [bytes, there] };
}
