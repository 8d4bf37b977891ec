import type { VirtioPlan } from './plan.js';
import { VirtioRng } from './rng.js';
import type { VirtioDevice } from './virtio-device.js';

/** Makes a virtio device. `name` is unique within the machine. */
export function makeVirtioDevice(plan: VirtioPlan, name: string): VirtioDevice {
  return new VirtioRng({ name, bytesPerSecond: plan.bytesPerSecond });
}
