import { bigInteger, integer, list, objectOf } from './check.js';
import { copyOf, Struct, type StructInit, type StructType, withFields } from './struct.js';

/** A generated class of a struct that ends in a flexible array. */
export interface FlexStructType<T extends FlexStruct = FlexStruct> extends StructType<T> {
  /** The size of one element in bytes. */
  readonly elementSize: number;
  /** The name of the array field. */
  readonly elements: string;
  /** The offset of the first element in bytes: less than `size` if the struct has padding at its end. */
  readonly elementsOffset: number;
  /** The name of the field that counts the elements, if there is one. */
  readonly count: string | undefined;
}

/**
 * A struct that ends in a flexible array.
 *
 * `withCapacity` allocates room for elements. The count field, which the kernel reads and writes, cannot be set beyond
 * this capacity. The array field is a view of that many elements.
 */
export abstract class FlexStruct extends Struct {
  /** A zeroed struct with room for `capacity` elements, which its count field counts. */
  static withCapacity<T extends FlexStruct>(this: FlexStructType<T>, capacity: number): T {
    integer(capacity, 0, Math.floor((2 ** 31 - this.size) / this.elementSize), `the capacity of struct ${this.cName}`);
    const byteLength = Math.max(this.size, this.elementsOffset + capacity * this.elementSize);
    const struct = new this({ buffer: new ArrayBuffer(byteLength), byteOffset: 0, byteLength });
    if (this.count !== undefined) {
      const fields = struct as unknown as Record<string, number | bigint>;
      fields[this.count] = typeof fields[this.count] === 'bigint' ? BigInt(capacity) : capacity;
    }
    return struct;
  }

  /** A new struct with these fields. The array among them determines its length and its count field. */
  static override from<T extends Struct>(this: StructType<T>, init: StructInit<T>): T {
    const type = this as unknown as FlexStructType<FlexStruct & T>;
    if (Struct.typeOf(init) === type) return copyOf(init as FlexStruct & T);
    const elements = (objectOf(init, `the fields of struct ${type.cName}`) as Record<string, unknown>)[type.elements] as
      | ArrayLike<unknown>
      | undefined;
    const length = elements === undefined ? 0 : list(elements, `${type.cName}.${type.elements}`).length;
    const struct = FlexStruct.withCapacity.call(type as never, length) as FlexStruct & T;
    return withFields(struct, init as StructInit<FlexStruct & T>);
  }

  /** The number of elements that fit. */
  static capacityOf(struct: FlexStruct): number {
    const { length } = Struct.bytesOf(struct);
    const { elementsOffset, elementSize } = Struct.typeOf(struct) as FlexStructType;
    return Math.floor((length - elementsOffset) / elementSize);
  }
}

/** Checks a value of the count field against the capacity. */
export function capacity<T extends number | bigint>(struct: FlexStruct, count: T, where: string): T {
  const room = FlexStruct.capacityOf(struct);
  if (typeof count === 'bigint') bigInteger(count, 0n, BigInt(room), where);
  else integer(count, 0, room, where);
  return count;
}

/** The number of elements: the value of the count field, limited to the capacity. */
export function elementCount(struct: FlexStruct, count?: number | bigint): number {
  const room = FlexStruct.capacityOf(struct);
  return count === undefined || count > room ? room : Number(count);
}

/** The capacity for elements of another size, for a union of two arrays. */
export function elementsOf(struct: FlexStruct, elementSize: number): number {
  const { length } = Struct.bytesOf(struct);
  const { elementsOffset } = Struct.typeOf(struct) as FlexStructType;
  return Math.floor((length - elementsOffset) / elementSize);
}
