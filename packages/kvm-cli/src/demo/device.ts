import type { Device, DeviceContext } from '@kvm/vmm';
import { Challenge, type Operands } from './challenge.js';

/** The module of the demo's device, for the machine: it reports each result of the guest. */
export function device({ data, post }: DeviceContext): Device {
  const { a, b } = data as Operands;
  return new Challenge(a, b, post);
}
