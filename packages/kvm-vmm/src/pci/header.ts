import {
  PCI_CAPABILITY_LIST,
  PCI_CLASS_REVISION,
  PCI_COMMAND,
  PCI_COMMAND_INTX_DISABLE,
  PCI_COMMAND_MASTER,
  PCI_COMMAND_MEMORY,
  PCI_DEVICE_ID,
  PCI_INTERRUPT_LINE,
  PCI_INTERRUPT_PIN,
  PCI_STATUS,
  PCI_STATUS_CAP_LIST,
  PCI_STATUS_INTERRUPT,
  PCI_STD_HEADER_SIZEOF,
  PCI_SUBSYSTEM_ID,
  PCI_SUBSYSTEM_VENDOR_ID,
  PCI_VENDOR_ID,
} from '../abi/pci/constants.js';
import type { Register } from '../bus/register-file.js';
import type { InterruptLine } from '../devices/interrupt-line.js';
import { Bar, type BarOptions } from './bar.js';
import { ConfigRegister, ConfigSpace, type ConfigState } from './config-space.js';

const interruptA = 1;

/** An entry of the capability list. */
export interface Capability {
  /** One of `PCI_CAP_ID_*`. */
  readonly id: number;
  /** Bytes, with the two that all capabilities begin with: id and next. */
  readonly size: number;
  /** The registers after these two, for a capability that begins at `at`. */
  registers(at: number): readonly Register[];
}

export interface HeaderOptions {
  readonly vendor: number;
  readonly device: number;
  /** Those of the function itself. */
  readonly subsystem?: { readonly vendor: number; readonly device: number };
  /** 24 bits: class, subclass and programming interface. */
  readonly class: number;
  readonly revision?: number;
  readonly bars?: readonly BarOptions[];
  readonly capabilities?: readonly Capability[];
  /** Its interrupt pin INTA#, if it has one. */
  readonly line?: InterruptLine;
}

/**
 * The configuration space of a function with a header of type 0: what it is, where its BARs are, its interrupt pin and
 * its capabilities. PCI Local Bus 3.0, 6.1 and 6.2.
 */
export class Header {
  readonly bars: readonly Bar[];
  readonly hasPin: boolean;
  /** Called when the BARs may be elsewhere. The bus sets it. */
  moved = (): void => {};
  readonly #space: ConfigSpace;
  readonly #command: ConfigRegister;
  readonly #interruptLine: ConfigRegister;
  readonly #line: InterruptLine | undefined;
  #interrupts = false;

  constructor({ bars = [], capabilities = [], line, ...ids }: HeaderOptions) {
    const written = (): void => this.moved();
    this.bars = bars.map((each) => new Bar(each, written));
    this.hasPin = line !== undefined;
    this.#line = line;
    this.#command = new ConfigRegister({
      name: 'command',
      offset: PCI_COMMAND,
      size: 2,
      writable: PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE,
      written: () => this.#commanded(),
    });
    this.#interruptLine = new ConfigRegister({
      name: 'interruptLine',
      offset: PCI_INTERRUPT_LINE,
      size: 1,
      writable: 0xff,
    });
    const { first, registers } = listOf(capabilities);
    const { vendor, device, subsystem = { vendor: 0, device: 0 }, revision = 0 } = ids;
    const capable = first === 0 ? 0 : PCI_STATUS_CAP_LIST;
    this.#space = new ConfigSpace([
      constant('vendor', PCI_VENDOR_ID, 2, vendor),
      constant('device', PCI_DEVICE_ID, 2, device),
      this.#command,
      {
        name: 'status',
        offset: PCI_STATUS,
        size: 2,
        read: () => capable | (this.#interrupts ? PCI_STATUS_INTERRUPT : 0),
      },
      constant('class', PCI_CLASS_REVISION, 4, ids.class * 0x100 + revision),
      ...this.bars.flatMap((bar) => bar.registers),
      constant('subsystem vendor', PCI_SUBSYSTEM_VENDOR_ID, 2, subsystem.vendor),
      constant('subsystem', PCI_SUBSYSTEM_ID, 2, subsystem.device),
      constant('capabilities', PCI_CAPABILITY_LIST, 1, first),
      this.#interruptLine,
      constant('interrupt pin', PCI_INTERRUPT_PIN, 1, this.hasPin ? interruptA : 0),
      ...registers,
    ]);
  }

  /** Configuration space, of which the bus passes accesses on. */
  get space(): ConfigSpace {
    return this.#space;
  }

  /** Whether the function answers where its BARs are. */
  get decodesMemory(): boolean {
    return (this.#command.value & PCI_COMMAND_MEMORY) !== 0;
  }

  /** Tells the guest's software which interrupt the pin leads to. */
  set interruptLine(gsi: number) {
    this.#interruptLine.value = gsi;
  }

  /** Whether the function wants attention by its pin. The guest can disable the pin. */
  set interrupts(level: boolean) {
    this.#interrupts = level;
    this.#line?.set(level && (this.#command.value & PCI_COMMAND_INTX_DISABLE) === 0);
  }

  save(): ConfigState {
    return this.#space.save();
  }

  /** Takes on a state, all of it or nothing. Set `interrupts` afterwards. */
  load(state: ConfigState): void {
    this.#space.load(state);
    this.moved();
  }

  #commanded(): void {
    this.interrupts = this.#interrupts;
    this.moved();
  }
}

function constant(name: string, offset: number, size: 1 | 2 | 4, value: number): ConfigRegister {
  return new ConfigRegister({ name, offset, size, value });
}

/** The registers of a list of capabilities after the header, and the offset of the first; 0 without one. */
function listOf(capabilities: readonly Capability[]): { first: number; registers: readonly Register[] } {
  let at = PCI_STD_HEADER_SIZEOF;
  const starts = capabilities.map(({ size }) => {
    const start = at;
    at += Math.ceil(size / 4) * 4;
    return start;
  });
  const registers = capabilities.flatMap(({ id, registers: own }, index) => {
    const start = starts[index] as number;
    return [
      constant(`capability ${index}`, start, 1, id),
      constant(`next of capability ${index}`, start + 1, 1, starts[index + 1] ?? 0),
      ...own(start),
    ];
  });
  return { first: starts[0] ?? 0, registers };
}
