import type { GuestMemory } from '@kvm/core';
import type { Backend } from '@kvm/core/backend';
import type { Wires } from '../machine/wires.js';
import { RemoteBlock } from './block/remote-block.js';
import type { VirtioPlan } from './plan.js';
import { VirtioRng } from './rng.js';
import type { VirtioDevice } from './virtio-device.js';

/** What the devices of a machine are made with. */
export interface DeviceParts {
  readonly wires: Wires;
  readonly memory: GuestMemory;
  readonly backend: Backend;
}

/** Makes a virtio device. `name` is unique within the machine. The code of some is loaded where they are wanted. */
export async function makeVirtioDevice(plan: VirtioPlan, name: string, parts: DeviceParts): Promise<VirtioDevice> {
  const { wires } = parts;
  if (plan.kind === 'rng') return new VirtioRng({ name, bytesPerSecond: plan.bytesPerSecond });
  if (plan.kind === 'net') return (await import('./net/make-net.js')).makeNet(plan, name, parts);
  const block = new RemoteBlock(plan, name, wires.open(plan.doorbell));
  wires.listen(wires.open(plan.report), () => block.reported());
  return block;
}
