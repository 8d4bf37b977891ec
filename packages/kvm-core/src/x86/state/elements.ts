import { broken } from '../../state/saved-state.js';
import type { Struct, StructType } from '../../struct/struct.js';

/** A part of a state that is several structs of one type, one after the other. */
export function joined(elements: Iterable<Struct>): Uint8Array {
  return Buffer.concat([...elements].map(({ bytes }) => bytes));
}

export function split<T extends Struct>(bytes: Uint8Array, type: StructType<T>, name: string): T[] {
  const { size, cName } = type;
  if (bytes.length % size !== 0) {
    throw broken(`${name} has ${bytes.length} bytes, which is no whole number of struct ${cName}`);
  }
  const { buffer } = new Uint8Array(bytes);
  return Array.from({ length: bytes.length / size }, (_, i) => new type({ buffer, byteOffset: i * size }));
}
