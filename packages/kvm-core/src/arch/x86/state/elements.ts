import { broken } from '../../../state/saved-state.js';
import { FlexStruct, type FlexStructType } from '../../../struct/flex.js';
import { Struct, type StructType } from '../../../struct/struct.js';

/** A part of a state that consists of consecutive structs of one type. */
export function joined(elements: Iterable<Struct>): Uint8Array {
  return Buffer.concat([...elements].map(({ bytes }) => bytes));
}

/** The elements of such a part, as objects. */
export function split<T extends Struct>(bytes: Uint8Array, type: StructType<T>, name: string): T[] {
  checkWhole(bytes, type, name);
  const { size } = type;
  const { buffer } = new Uint8Array(bytes);
  return Array.from({ length: bytes.length / size }, (_, i) => new type({ buffer, byteOffset: i * size }));
}

/** @throws KvmError `ERR_KVM_STATE` if a part is not a whole number of structs. */
export function checkWhole(bytes: Uint8Array, { size, cName }: StructType, name: string): void {
  if (bytes.length % size !== 0) {
    throw broken(`${name} has ${bytes.length} bytes, which is not a whole number of struct ${cName}`);
  }
}

/**
 * The argument of a call that takes such elements. It copies bytes: an object for each would cost more than the call.
 */
export function listed<T extends FlexStruct>(elements: Uint8Array, type: FlexStructType<T>): T {
  const struct = FlexStruct.withCapacity.call(type as never, elements.length / type.elementSize) as T;
  Struct.bytesOf(struct).set(elements, type.elementsOffset);
  return struct;
}
