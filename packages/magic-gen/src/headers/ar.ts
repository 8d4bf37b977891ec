import { MagicGenError } from '../errors.js';

/** A file inside an `ar` archive; a .deb is one. */
export interface ArMember {
  name: string;
  data: Uint8Array;
}

const magic = '!<arch>\n';
const headerSize = 60;

/**
 * The members of an archive.
 *
 * @throws MagicGenError at the first byte that is not valid.
 */
export function readAr(bytes: Uint8Array, path: string): ArMember[] {
  const text = (start: number, end: number): string => Buffer.from(bytes.subarray(start, end)).toString('latin1');
  if (text(0, magic.length) !== magic)
    throw new MagicGenError(`${path} is not a Debian package: it is not an ar archive`);
  const members: ArMember[] = [];
  let at = magic.length;
  while (at < bytes.length) {
    const header = text(at, at + headerSize);
    const size = /^\d+ *$/.test(header.slice(48, 58)) ? Number(header.slice(48, 58)) : Number.NaN;
    if (header.length < headerSize || header.slice(58) !== '`\n' || Number.isNaN(size)) {
      throw new MagicGenError(`${path} is broken: no member of an archive at byte ${at}`);
    }
    const start = at + headerSize;
    if (start + size > bytes.length) throw new MagicGenError(`${path} is cut off at byte ${bytes.length}`);
    // GNU's ar ends a name with a slash.
    const name = header.slice(0, 16).trimEnd().replace(/\/$/, '');
    members.push({ name, data: bytes.subarray(start, start + size) });
    // Members begin at even offsets.
    at = start + size + (size % 2);
  }
  return members;
}
