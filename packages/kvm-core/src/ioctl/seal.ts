import { readFileSync } from 'node:fs';
import { types } from 'node:util';
import type { Backend } from '../backend/backend.js';
import { KvmError } from '../errors/kvm-error.js';
import { AuxiliaryEntry, auxiliaryValue, auxiliaryVector } from '../memory/auxiliary-vector.js';
import { bytesOf, lengthOf } from '../struct/view.js';
import { nodeCrypto } from '../threads/node-modules.js';

/**
 * Numbers that go from thread to thread by way of the user's hands, and are believed on arrival: addresses, lengths, descriptors. So
 * they come with a seal, a keyed hash that only this process can make.
 */

const { isBigInt64Array } = types;
const sealBytes = 16;
const wordBytes = BigInt64Array.BYTES_PER_ELEMENT;

/** The numbers and their seal. @param kind and what else the seal is to hold for. */
export function seal(backend: Backend, kind: string, numbers: readonly number[]): BigInt64Array {
  const words = new BigInt64Array(numbers.length + sealBytes / wordBytes);
  words.set(numbers.map(BigInt));
  const sealed = bytesOf(words);
  const end = numbers.length * wordBytes;
  sealed.set(sealOf(backend, kind, sealed.subarray(0, end)), end);
  return words;
}

/** So many numbers, if that is what the words hold and they were sealed with the same kind; undefined otherwise. */
export function unseal(backend: Backend, kind: string, words: unknown, count: number): number[] | undefined {
  const end = count * wordBytes;
  if (!isBigInt64Array(words) || lengthOf(words) !== end + sealBytes) return undefined;
  // A copy: another thread may write to the words meanwhile.
  const sealed = new Uint8Array(bytesOf(words));
  if (!nodeCrypto().timingSafeEqual(sealed.subarray(end), sealOf(backend, kind, sealed.subarray(0, end))))
    return undefined;
  return Array.from(new BigInt64Array(sealed.buffer, 0, count), Number);
}

function sealOf(backend: Backend, kind: string, bytes: Uint8Array): Uint8Array {
  return nodeCrypto()
    .createHmac('sha256', keyOf(backend))
    .update(`${kind}\0`)
    .update(bytes)
    .digest()
    .subarray(0, sealBytes);
}

let key: Uint8Array | undefined;

/** The random bytes that the kernel gave the process at its start: the same in every thread, and in no other process. */
function keyOf(backend: Backend): Uint8Array {
  if (key === undefined) {
    const address = auxiliaryValue(readFileSync(auxiliaryVector), AuxiliaryEntry.Random);
    if (address === undefined)
      throw new KvmError('ERR_KVM_UNSUPPORTED', 'the kernel gave this process no random bytes');
    // Not a Buffer, which lies in memory that other Buffers show.
    key = new Uint8Array(new Uint8Array(backend.view(address, 16)));
  }
  return key;
}

export function notShared(what: string): KvmError {
  return new KvmError('ERR_KVM_INVALID_ARGUMENT', `this is not what ${what} of this process gave`);
}
