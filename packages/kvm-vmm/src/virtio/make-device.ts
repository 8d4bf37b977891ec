import { RemoteBlock } from './block/remote-block.js';
import type { VirtioParts } from './parts.js';
import type { VirtioPlan } from './plan.js';
import type { VirtioDevice } from './virtio-device.js';

/** Makes a virtio device. `name` is unique within the machine. The code of most is loaded where they are wanted. */
export async function makeVirtioDevice(plan: VirtioPlan, name: string, parts: VirtioParts): Promise<VirtioDevice> {
  const { wires } = parts;
  switch (plan.kind) {
    case 'block': {
      const block = new RemoteBlock(plan, name, wires.open(plan.doorbell));
      wires.listen(wires.open(plan.report), () => block.reported());
      return block;
    }
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
  }
}
