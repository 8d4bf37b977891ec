import type { VirtioParts } from '../parts.js';
import { VirtioBalloon } from './balloon.js';
import type { BalloonPlan } from './balloon-plan.js';

/** Makes the balloon of the thread of the devices. */
export function makeBalloon(plan: BalloonPlan, name: string, { wires, memory, events }: VirtioParts): VirtioBalloon {
  const device = new VirtioBalloon({ ...plan, name, memory, reported: () => events.balloon() });
  wires.listen(wires.open(plan.bell), () => device.hostChanged());
  return device;
}
