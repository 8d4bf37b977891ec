import { remoteBlock } from './block/remote-block.js';
import type { VirtioParts } from './parts.js';
import type { VirtioPlan } from './plan.js';
import { RemoteDevice, type RemoteModel } from './remote/remote-device.js';
import type { RemotePlan } from './remote/remote-order.js';
import type { VirtioDevice } from './virtio-device.js';

/** Makes a virtio device. `name` is unique within the machine. The code of most is loaded where they are wanted. */
export async function makeVirtioDevice(plan: VirtioPlan, name: string, parts: VirtioParts): Promise<VirtioDevice> {
  switch (plan.kind) {
    case 'block':
      return remote(remoteBlock(plan, name), plan, parts);
    case 'fs':
      return remote((await import('./fs/config.js')).remoteFs(plan, name), plan, parts);
    case 'rng': {
      const { VirtioRng } = await import('./rng.js');
      return new VirtioRng({ name, bytesPerSecond: plan.bytesPerSecond });
    }
    case 'net':
      return (await import('./net/make-net.js')).makeNet(plan, name, parts);
    case 'console':
      return (await import('./console/make-console.js')).makeConsole(plan, name, parts);
    case 'ports':
      return (await import('./console/make-console.js')).makePorts(plan, name, parts);
    case 'balloon':
      return (await import('./balloon/make-balloon.js')).makeBalloon(plan, name, parts);
    case 'vsock':
      return (await import('./vsock/make-vsock.js')).makeVsock(plan, name, parts);
  }
}

/** A device whose queues belong to a thread of its own. */
function remote(model: RemoteModel, { words, doorbell, report }: RemotePlan, { wires }: VirtioParts): VirtioDevice {
  const device = new RemoteDevice(model, words, wires.open(doorbell));
  wires.listen(wires.open(report), () => device.reported());
  return device;
}
