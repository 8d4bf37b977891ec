/** The runtime of generated struct classes, in @kvm/core and in other packages. */

export { fill, integers, nested, rows, type StructArray, structs } from './array.js';
export { getBigBits, getBits, setBigBits, setBits } from './bits.js';
export { bigInteger, boolean, integer, s8, s16, s32, s64, u8, u16, u32, u64 } from './check.js';
export { capacity, elementCount, elementsOf, FlexStruct, type FlexStructType } from './flex.js';
export { optionsOf, unknownName } from './options.js';
export { type FieldInit, Struct, type StructInit, type StructSource, type StructType } from './struct.js';
