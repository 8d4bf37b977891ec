import { PageFlag } from './registers.js';

const pageSize = 4096;
const entries = 512;
const largePage = 2n << 20n;
const gigabytes = 4;

/** Bytes of the tables that `identityMap` makes: one of level 4, one of level 3, four of level 2. */
export const identityMapSize = (2 + gigabytes) * pageSize;

/**
 * Page tables for long mode that map the first 4 GiB of virtual addresses to themselves, in pages of 2 MiB, writable
 * and executable.
 *
 * @param address the guest-physical address where the tables will be, a multiple of the page size. It is the value for
 *   CR3.
 */
export function identityMap(address: bigint): Uint8Array {
  const tables = new BigUint64Array(identityMapSize / 8);
  const present = PageFlag.P | PageFlag.Rw;
  const tableAt = (index: number): bigint => address + BigInt(index * pageSize);

  tables[0] = tableAt(1) | present;
  for (let gigabyte = 0; gigabyte < gigabytes; gigabyte++) tables[entries + gigabyte] = tableAt(2 + gigabyte) | present;
  for (let page = 0; page < gigabytes * entries; page++) {
    tables[2 * entries + page] = (BigInt(page) * largePage) | present | PageFlag.Ps;
  }
  return new Uint8Array(tables.buffer);
}
