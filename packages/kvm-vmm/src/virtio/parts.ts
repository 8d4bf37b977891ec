import type { GuestMemory } from '@kvm/core';
import type { Backend } from '@kvm/core/backend';
import type { Wires } from '../machine/wires.js';

/** What virtio devices tell the main thread. */
export interface VirtioEvents {
  /** The main thread waits for output of a stream, and there is some. */
  output(stream: number): void;
  /** The main thread waits for room for a stream's input, and there is some. */
  room(stream: number): void;
  /** The guest has answered about its memory. */
  balloon(): void;
  /** The guest reads its console. */
  readsConsole(): void;
}

/** What virtio devices are made with. */
export interface VirtioParts {
  readonly wires: Wires;
  readonly memory: GuestMemory;
  readonly backend: Backend;
  readonly events: VirtioEvents;
}
