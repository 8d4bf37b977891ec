import * as abi from '../abi/s390/index.js';
import { KvmError } from '../errors/kvm-error.js';
import type { StructInit } from '../struct/struct.js';

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
  bytes: Uint8Array,
  address: (bytes: Uint8Array) => number,
): { argument: abi.KvmS390MemOp; behind: Uint8Array[] } {
  const { old, ...fields } = options;
  const argument = abi.KvmS390MemOp.from(fields);
  argument.size = bytesOf(bytes, 'the bytes of a memory operation').length;
  argument.buf = BigInt(address(bytes));
  const exchanges = argument.op === abi.KVM_S390_MEMOP_ABSOLUTE_CMPXCHG;
  if (exchanges !== (old !== undefined)) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', 'KVM_S390_MEMOP_ABSOLUTE_CMPXCHG and `old` go together');
  }
  if (old === undefined) return { argument, behind: [bytes] };
  if (bytesOf(old, 'old').length !== bytes.length) {
    throw new KvmError(
      'ERR_KVM_OUT_OF_RANGE',
      `old must have ${bytes.length} bytes, as what takes its place, not ${old.length}`,
    );
  }
  argument.oldAddr = BigInt(address(old));
  return { argument, behind: [bytes, old] };
}

export function bytesOf(bytes: unknown, what: string): Uint8Array {
  if (!(bytes instanceof Uint8Array)) throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${what} must be a Uint8Array`);
  return bytes;
}
