import type { GuestMemory } from '@kvm/core';
import type { Wires } from '../machine/wires.js';
import { ByteRing } from '../streams/byte-ring.js';
import { VirtioBalloon } from './balloon/balloon.js';
import { RemoteBlock } from './block/remote-block.js';
import { VirtioConsole } from './console/console.js';
import type { ConsolePlan, PortsPlan, StreamPlan } from './console/console-plan.js';
import type { PortEnd } from './console/port.js';
import { VirtioPorts } from './console/ports.js';
import type { VirtioPlan } from './plan.js';
import { VirtioRng } from './rng.js';
import type { VirtioDevice } from './virtio-device.js';

/** What virtio devices tell the main thread. */
export interface VirtioEvents {
  /** The main thread waits for output of a stream, and there is some. */
  output(stream: number): void;
  /** The main thread waits for room for a stream's input, and there is some. */
  room(stream: number): void;
  /** The guest has answered about its memory. */
  balloon(): void;
  /** The guest reads its console. */
  readsConsole(): void;
}

/** What virtio devices are made with. */
export interface VirtioParts {
  readonly wires: Wires;
  readonly memory: GuestMemory;
  readonly events: VirtioEvents;
}

/** Makes a virtio device. `name` is unique within the machine. */
export function makeVirtioDevice(plan: VirtioPlan, name: string, parts: VirtioParts): VirtioDevice {
  const { wires, memory, events } = parts;
  switch (plan.kind) {
    case 'rng':
      return new VirtioRng({ name, bytesPerSecond: plan.bytesPerSecond });
    case 'block': {
      const block = new RemoteBlock(plan, name, wires.open(plan.doorbell));
      wires.listen(wires.open(plan.report), () => block.reported());
      return block;
    }
    case 'console': {
      const { end, listen } = bellOf(plan, parts);
      const started = (): void => events.readsConsole();
      return listen(new VirtioConsole({ name, end: end(plan.stream), size: plan.size, started }));
    }
    case 'ports': {
      const { end, listen } = bellOf(plan, parts);
      const ports = plan.ports.map((port) => ({ name: port.name, end: end(port.stream) }));
      return listen(new VirtioPorts(name, ports));
    }
    case 'balloon': {
      const device = new VirtioBalloon({ ...plan, name, memory, reported: () => events.balloon() });
      wires.listen(wires.open(plan.bell), () => device.hostChanged());
      return device;
    }
  }
}

/** What the devices with streams have in common: the bell that the program rings. */
function bellOf({ bell: shared }: ConsolePlan | PortsPlan, { wires, events }: VirtioParts) {
  const bell = wires.open(shared);
  return {
    end: ({ number, input, output }: StreamPlan): PortEnd => ({
      input: new ByteRing(input),
      output: new ByteRing(output),
      wakeReader: () => events.output(number),
      wakeWriter: () => events.room(number),
      again: () => bell.write(),
    }),
    listen: <D extends VirtioConsole | VirtioPorts>(device: D): D => {
      wires.listen(bell, () => device.hostChanged());
      return device;
    },
  };
}
