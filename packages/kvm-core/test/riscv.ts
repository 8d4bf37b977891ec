import { Kvm, type Vcpu, type Vm } from '../src/arch/riscv/index.js';
import type { BackendName } from '../src/backend/backend.js';
import type { GuestMemory } from '../src/memory/guest-memory.js';
import { onEachBackend } from './backends.js';
import { guestImage } from './guests.js';
import { codeAddress, startGuest } from './start-guest.mjs';

export interface RiscvGuest extends Disposable {
  kvm: Kvm;
  vm: Vm;
  vcpu: Vcpu;
  memory: GuestMemory;
}

/** Runs tests that are about riscv, for every backend. */
export function onRiscv(claims: string, tests: (backend: BackendName) => void): void {
  onEachBackend(claims, tests, ['riscv64']);
}

/** A VM of one vCPU and 64 KiB, about to run a guest of `guests/riscv`, or these instructions. */
export function riscvGuest(backend: BackendName, code: string | readonly number[]): RiscvGuest {
  const bytes = typeof code === 'string' ? guestImage(`riscv/${code}`) : new Uint8Array(Uint32Array.from(code).buffer);
  return startGuest({ Kvm } as never, backend, bytes) as unknown as RiscvGuest;
}

export const entry = BigInt(codeAddress);
