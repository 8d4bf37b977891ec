import { KvmError } from '@kvm/core';
import { MmioBus } from '../bus/mmio-bus.js';
import { PioBus } from '../bus/pio-bus.js';
import type { Device, DeviceState } from '../devices/device.js';
import type { Outcome } from '../devices/outcome.js';

/** The devices of a machine, on its two buses. They all belong to the thread that has this object. */
export class Devices implements Iterable<Device> {
  readonly pio: PioBus = new PioBus();
  readonly mmio: MmioBus = new MmioBus();
  readonly #devices = new Map<string, Device>();
  /** Those that may end the run. */
  readonly #enders: Device[] = [];

  /**
   * Adds a device and claims its ranges.
   *
   * @returns the device.
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for a second device of a name, for a range that overlaps another one,
   *   and for what is no device; `ERR_KVM_OUT_OF_RANGE` for a range that its bus does not have.
   */
  add<D extends Device>(device: D): D {
    const { name, ranges } = checked(device);
    if (this.#devices.has(name)) throw invalid(`there is another device named ${name}`);
    for (const [index, range] of ranges.entries()) {
      if (range.bus === 'pio') this.pio.attach(range.start, range.length, device, index);
      else this.mmio.attach(range.start, range.length, device, index);
    }
    this.#devices.set(name, device);
    if ('outcome' in device) this.#enders.push(device);
    return device;
  }

  /** In the order in which they were added. */
  [Symbol.iterator](): Iterator<Device> {
    return this.#devices.values();
  }

  /** How the guest has ended the run through one of the devices, if it has. */
  get outcome(): Outcome | undefined {
    for (const device of this.#enders) if (device.outcome !== undefined) return device.outcome;
    return undefined;
  }

  /** The states of all devices by their names, while no vCPU runs. */
  save(): Record<string, DeviceState> {
    return Object.fromEntries(Array.from(this, (device) => [device.name, device.save()]));
  }

  /**
   * Restores states that `save` returned, into devices that were made and added in the same way.
   *
   * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` when they are those of other devices, and what a device throws for its
   *   own.
   */
  load(states: Readonly<Record<string, DeviceState>>): void {
    if (typeof states !== 'object' || states === null) throw invalid('the states of devices must be an object');
    const unknown = Object.keys(states).find((name) => !this.#devices.has(name));
    if (unknown !== undefined) throw invalid(`there is no device named ${unknown}`);
    for (const device of this) {
      const state = Object.hasOwn(states, device.name) ? states[device.name] : undefined;
      if (state === undefined) throw invalid(`the state of ${device.name} is missing`);
      device.load(state);
    }
  }
}

function checked<D extends Device>(device: D): D {
  const { name, ranges } = (device ?? {}) as Partial<Device>;
  if (typeof name !== 'string' || !Array.isArray(ranges)) {
    throw invalid('a device must have a name, ranges, and the methods of Device');
  }
  const wrong = ranges.find((range) => range?.bus !== 'pio' && range?.bus !== 'mmio');
  if (wrong !== undefined) throw invalid(`a range of ${name} is on no bus: bus is "pio" or "mmio"`);
  return device;
}

function invalid(message: string): KvmError {
  return new KvmError('ERR_KVM_INVALID_ARGUMENT', message);
}
