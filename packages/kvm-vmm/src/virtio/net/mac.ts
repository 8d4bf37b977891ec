import { randomBytes } from 'node:crypto';

/** The bytes of an address such as `52:54:00:12:34:56`. */
export function bytesOfMac(mac: string): number[] {
  return mac.split(':').map((byte) => Number.parseInt(byte, 16));
}

/** An address of nobody else's: locally administered, of one card. */
export function randomMac(): number[] {
  const [first = 0, ...others] = randomBytes(6);
  return [(first & 0xfc) | 0x02, ...others];
}
