import { Kvm, type Vcpu, VcpuFeature, type Vm } from '../src/arch/arm64/index.js';
import type { BackendName } from '../src/backend/backend.js';
import type { GuestMemory } from '../src/memory/guest-memory.js';
import { onEachBackend } from './backends.js';
import { guestImage } from './guests.js';
import { codeAddress, startGuest } from './start-guest.mjs';

export interface Arm64Guest extends Disposable {
  kvm: Kvm;
  vm: Vm;
  vcpu: Vcpu;
  memory: GuestMemory;
}

/** Runs tests that are about arm64, for every backend. */
export function onArm64(claims: string, tests: (backend: BackendName) => void): void {
  onEachBackend(claims, tests, ['arm64']);
}

/** A VM of one initialised vCPU and 64 KiB, about to run a guest of `guests/arm64`, or these instructions. */
export function arm64Guest(backend: BackendName, code: string | readonly number[]): Arm64Guest {
  const bytes = typeof code === 'string' ? guestImage(`arm64/${code}`) : new Uint8Array(Uint32Array.from(code).buffer);
  return startGuest({ Kvm, VcpuFeature } as never, backend, bytes) as unknown as Arm64Guest;
}

export const entry = BigInt(codeAddress);
