import { KvmError } from '@kvm/core';
import { integer, optionsOf, u32 } from '@kvm/core/struct';
import {
  PCI_CAP_ID_MSIX,
  PCI_CAP_MSIX_SIZEOF,
  PCI_MSIX_ENTRY_CTRL_MASKBIT,
  PCI_MSIX_ENTRY_DATA,
  PCI_MSIX_ENTRY_LOWER_ADDR,
  PCI_MSIX_ENTRY_SIZE,
  PCI_MSIX_ENTRY_UPPER_ADDR,
  PCI_MSIX_ENTRY_VECTOR_CTRL,
  PCI_MSIX_FLAGS,
  PCI_MSIX_FLAGS_ENABLE,
  PCI_MSIX_FLAGS_MASKALL,
  PCI_MSIX_FLAGS_QSIZE,
  PCI_MSIX_PBA,
  PCI_MSIX_TABLE,
} from '../abi/pci/constants.js';
import { allOnes, type Registers } from '../bus/registers.js';
import { ConfigRegister } from './config-space.js';
import type { Capability } from './header.js';
import type { MessageInterrupt } from './message-interrupt.js';

/** Addresses are multiples of 4, and control has one bit. */
const writableBits = [0xffff_fffc, 0xffff_ffff, 0xffff_ffff, PCI_MSIX_ENTRY_CTRL_MASKBIT];
const bitsOfByte = 8;

export interface MsixOptions {
  /** One for each vector: up to 2048. */
  readonly interrupts: readonly MessageInterrupt[];
  /** The BAR with the table and the pending bits, and where in it they are. */
  readonly bar: number;
  readonly table: number;
  readonly pending: number;
  /** Called when the guest may have enabled or disabled MSI-X. */
  readonly written: () => void;
}

export interface MsixState {
  /** Each entry of the table, as four numbers of 32 bits. */
  readonly entries: readonly number[];
  /** The vectors with an interrupt that waits. */
  readonly pending: readonly number[];
}

/** Interrupts as messages, with a mask for each. PCI Local Bus 3.0, 6.8.2. */
export class Msix {
  readonly capability: Capability;
  readonly #interrupts: readonly MessageInterrupt[];
  readonly #entries: DataView;
  #control = new ConfigRegister({ name: 'msix', offset: 0, size: 2 });

