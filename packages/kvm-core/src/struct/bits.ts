import { bigInteger, integer } from './check.js';

/**
 * Bitfields, by their position in the struct: `offset` in bits from its start, `width` in bits. A little-endian
 * compiler allocates bits from the low end of each byte, a big-endian one from the high end; one loop over the bits
 * handles both.
 */

export function getBigBits(view: DataView, offset: number, width: number, littleEndian: boolean): bigint {
  let value = 0n;
  for (let i = 0; i < width; i++) {
    const bit = BigInt(readBit(view, offset + i, littleEndian));
    value = littleEndian ? value | (bit << BigInt(i)) : (value << 1n) | bit;
  }
  return value;
}

export function setBigBits(
  view: DataView,
  offset: number,
  width: number,
  littleEndian: boolean,
  value: bigint,
  where: string,
): void {
  bigInteger(value, 0n, (1n << BigInt(width)) - 1n, where);
  for (let i = 0; i < width; i++) {
    const bit = Number((value >> BigInt(littleEndian ? i : width - 1 - i)) & 1n);
    writeBit(view, offset + i, littleEndian, bit);
  }
}

export function getBits(view: DataView, offset: number, width: number, littleEndian: boolean): number {
  return Number(getBigBits(view, offset, width, littleEndian));
}

export function setBits(
  view: DataView,
  offset: number,
  width: number,
  littleEndian: boolean,
  value: number,
  where: string,
): void {
  integer(value, 0, 2 ** width - 1, where);
  setBigBits(view, offset, width, littleEndian, BigInt(value), where);
}

function readBit(view: DataView, bit: number, littleEndian: boolean): number {
  return (view.getUint8(bit >> 3) >> position(bit, littleEndian)) & 1;
}

function writeBit(view: DataView, bit: number, littleEndian: boolean, value: number): void {
  const byte = bit >> 3;
  const mask = 1 << position(bit, littleEndian);
  view.setUint8(byte, value ? view.getUint8(byte) | mask : view.getUint8(byte) & ~mask);
}

function position(bit: number, littleEndian: boolean): number {
  return littleEndian ? bit & 7 : 7 - (bit & 7);
}
