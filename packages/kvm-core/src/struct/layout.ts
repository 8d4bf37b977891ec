import { Struct, type StructInit, type StructType } from './struct.js';

/** The position of a field in a struct, in bytes. */
export interface Place {
  readonly offset: number;
  readonly size: number;
}

/**
 * The positions of a struct's fields, with paths for nested structs: "regs.pc". The struct itself gives them: the bytes
 * of a field are those that become 0 when the field is set to 0.
 */
export function placesOf(type: StructType): Map<string, Place> {
  const places = new Map<string, Place>();
  for (const field of type.fields) {
    const struct = new type() as Struct & Record<string, unknown>;
    const value = struct[field];
    if (value instanceof Struct) {
      const start = value.bytes.byteOffset - struct.bytes.byteOffset;
      for (const [name, place] of placesOf(value.constructor as unknown as StructType)) {
        places.set(`${field}.${name}`, { ...place, offset: start + place.offset });
      }
      continue;
    }
    struct.bytes.fill(0xff);
    struct.assign({ [field]: zero(value) } as StructInit<Struct>);
    places.set(field, { offset: struct.bytes.indexOf(0), size: struct.bytes.filter((byte) => byte === 0).length });
  }
  return places;
}

/** The value that makes a field zero; for an array the empty one. */
function zero(value: unknown): unknown {
  if (typeof value === 'boolean') return false;
  return typeof value === 'bigint' ? 0n : typeof value === 'number' ? 0 : [];
}
