import type { BusRange } from '../src/index.js';
import { guest } from './machine.js';

/** The status by which the guest reports that it has made all accesses, as it reaches the debug-exit port. */
export const allMade = 21;

/** Of a wide range, the guest accesses the beginning, where the registers are. */
const reach = 64;

/** The guest that makes so many random accesses to ranges, as far as they are in the 4 GiB that it has mapped. */
export function pokes(seed: number, count: number, ranges: readonly BusRange[]): Uint8Array {
  const reachable = ranges.filter(({ start }) => start < 2 ** 32);
  const places = reachable.map(({ bus, start, length }) => [
    bus === 'mmio' ? 1 : 0,
    Number(start),
    Math.min(Number(length), reach),
  ]);
  const table = Uint32Array.from([seed, count, reachable.length, ...places.flat()]);
  return Buffer.concat([guest('pokes'), Buffer.from(table.buffer)]);
}

/** Where a guest ends its machine: debug-exit, pvpanic, ACPI, the keyboard controller, PCI's reset control. */
const ends = [0xf4, 0x505, 0x600, 0x64, 0xcf9];

/** Whether no access to a range ends the machine. */
export function isHarmless({ bus, start, length }: BusRange): boolean {
  return bus === 'mmio' || !ends.some((port) => port >= start && port < start + length);
}
