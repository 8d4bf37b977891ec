import { ByteRing } from '../../streams/byte-ring.js';
import type { VirtioParts } from '../parts.js';
import { VirtioConsole } from './console.js';
import type { ConsolePlan, PortsPlan, StreamPlan } from './console-plan.js';
import type { PortEnd } from './port.js';
import { VirtioPorts } from './ports.js';

/** Makes the console of the thread of the devices. */
export function makeConsole(plan: ConsolePlan, name: string, parts: VirtioParts): VirtioConsole {
  const { end, listen } = bellOf(plan, parts);
  const started = (): void => parts.events.readsConsole();
  return listen(new VirtioConsole({ name, end: end(plan.stream), size: plan.size, started }));
}

/** Makes the ports of the thread of the devices. */
export function makePorts(plan: PortsPlan, name: string, parts: VirtioParts): VirtioPorts {
  const { end, listen } = bellOf(plan, parts);
  const ports = plan.ports.map((port) => ({ name: port.name, end: end(port.stream) }));
  return listen(new VirtioPorts(name, ports));
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
