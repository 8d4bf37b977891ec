import type { Wires } from '../machine/wires.js';
import { RemoteBlock } from './block/remote-block.js';
import type { VirtioPlan } from './plan.js';
import { VirtioRng } from './rng.js';
import type { VirtioDevice } from './virtio-device.js';
import { VirtioVsock } from './vsock/virtio-vsock.js';
import type { VsockPlan } from './vsock/vsock-plan.js';

/** Makes a virtio device. `name` is unique within the machine. */
export function makeVirtioDevice(plan: VirtioPlan, name: string, wires: Wires): VirtioDevice {
  if (plan.kind === 'rng') return new VirtioRng({ name, bytesPerSecond: plan.bytesPerSecond });
  if (plan.kind === 'vsock') return makeVsock(plan, name, wires);
  const block = new RemoteBlock(plan, name, wires.open(plan.doorbell));
  wires.listen(wires.open(plan.report), () => block.reported());
  return block;
}

function makeVsock(plan: VsockPlan, name: string, wires: Wires): VirtioVsock {
  const vsock = new VirtioVsock(plan, name, () => plan.report.postMessage(undefined));
  wires.listen(wires.open(plan.wake), () => vsock.woken());
  return vsock;
}
