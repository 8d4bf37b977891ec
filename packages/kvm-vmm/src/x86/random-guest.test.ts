import { type BackendName, Kvm } from '@kvm/core';
import { expect, test } from 'vitest';
import { onEachBackend } from '../../../kvm-core/test/backends.js';
import { allMade, isHarmless, pokes } from '../../test/pokes.js';
import type { BusRange } from '../devices/device.js';
import type { Outcome } from '../devices/outcome.js';
import { Devices } from '../machine/devices.js';
import { GuestRam } from '../memory/guest-ram.js';
import { mapRam } from '../memory/memory-map.js';
import { runVcpu } from '../run/run-vcpu.js';
import { Board } from './board.js';
import { type BoardModelOptions, boardOf } from './board-model.js';
import { bootFlat, planFlat } from './boot/flat.js';
import { reserveHostPages } from './host-pages.js';
import { connectLines, createInterruptControllers } from './interrupt-controllers.js';

/** A guest that pokes the devices of a whole board, on real KVM. */

const memorySize = 2 ** 20;

/**
 * Runs the guest on a board, and saves what has become of it. What the machine would do in three threads is done in
 * one.
 */
function poke(
  backend: BackendName,
  options: BoardModelOptions,
  seed: number,
  isPoked: (range: BusRange) => boolean,
): Outcome {
  const model = boardOf(options, 'flat');
  using kvm = Kvm.open({ backend });
  using vm = kvm.createVm();
  using memory = kvm.allocateMemory({ size: memorySize });
  reserveHostPages(kvm, vm);
  createInterruptControllers(vm, model);
  mapRam(vm, memory);
  using vcpu = vm.createVcpu(0);
  vcpu.setCpuid2(kvm.guestCpuid());
  const [devices, other] = [0, 1].map(() => {
    const devices = new Devices();
    const line = connectLines(vm, model, devices);
    const ram = new GuestRam(memory);
    new Board({ model, cpus: 1, memorySize, devices, ram, line, output: () => {}, starved: () => {} });
    return devices;
  }) as [Devices, Devices];
  const ranges = [...devices].flatMap((device) => device.ranges).filter(isPoked);
  // Where system management mode begins, which a message of the I/O APIC can enter: out 0xf4, al, again and again.
  memory.write(0x3_8000, Buffer.alloc(0x1000, 'e6f4', 'hex'));
  const image = pokes(seed, 400, ranges);
  bootFlat(vcpu, memory, image, planFlat({ mode: 'long', memorySize, imageSize: image.length }));
  const outcome = runVcpu(vcpu, { devices });
  checkStates(devices, other);
  return outcome;
}

/** The states are JSON, of a size that does not depend on what the guest did, and another board takes them on. */
function checkStates(devices: Devices, other: Devices): void {
  const size = (states: object): number => JSON.stringify(states).length;
  const atFirst = size(other.save());
  const states = JSON.parse(JSON.stringify(devices.save()));
  expect(size(states)).toBeLessThan(atFirst + 1500);
  other.load(states);
  expect(other.save()).toEqual(states);
}

const boards: BoardModelOptions[] = [
  { machine: 'pc', fwCfg: {} },
  { machine: 'pc', acpi: 'full', interrupts: 'split' },
  { machine: 'test' },
];

onEachBackend('a guest that pokes all devices', (backend) => {
  test.each(boards)('of %o makes all accesses, if none of them ends the run', (options) => {
    const status = options.machine === 'test' ? (allMade << 1) | 1 : allMade;
    // The I/O APIC would interrupt the guest by any vector, and reset it.
    const isPoked = (range: BusRange): boolean => isHarmless(range) && range.start !== 0xfec0_0000n;
    for (const seed of [1, 2]) {
      expect(poke(backend, options, seed, isPoked)).toEqual({ kind: 'exit', status });
    }
  });

  test.each(boards)('of %o ends somehow, and can be saved', (options) => {
    for (let seed = 1; seed <= 20; seed++) {
      const kinds = ['exit', 'power-off', 'reboot', 'guest-panic', 'shutdown', 'internal-error'];
      expect(kinds).toContain(poke(backend, options, seed, () => true).kind);
    }
  });
});
