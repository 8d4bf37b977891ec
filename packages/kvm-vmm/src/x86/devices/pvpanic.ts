import { KvmError } from '@kvm/core';
import { boolean, integer, optionsOf } from '@kvm/core/struct';
import { RegisterFile } from '../../bus/register-file.js';
import type { AccessSize } from '../../bus/registers.js';
import { type BusRange, checkVersion, type Device } from '../../devices/device.js';
import type { Outcome } from '../../devices/outcome.js';

/** The events that a guest reports, and, when it reads the port, those that this device knows. */
const Event = { Panicked: 0x01, CrashLoaded: 0x02, Shutdown: 0x04, All: 0x07 } as const;

const kinds = ['guest-panic', 'power-off'] as const;

export interface PvpanicOptions {
  /** 0x505. */
  port?: number;
}

export interface PvpanicState {
  readonly version: 1;
  readonly outcome: (typeof kinds)[number] | null;
  readonly crashLoaded: boolean;
}

/**
 * The port by which a guest's kernel reports that it has panicked, or shuts down. It ends the run. A kernel that boots
 * a crash kernel next reports that, too, and runs on.
 *
 * QEMU's docs/specs/pvpanic.rst; Linux: drivers/misc/pvpanic.
 */
export class Pvpanic implements Device {
  readonly name = 'pvpanic';
  readonly ranges: readonly BusRange[];
  readonly #registers = new RegisterFile([
    { name: 'events', offset: 0, size: 1, read: () => Event.All, write: (events) => this.#report(events) },
  ]);
  #outcome: PvpanicState['outcome'] = null;
  #crashLoaded = false;

  constructor(options: PvpanicOptions = {}) {
    const { port = 0x505 } = optionsOf(options, 'the options of a Pvpanic', ['port']);
    this.ranges = [{ bus: 'pio', start: integer(port, 0, 0xffff, 'port'), length: 1 }];
  }

  get outcome(): Outcome | undefined {
    return this.#outcome === null ? undefined : { kind: this.#outcome };
  }

  /** Whether the guest has panicked and reported that its own crash kernel takes over. */
  get crashLoaded(): boolean {
    return this.#crashLoaded;
  }

  read(offset: number, size: AccessSize): number {
    return this.#registers.read(offset, size);
  }

  write(offset: number, size: AccessSize, value: number): void {
    this.#registers.write(offset, size, value);
  }

  save(): PvpanicState {
    return { version: 1, outcome: this.#outcome, crashLoaded: this.#crashLoaded };
  }

  load(state: PvpanicState): void {
    const known = ['version', 'outcome', 'crashLoaded'] as const;
    const { outcome, crashLoaded } = optionsOf(state, 'the state of a Pvpanic', known);
    checkVersion(state, 1, this.name);
    if (outcome !== null && !kinds.includes(outcome)) {
      throw new KvmError('ERR_KVM_INVALID_ARGUMENT', `outcome must be null or one of: ${kinds.join(', ')}`);
    }
    this.#crashLoaded = boolean(crashLoaded, 'crashLoaded');
    this.#outcome = outcome;
  }

  #report(events: number): void {
    if ((events & Event.CrashLoaded) !== 0) this.#crashLoaded = true;
    if ((events & Event.Panicked) !== 0) this.#outcome ??= 'guest-panic';
    if ((events & Event.Shutdown) !== 0) this.#outcome ??= 'power-off';
  }
}
