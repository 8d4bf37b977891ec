import type { Wires } from '../machine/wires.js';
import { RemoteBlock } from './block/remote-block.js';
import type { VirtioPlan } from './plan.js';
import { VirtioRng } from './rng.js';
import type { VirtioDevice } from './virtio-device.js';

/** Makes a virtio device. `name` is unique within the machine. */
export function makeVirtioDevice(plan: VirtioPlan, name: string, wires: Wires): VirtioDevice {
  if (plan.kind === 'rng') return new VirtioRng({ name, bytesPerSecond: plan.bytesPerSecond });
  const block = new RemoteBlock(plan, name, wires.open(plan.doorbell));
  wires.listen(wires.open(plan.report), () => block.reported());
  return block;
}
