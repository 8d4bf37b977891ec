import { KvmError } from '@kvm/core';
import { integer, optionsOf } from '@kvm/core/struct';
import { type Register, RegisterFile } from '../../bus/register-file.js';
import type { AccessSize } from '../../bus/registers.js';
import { bits, checkFunction } from '../../devices/check.js';
import { type BusRange, checkVersion, type Device } from '../../devices/device.js';
import { InterruptLine } from '../../devices/interrupt-line.js';

/** Interrupt lines: GSI 0 to 23, the inputs of the I/O APIC. */
const lineCount = 24;
const memorySize = 0x1_0000;

/** The ranges of the device, by their indices. */
const Range = { Ports: 0, Lines: 1, Memory: 2 } as const;

export interface TestDeviceOptions {
  /** Sets the level of an interrupt line: `(gsi, level) => vm.irqLine(gsi, level)`. Without it, lines lead nowhere. */
  irqLine?: (gsi: number, level: boolean) => void;
  /**
   * Makes KVM drop its mapping of a page of guest memory, so that the guest's next access is a page fault in the host.
   * Without it, nothing happens. The address is the guest's choice below 4 GiB: there may be no memory.
   */
  flushPage?: (guestPhysAddr: bigint) => void;
}

export interface TestDeviceState {
  readonly version: 1;
  readonly scratch: number;
  /** A bit for each interrupt line that is high. */
  readonly lines: number;
  /** The 64 KiB of memory, in base64. */
  readonly memory: string;
}

/**
 * What the unit tests of KVM expect beside a PC, as QEMU's `pc-testdev` has it:
 *
 * - a scratch register of 4 bytes at port 0xe0, and again at 0xe8
 * - a port that drops the host's mapping of a page, 0xe4, for writes of 4 bytes
 * - a port for each interrupt line from 0x2000 on: a byte is its level
 * - 64 KiB at 0xff000000 that hold what is written, where every access is an exit
 *
 * Its timer at port 0x608 is a `PmTimer`, its exit at 0xf4 a `DebugExit` with the status of QEMU.
 */
export class TestDevice implements Device {
  readonly name = 'test';
  readonly ranges: readonly BusRange[] = [
    { bus: 'pio', start: 0xe0, length: 12 },
    { bus: 'pio', start: 0x2000, length: lineCount },
    { bus: 'mmio', start: 0xff00_0000n, length: BigInt(memorySize) },
  ];
  readonly #lines: readonly InterruptLine[];
  readonly #registers: RegisterFile;
  #memory = Buffer.alloc(memorySize);
  #scratch = 0;

  constructor(options: TestDeviceOptions = {}) {
    const { irqLine = ignore, flushPage = ignore } = optionsOf(options, 'the options of a TestDevice', [
      'irqLine',
      'flushPage',
    ]);
    checkFunction(irqLine, 'irqLine');
    checkFunction(flushPage, 'flushPage');
    this.#lines = Array.from({ length: lineCount }, (_, gsi) => new InterruptLine((level) => irqLine(gsi, level)));
    this.#registers = new RegisterFile(
      [
        this.#scratchAt(0),
        {
          name: 'flush page',
          offset: 4,
          size: 4,
          whole: true,
          write: (address) => flushPage(BigInt(address) & ~0xfffn),
        },
        this.#scratchAt(8),
      ],
      this.#lines.map((line, gsi) => ({
        name: `line ${gsi}`,
        offset: gsi,
        size: 1,
        write: (level) => line.set(level !== 0),
      })),
    );
  }

  read(offset: number, size: AccessSize, range: number): number {
    return range === Range.Memory ? this.#memory.readUIntLE(offset, size) : this.#registers.read(offset, size, range);
  }

  write(offset: number, size: AccessSize, value: number, range: number): void {
    if (range === Range.Memory) this.#memory.writeUIntLE(value, offset, size);
    else this.#registers.write(offset, size, value, range);
  }

  save(): TestDeviceState {
    const lines = this.#lines.reduce((all, line, gsi) => all | (line.level ? 1 << gsi : 0), 0);
    return { version: 1, scratch: this.#scratch, lines, memory: this.#memory.toString('base64') };
  }

  load(state: TestDeviceState): void {
    const known = ['version', 'scratch', 'lines', 'memory'] as const;
    const { scratch, lines, memory } = optionsOf(state, 'the state of a TestDevice', known);
    checkVersion(state, 1, this.name);
    integer(scratch, 0, 0xffff_ffff, 'scratch');
    bits(lines, 2 ** lineCount - 1, 'lines');
    const bytes = Buffer.from(typeof memory === 'string' ? memory : '', 'base64');
    if (bytes.length !== memorySize || bytes.toString('base64') !== memory) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `memory must be ${memorySize} bytes in base64`);
    }
    this.#memory = bytes;
    this.#scratch = scratch;
    for (const [gsi, line] of this.#lines.entries()) line.set((lines & (1 << gsi)) !== 0);
  }

  #scratchAt(offset: number): Register {
    return {
      name: 'scratch',
      offset,
      size: 4,
      read: () => this.#scratch,
      write: (value, mask) => {
        this.#scratch = ((this.#scratch & ~mask) | value) >>> 0;
      },
    };
  }
}

function ignore(): void {}
