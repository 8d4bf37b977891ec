import { MagicGenError } from '../errors.js';

/** The sections of an object file for any Linux target, and its byte order. */
export interface ObjectFile {
  littleEndian: boolean;
  sections: ReadonlyMap<string, DataView>;
}

/** Reads an ELF object file of either word size and byte order. */
export function readObject(bytes: Uint8Array): ObjectFile {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 64 || view.getUint32(0) !== 0x7f454c46)
    throw new MagicGenError('the compiler wrote no ELF object');
  const wide = view.getUint8(4) === 2;
  const littleEndian = view.getUint8(5) === 1;
  const half = (at: number): number => view.getUint16(at, littleEndian);
  const word = (at: number): number => view.getUint32(at, littleEndian);
  const address = (at: number): number => (wide ? Number(view.getBigUint64(at, littleEndian)) : word(at));

  const table = address(wide ? 0x28 : 0x20);
  const entrySize = half(wide ? 0x3a : 0x2e);
  const count = half(wide ? 0x3c : 0x30);
  const header = (index: number) => {
    const at = table + index * entrySize;
    return { name: word(at), offset: address(at + (wide ? 0x18 : 0x10)), size: address(at + (wide ? 0x20 : 0x14)) };
  };
  const names = header(half(wide ? 0x3e : 0x32)).offset;

  const sections = new Map<string, DataView>();
  for (let index = 1; index < count; index += 1) {
    const { name, offset, size } = header(index);
    const start = names + name;
    const text = Buffer.from(bytes.subarray(start, bytes.indexOf(0, start))).toString('latin1');
    // A section without contents in the file (.bss) may claim a size beyond the file's end.
    if (offset + size <= bytes.length) sections.set(text, new DataView(view.buffer, view.byteOffset + offset, size));
  }
  return { littleEndian, sections };
}
