import type { Wires } from '../machine/wires.js';
import { remoteBlock } from './block/remote-block.js';
import { remoteFs } from './fs/config.js';
import type { VirtioPlan } from './plan.js';
import { RemoteDevice, type RemoteModel } from './remote/remote-device.js';
import type { RemotePlan } from './remote/remote-order.js';
import { VirtioRng } from './rng.js';
import type { VirtioDevice } from './virtio-device.js';

/** Makes a virtio device. `name` is unique within the machine. */
export function makeVirtioDevice(plan: VirtioPlan, name: string, wires: Wires): VirtioDevice {
  if (plan.kind === 'rng') return new VirtioRng({ name, bytesPerSecond: plan.bytesPerSecond });
  if (plan.kind === 'block') return remote(remoteBlock(plan, name), plan, wires);
  return remote(remoteFs(plan, name), plan, wires);
}

function remote(model: RemoteModel, { words, doorbell, report }: RemotePlan, wires: Wires): VirtioDevice {
  const device = new RemoteDevice(model, words, wires.open(doorbell));
  wires.listen(wires.open(report), () => device.reported());
  return device;
}
