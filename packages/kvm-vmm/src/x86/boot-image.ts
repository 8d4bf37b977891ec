import { readFileSync } from 'node:fs';
import type { GuestMemory, Vcpu } from '@kvm/core';
import { bootFlat, planFlat } from '../boot/flat.js';
import type { FlatBoot, LinuxBoot } from './boot-options.js';

/** What a machine boots, opened and planned: everything that can be checked before there is a VM was checked. */
export interface BootImage extends Disposable {
  /** Sets the first vCPU up to enter it. */
  enter(vcpu: Vcpu, memory: GuestMemory): void;
  /** Loads it into memory. */
  load(memory: GuestMemory): void;
}

/** @throws KvmError for an image that cannot be booted in so much memory, or the error of a file that cannot be read. */
export function openBoot(boot: LinuxBoot | FlatBoot, memorySize: number): BootImage {
  return boot.type === 'flat' ? openFlat(boot, memorySize) : openFlat({ type: 'flat', image: boot.kernel }, memorySize);
}

function openFlat({ image, mode = 'real', loadAddr, entry }: FlatBoot, memorySize: number): BootImage {
  const bytes = typeof image === 'string' ? readFileSync(image) : image;
  const plan = planFlat({
    mode,
    memorySize,
    imageSize: bytes.length,
    ...(loadAddr !== undefined && { loadAddr }),
    ...(entry !== undefined && { entry }),
  });
  return {
    enter: (vcpu, memory) => bootFlat(vcpu, memory, bytes, plan),
    load: () => {},
    [Symbol.dispose]: () => {},
  };
}
