import { integer, optionsOf } from '@kvm/core/struct';
import { RegisterFile } from '../../../bus/register-file.js';
import type { AccessSize } from '../../../bus/registers.js';
import { type BusRange, checkVersion, type Device } from '../../../devices/device.js';
import { type FwCfgItems, itemsOf } from './items.js';

/** In a selector: the guest would write the item. It is ignored, as in QEMU without its DMA interface. */
const writeChannel = 0x4000;

const nothing: Uint8Array = new Uint8Array();

export interface FwCfgOptions extends FwCfgItems {
  /** The selector's port, which the data port follows; 0x510. */
  port?: number;
}

export interface FwCfgState {
  readonly version: 1;
  readonly selector: number;
  /** Bytes of the item that the guest has read. */
  readonly position: number;
}

/**
 * QEMU's firmware configuration: the guest selects an item by its key and reads its bytes one by one. Beyond the end of
 * an item, and of an item that does not exist, it reads zeros. There is no DMA interface.
 *
 * The selector takes writes of 2 bytes only: its second byte shares a port with the data. The items are configuration:
 * they are no part of a saved state.
 *
 * QEMU's docs/specs/fw_cfg.rst; Linux: drivers/firmware/qemu_fw_cfg.c.
 */
export class FwCfg implements Device {
  readonly name = 'fw-cfg';
  readonly ranges: readonly BusRange[];
  readonly #items: ReadonlyMap<number, Uint8Array>;
  readonly #registers = new RegisterFile([
    { name: 'selector', offset: 0, size: 2, whole: true, write: (key) => this.#select(key, 0) },
    { name: 'data', offset: 1, size: 1, read: () => this.#next() },
  ]);
  #selector = 0;
  #item: Uint8Array = nothing;
  #position = 0;

  constructor(options: FwCfgOptions = {}) {
    const known = ['port', 'cpus', 'maxCpus', 'ramSize', 'kernel', 'initrd', 'cmdline', 'files'] as const;
    const { port = 0x510 } = optionsOf(options, 'the options of a FwCfg', known);
    this.ranges = [{ bus: 'pio', start: integer(port, 0, 0xfffe, 'port'), length: 2 }];
    this.#items = itemsOf(options);
    this.#select(0, 0);
  }

  read(offset: number, size: AccessSize): number {
    return this.#registers.read(offset, size);
  }

  write(offset: number, size: AccessSize, value: number): void {
    this.#registers.write(offset, size, value);
  }

  save(): FwCfgState {
    return { version: 1, selector: this.#selector, position: this.#position };
  }

  load(state: FwCfgState): void {
    const { selector, position } = optionsOf(state, 'the state of a FwCfg', ['version', 'selector', 'position']);
    checkVersion(state, 1, this.name);
    integer(selector, 0, 0xffff, 'selector');
    integer(position, 0, this.#itemOf(selector).length, 'position');
    this.#select(selector, position);
  }

  #itemOf(key: number): Uint8Array {
    return this.#items.get(key & ~writeChannel) ?? nothing;
  }

  #select(key: number, position: number): void {
    this.#selector = key;
    this.#item = this.#itemOf(key);
    this.#position = position;
  }

  #next(): number {
    if (this.#position >= this.#item.length) return 0;
    return this.#item[this.#position++] as number;
  }
}
