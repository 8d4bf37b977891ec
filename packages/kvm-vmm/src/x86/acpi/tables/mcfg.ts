import { join, littleEndian } from '../aml/bytes.js';
import type { Ecam } from '../platform.js';
import { table } from './header.js';

const revision = 1;
const segment = 0;
const firstBus = 0;

/** Where the configuration space of PCI is in memory. PCI Firmware 3.0, 4.1.2. */
export function mcfg({ start, buses }: Ecam): Uint8Array {
  const reserved = new Uint8Array(8);
  const entry = join(littleEndian(start, 8), littleEndian(segment, 2), firstBus, buses - 1, littleEndian(0, 4));
  return table('MCFG', revision, join(reserved, entry));
}
