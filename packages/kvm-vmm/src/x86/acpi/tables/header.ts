import { join, littleEndian } from '../aml/bytes.js';
import { ascii } from '../aml/names.js';

const oem = 'KVM-TS';
const oemTable = 'MACHINE ';
const creator = 'KVTS';
const checksumOffset = 9;

/** A system description table: the header of 36 bytes that all have, with the checksum, and what follows. */
export function table(signature: string, revision: number, body: Uint8Array): Uint8Array {
  const one = littleEndian(1, 4);
  const length = littleEndian(36 + body.length, 4);
  const names = [ascii(oem), ascii(oemTable), one, ascii(creator), one];
  return checksummed(join(ascii(signature), length, revision, 0, ...names, body), checksumOffset);
}

/** RSDP of revision 2, whose first 20 bytes have a checksum of their own. */
export function rsdp(xsdt: bigint): Uint8Array {
  const length = 36;
  const bytes = join(
    ascii('RSD PTR '),
    0,
    ascii(oem),
    2,
    littleEndian(0, 4),
    littleEndian(length, 4),
    littleEndian(xsdt, 8),
    0,
    [0, 0, 0],
  );
  checksummed(bytes.subarray(0, 20), 8);
  return checksummed(bytes, 32);
}

/** Sets a byte so that the sum of all is 0. */
function checksummed(bytes: Uint8Array, offset: number): Uint8Array {
  bytes[offset] = 0;
  bytes[offset] = -bytes.reduce((sum, byte) => sum + byte, 0);
  return bytes;
}