  constructor({ interrupts, bar, table, pending, written }: MsixOptions) {
    if (interrupts.length < 1 || interrupts.length > PCI_MSIX_FLAGS_QSIZE + 1) {
      throw new KvmError('ERR_KVM_OUT_OF_RANGE', `MSI-X has 1 to 2048 vectors, not ${interrupts.length}`);
    }
    this.#interrupts = interrupts;
    this.#entries = new DataView(new ArrayBuffer(interrupts.length * PCI_MSIX_ENTRY_SIZE));
    for (let vector = 0; vector < interrupts.length; vector++) {
      this.#set(vector, PCI_MSIX_ENTRY_VECTOR_CTRL, PCI_MSIX_ENTRY_CTRL_MASKBIT);
    }
    this.capability = {
      id: PCI_CAP_ID_MSIX,
      size: PCI_CAP_MSIX_SIZEOF,
      registers: (at) => {
        this.#control = new ConfigRegister({
          name: 'msix',
          offset: at + PCI_MSIX_FLAGS,
          size: 2,
          value: interrupts.length - 1,
          writable: PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL,
          written: () => {
            this.#routeAll();
            written();
          },
        });
        return [
          this.#control,
          new ConfigRegister({ name: 'msix table', offset: at + PCI_MSIX_TABLE, size: 4, value: table | bar }),
          new ConfigRegister({ name: 'msix pending', offset: at + PCI_MSIX_PBA, size: 4, value: pending | bar }),
        ];
      },
    };
  }

  /** The number of vectors. */
  get vectors(): number {
    return this.#interrupts.length;
  }

  /** Whether the guest uses it: the function must not use its pin then. */
  get isEnabled(): boolean {
    return (this.#control.value & PCI_MSIX_FLAGS_ENABLE) !== 0;
  }

  /** Raises the interrupt of a vector, which waits while it is masked. */
  signal(vector: number): void {
    this.#interrupts[vector]?.signal();
  }

  /** The table. Its length is that of the range that it is given, of which it may be a part. */
  readonly table: Registers = {
    read: (offset, size) => {
      if (offset + size > this.#entries.byteLength) return allOnes(size);
      if (size === 4) return this.#entries.getUint32(offset, true);
      return size === 2 ? this.#entries.getUint16(offset, true) : this.#entries.getUint8(offset);
    },
    write: (offset, size, value) => {
      if (offset + size > this.#entries.byteLength) return;
      if (size === 4) this.#entries.setUint32(offset, value, true);
      else if (size === 2) this.#entries.setUint16(offset, value, true);
      else this.#entries.setUint8(offset, value);
      this.#written(Math.floor(offset / PCI_MSIX_ENTRY_SIZE));
      const last = Math.floor((offset + size - 1) / PCI_MSIX_ENTRY_SIZE);
      if (last * PCI_MSIX_ENTRY_SIZE > offset) this.#written(last);
    },
  };

  /** The pending bits, which the guest can only read. */
  readonly pending: Registers = {
    read: (offset, size) => {
      let value = 0;
      for (let bit = size * bitsOfByte - 1; bit >= 0; bit--) {
        value = value * 2 + Number(this.#interrupts[offset * bitsOfByte + bit]?.isPending ?? false);
      }
      return value;
    },
    write: () => {},
  };

  save(): MsixState {
    const entries = Array.from({ length: this.#entries.byteLength / 4 }, (_, i) =>
      this.#entries.getUint32(4 * i, true),
    );
    const pending = this.#interrupts.flatMap(({ isPending }, vector) => (isPending ? [vector] : []));
    return { entries, pending };
  }

  /** Takes on a state, all of it or nothing, after the configuration space has. */
  load(state: MsixState): void {
    const { entries, pending } = checked(state, this.vectors);
    for (const [index, value] of entries.entries()) this.#entries.setUint32(4 * index, value, true);
    for (const interrupt of this.#interrupts) interrupt.clear();
    this.#routeAll();
    for (const vector of pending) this.signal(vector);
  }

  #set(vector: number, field: number, value: number): void {
    this.#entries.setUint32(vector * PCI_MSIX_ENTRY_SIZE + field, value, true);
  }

  #get(vector: number, field: number): number {
    return this.#entries.getUint32(vector * PCI_MSIX_ENTRY_SIZE + field, true);
  }

  #written(vector: number): void {
    for (const [index, mask] of writableBits.entries())
      this.#set(vector, 4 * index, this.#get(vector, 4 * index) & mask);
    this.#route(vector);
  }

  #routeAll(): void {
    for (let vector = 0; vector < this.vectors; vector++) this.#route(vector);
  }

  #route(vector: number): void {
    const isEnabled =
      (this.#control.value & (PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL)) === PCI_MSIX_FLAGS_ENABLE;
    const isMasked = (this.#get(vector, PCI_MSIX_ENTRY_VECTOR_CTRL) & PCI_MSIX_ENTRY_CTRL_MASKBIT) !== 0;
    if (!isEnabled || isMasked) {
      this.#interrupts[vector]?.route(undefined);
      return;
    }
    const high = BigInt(this.#get(vector, PCI_MSIX_ENTRY_UPPER_ADDR)) << 32n;
    const address = high | BigInt(this.#get(vector, PCI_MSIX_ENTRY_LOWER_ADDR));
    this.#interrupts[vector]?.route({ address, data: this.#get(vector, PCI_MSIX_ENTRY_DATA) });
  }
}

function checked(state: MsixState, vectors: number): MsixState {
  const { entries, pending } = optionsOf(state, 'the state of MSI-X', ['entries', 'pending']);
  if (!Array.isArray(entries) || entries.length !== vectors * writableBits.length || !Array.isArray(pending)) {
    throw new KvmError(
      'ERR_KVM_INVALID_ARGUMENT',
      `the state of MSI-X must have ${vectors} entries, and what is pending`,
    );
  }
  for (const [index, value] of (entries as number[]).entries()) {
    const mask = writableBits[index % writableBits.length] as number;
    if ((u32(value, 'an entry of MSI-X') & ~mask) !== 0) {
      throw new KvmError('ERR_KVM_OUT_OF_RANGE', 'an entry of MSI-X has bits that are reserved');
    }
  }
  for (const [index, vector] of (pending as number[]).entries()) {
    integer(vector, index === 0 ? 0 : (pending[index - 1] as number) + 1, vectors - 1, 'a pending vector');
  }
  return { entries: [...entries], pending: [...pending] };
}
