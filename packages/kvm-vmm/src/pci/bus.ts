import { KvmError } from '@kvm/core';
import { optionsOf } from '@kvm/core/struct';
import { type Claim, RangeMap } from '../bus/range-map.js';
import { type AccessSize, allOnes } from '../bus/registers.js';
import { type BusRange, checkVersion, type Device, type DeviceState } from '../devices/device.js';
import type { Bar } from './bar.js';
import type { Header } from './header.js';

/** Devices on a bus; each has one function. */
const deviceCount = 32;
/** Each function has a page of ECAM, and each device eight functions. */
const functionBits = 12;
const deviceBits = 3;
const pageMask = 0xfff;

/** Bytes of ECAM for one bus. */
export const ecamSize = 0x10_0000n;

/**
 * A function of a PCI device. What it claims on the bus of the machine is nothing: `read` and `write` are for its BARs,
 * whose index is the `range`, wherever the guest has put them.
 */
export interface PciFunction extends Device {
  readonly header: Header;
  /** A BAR now answers at an address, or nowhere: for doorbells, which the kernel must know. */
  mapped?(bar: number, address: number | undefined): void;
}

/** A range of guest-physical addresses. */
export interface PciWindow {
  readonly start: bigint;
  readonly length: bigint;
}

export interface PciBusOptions {
  /** Where the configuration space of bus 0 is in memory: 1 MiB. */
  readonly ecam: bigint;
  /** Where BARs may be, below 4 GiB. */
  readonly memory32: PciWindow;
  /** Where BARs of 64 bits may be, too. */
  readonly memory64?: PciWindow;
}

/** The ranges of the bus by their indices: the window of 64 bits comes last. */
const Range = { Ecam: 0, Memory32: 1, Memory64: 2 } as const;

/**
 * A PCI bus: configuration spaces, and windows for the BARs of its functions.
 *
 * The whole windows belong to the bus, so the guest may move BARs within them. A BAR outside of them answers nowhere,
 * and where BARs overlap, that of the lower device answers. This depends only on the registers, not on their history.
 */
export class PciBus implements Device {
  readonly name = 'pci';
  readonly ranges: readonly BusRange[];
  readonly #windows: readonly { readonly start: number; readonly end: number; next: number }[];
  readonly #functions: PciFunction[] = [];
  #mapped: readonly Claim<PciFunction>[] = [];
  #map = new RangeMap<PciFunction>();

  constructor({ ecam, memory32, memory64 }: PciBusOptions) {
    const windows = memory64 === undefined ? [memory32] : [memory32, memory64];
    this.ranges = [{ start: ecam, length: ecamSize }, ...windows].map((range) => ({ bus: 'mmio', ...range }));
    this.#windows = windows.map(({ start, length }) => {
      const first = Number(start);
      return { start: first, end: first + Number(length), next: first };
    });
  }

  /**
   * Gives a function the next device number, and its BARs their first addresses.
   *
   * @returns the device number.
   * @throws KvmError `ERR_KVM_OUT_OF_RANGE` if the bus or a window is full.
   */
  add(each: PciFunction): number {
    const number = this.#functions.length;
    if (number === deviceCount) {
      throw new KvmError('ERR_KVM_OUT_OF_RANGE', `a PCI bus has ${deviceCount} devices, and ${each.name} is one more`);
    }
    for (const bar of each.header.bars) this.#place(bar, each.name);
    this.#functions.push(each);
    each.header.moved = () => this.#remap();
    return number;
  }

  /** The functions by their device numbers. */
  get functions(): readonly PciFunction[] {
    return this.#functions;
  }

  /**
   * Reads configuration space; all ones where there is no function.
   *
   * @param address device and function: `device << 3 | function`.
   */
  readConfig(address: number, offset: number, size: AccessSize): number {
    return this.#functionAt(address)?.header.space.read(offset, size) ?? allOnes(size);
  }

  writeConfig(address: number, offset: number, size: AccessSize, value: number): void {
    this.#functionAt(address)?.header.space.write(offset, size, value);
  }

  read(offset: number, size: AccessSize, range: number): number {
    if (range === Range.Ecam) return this.readConfig(offset >>> functionBits, offset & pageMask, size);
    const address = this.#addressOf(offset, range);
    const claim = this.#map.find(address, size);
    return claim === undefined ? allOnes(size) : claim.owner.read(address - claim.start, size, claim.range);
  }

  write(offset: number, size: AccessSize, value: number, range: number): void {
    if (range === Range.Ecam) {
      this.writeConfig(offset >>> functionBits, offset & pageMask, size, value);
      return;
    }
    const address = this.#addressOf(offset, range);
    const claim = this.#map.find(address, size);
    claim?.owner.write(address - claim.start, size, value, claim.range);
  }

  /** The functions have the state; they are saved by themselves. */
  save(): DeviceState {
    return { version: 1 };
  }

  load(state: DeviceState): void {
    optionsOf(state, 'the state of a PCI bus', ['version']);
    checkVersion(state, 1, this.name);
  }

  #functionAt(address: number): PciFunction | undefined {
    return (address & (2 ** deviceBits - 1)) === 0 ? this.#functions[address >>> deviceBits] : undefined;
  }

  #addressOf(offset: number, range: number): number {
    return (this.#windows[range - Range.Memory32] as { start: number }).start + offset;
  }

  #place(bar: Bar, name: string): void {
    const window = (bar.is64 ? this.#windows[1] : undefined) ?? this.#windows[0];
    if (window === undefined) return;
    const address = Math.ceil(window.next / bar.size) * bar.size;
    if (address + bar.size > window.end) {
      throw new KvmError(
        'ERR_KVM_OUT_OF_RANGE',
        `BAR ${bar.index} of ${name} does not fit in the window of the PCI bus`,
      );
    }
    bar.address = address;
    window.next = address + bar.size;
  }

  /** Finds out anew which BARs answer where, and tells the functions whose BARs have moved. */
  #remap(): void {
    const before = this.#mapped;
    const mapped = this.#decoded();
    this.#map = new RangeMap();
    for (const claim of mapped) this.#map.add(claim, 'the BAR');
    this.#mapped = mapped;
    // One may go where another one was.
    for (const claim of without(before, mapped)) claim.owner.mapped?.(claim.range, undefined);
    for (const claim of without(mapped, before)) claim.owner.mapped?.(claim.range, claim.start);
  }

  #decoded(): Claim<PciFunction>[] {
    const claims: Claim<PciFunction>[] = [];
    for (const owner of this.#functions) {
      if (!owner.header.decodesMemory) continue;
      for (const { address: start, size, index } of owner.header.bars) {
        const end = start + size;
        const isInWindow = this.#windows.some((window) => start >= window.start && end <= window.end);
        const isFree = claims.every((other) => end <= other.start || start >= other.end);
        if (isInWindow && isFree) claims.push({ start, end, owner, range: index });
      }
    }
    return claims;
  }
}

/** The claims that are not among others. */
function without(
  claims: readonly Claim<PciFunction>[],
  others: readonly Claim<PciFunction>[],
): readonly Claim<PciFunction>[] {
  return claims.filter(
    ({ owner, range, start }) =>
      !others.some((other) => other.owner === owner && other.range === range && other.start === start),
  );
}
