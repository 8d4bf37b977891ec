import { Struct, type StructInit, type StructType } from './struct.js';

/** Where a field of a struct lies, in bytes. */
export interface Place {
  readonly offset: number;
  readonly size: number;
}

/**
 * Where the fields of a struct lie, those of structs in it as paths: "regs.pc". It is found through the struct itself: the bytes of a
 * field are those that become 0 with it.
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

/** What makes a field zero: an array is filled up with it. */
function zero(value: unknown): unknown {
  if (typeof value === 'boolean') return false;
  return typeof value === 'bigint' ? 0n : typeof value === 'number' ? 0 : [];
}
