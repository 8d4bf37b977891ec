import { integer, optionsOf } from '@kvm/core/struct';
import { PCI_CFG_SPACE_SIZE } from '../abi/pci/constants.js';
import { type Register, RegisterFile } from '../bus/register-file.js';
import { type AccessSize, allOnes } from '../bus/registers.js';
import { fixedBits } from '../devices/check.js';

export interface ConfigRegisterOptions {
  readonly name: string;
  /** Bytes from the start of the configuration space. */
  readonly offset: number;
  readonly size: AccessSize;
  /** What it holds at first; 0. */
  readonly value?: number;
  /** The bits that the guest can change; none. */
  readonly writable?: number;
  /** Called after the guest has written to it. */
  readonly written?: () => void;
}

/** A register of a configuration space that holds a value. */
export class ConfigRegister implements Register {
  readonly name: string;
  readonly offset: number;
  readonly size: AccessSize;
  readonly writable: number;
  value: number;
  readonly #written: () => void;

  constructor({ name, offset, size, value = 0, writable = 0, written = () => {} }: ConfigRegisterOptions) {
    this.name = name;
    this.offset = offset;
    this.size = size;
    this.value = value;
    this.writable = writable;
    this.#written = written;
  }

  readonly read = (): number => this.value;

  readonly write = (value: number, mask: number): void => {
    const changed = mask & this.writable;
    this.value = ((this.value & ~changed) | (value & changed)) >>> 0;
    this.#written();
  };
}

/** What a guest has written to a configuration space, by the names of its registers. */
export type ConfigState = Readonly<Record<string, number>>;

/**
 * The configuration space of a function: 256 bytes, described by a table. What the table does not have is reserved: it
 * reads as 0. From 256 on everything reads all ones, for there is no extended configuration space.
 */
export class ConfigSpace {
  readonly #registers: RegisterFile;
  /** What a state has. */
  readonly #stored: readonly ConfigRegister[];

  constructor(registers: readonly Register[]) {
    this.#registers = new RegisterFile([...registers, ...reserved(registers)]);
    this.#stored = registers.filter(
      (each) => each instanceof ConfigRegister && each.writable !== 0,
    ) as ConfigRegister[];
  }

  read(offset: number, size: AccessSize): number {
    return this.#registers.read(offset, size);
  }

  write(offset: number, size: AccessSize, value: number): void {
    this.#registers.write(offset, size, value);
  }

  save(): ConfigState {
    return Object.fromEntries(this.#stored.map(({ name, value }) => [name, value]));
  }

  /**
   * Takes on a state, all of it or nothing. No register is called.
   *
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` or `ERR_KVM_OUT_OF_RANGE` for what a guest cannot have written.
   */
  load(state: ConfigState): void {
    const known = this.#stored.map(({ name }) => name);
    const given = optionsOf(state, 'the state of a configuration space', known);
    const values = this.#stored.map(({ name, size, value, writable }) => {
      const loaded = integer(given[name] as number, 0, allOnes(size), name);
      return fixedBits(loaded, value, ~writable, name);
    });
    for (const [index, value] of values.entries()) (this.#stored[index] as ConfigRegister).value = value;
  }
}

/** Zeros for the bytes that no register has. */
function reserved(registers: readonly Register[]): Register[] {
  const taken = new Set(registers.flatMap(({ offset, size }) => Array.from({ length: size }, (_, i) => offset + i)));
  return Array.from({ length: PCI_CFG_SPACE_SIZE }, (_, offset) => offset)
    .filter((offset) => !taken.has(offset))
    .map((offset) => ({ name: 'reserved', offset, size: 1, read: () => 0 }));
}
