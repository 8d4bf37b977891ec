import { KvmError } from '../../../errors/kvm-error.js';

/** The text in registers, four characters each starting at the lowest byte, up to the first NUL. */
export function textOf(words: ArrayLike<number>): string {
  const bytes = new Uint8Array(words.length * 4);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < words.length; i++) view.setUint32(i * 4, words[i] as number, true);
  const end = bytes.indexOf(0);
  return String.fromCharCode(...bytes.subarray(0, end === -1 ? undefined : end));
}

/** The values of registers that hold a text, padded with NULs. */
export function wordsOf(text: string, count: number, what: string): number[] {
  if (typeof text !== 'string' || !/^[\x20-\x7e]*$/.test(text) || text.length > count * 4) {
    throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `${what} must be text of up to ${count * 4} ASCII characters`);
  }
  const bytes = new Uint8Array(count * 4);
  bytes.set(Array.from(text, (character) => character.charCodeAt(0)));
  const view = new DataView(bytes.buffer);
  return Array.from({ length: count }, (_, i) => view.getUint32(i * 4, true));
}
