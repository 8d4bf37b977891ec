import type { VirtioParts } from '../parts.js';
import { VirtioVsock } from './virtio-vsock.js';
import type { VsockPlan } from './vsock-plan.js';

/** Makes the sockets' part in the thread of the devices. */
export function makeVsock(plan: VsockPlan, name: string, { wires }: VirtioParts): VirtioVsock {
  const vsock = new VirtioVsock(plan, name, () => plan.report.postMessage(undefined));
  wires.listen(wires.open(plan.wake), () => vsock.woken());
  return vsock;
}
