import type { Backend } from '../backend/backend.js';
import { type Claim, endClaim } from '../ioctl/claim.js';
import { Descriptor } from '../ioctl/descriptor.js';
import { DeadlineTimer } from './deadline.js';
import { type MappedRing, mapRing } from './dirty-ring.js';
import { KickState } from './kick.js';
import { RunState } from './run-state.js';

/** @internal How many words it can have been told. */
export const initWordCount = 8;

/** What a vCPU is made of. */
export interface VcpuResources {
  readonly descriptor: Descriptor;
  readonly id: number;
  readonly state: RunState;
  readonly kickState: KickState;
  readonly timer: DeadlineTimer;
  readonly dirtyRing: MappedRing | undefined;
  /** In another thread, before it came to this one. */
  readonly hasRun: boolean;
  /** What the architecture told it once, and no kernel tells again: arm64's `struct kvm_vcpu_init`, in words of 32 bits. */
  readonly initWords: Uint32Array;
  /** That of the handle it came with. */
  readonly claim?: Claim;
}

/** @internal @param dirtyRingBytes what was enabled for all vCPUs of the VM; 0 for no ring. */
export function createResources(
  parent: Descriptor,
  fd: number,
  id: number,
  mmapSize: number,
  dirtyRingBytes: number,
): VcpuResources {
  const { arch, backend } = parent;
  let dirtyRing: MappedRing | undefined;
  let state: RunState;
  try {
    // Before the run state, which has views: while nobody has one, what is mapped can be given up.
    if (dirtyRingBytes > 0) dirtyRing = mapRing(arch.abi, backend, fd, dirtyRingBytes);
    state = RunState.map(arch, backend, fd, mmapSize);
  } catch (error) {
    if (dirtyRing !== undefined) backend.unmap(dirtyRing.address, dirtyRing.length);
    backend.close(fd);
    throw error;
  }
  return assemble(parent, fd, {
    id,
    state,
    kickState: new KickState(backend, state),
    dirtyRing,
    hasRun: false,
    initWords: new Uint32Array(initWordCount),
  });
}

/** What is known of a vCPU that was mapped by another thread. */
export interface MappedVcpu {
  readonly fd: number;
  readonly id: number;
  /** Of the run state. */
  readonly address: number;
  readonly length: number;
  readonly dirtyRing: MappedRing | undefined;
  /** The words of its kick handles. */
  readonly kickWords: Int32Array;
  readonly hasRun: boolean;
  /** What the architecture told it once. */
  readonly initWords: Uint32Array;
  /** Whether the vCPU is still to be taken: one word, which all threads see. */
  readonly claim: Int32Array;
}

/** @internal */
export function adoptResources(parent: Descriptor, known: MappedVcpu): VcpuResources {
  const { fd, id, address, length, dirtyRing, kickWords, hasRun, initWords, claim } = known;
  const { arch, backend } = parent;
  const state = new RunState(arch, address, new Uint8Array(backend.view(address, length)));
  return assemble(parent, fd, {
    id,
    state,
    kickState: new KickState(backend, state, kickWords),
    dirtyRing,
    hasRun,
    initWords,
    claim,
  });
}

function assemble(parent: Descriptor, fd: number, own: Omit<VcpuResources, 'descriptor' | 'timer'>): VcpuResources {
  const { arch, backend } = parent;
  const timer = new DeadlineTimer(backend);
  return { ...own, timer, descriptor: new Descriptor(arch, backend, fd, parent, ending(backend, own, timer)) };
}

/** What goes before the descriptor does. It refers to no view of the run state, which would keep the vCPU from being collected. */
function ending(
  backend: Backend,
  { state, kickState, dirtyRing, claim }: Omit<VcpuResources, 'descriptor' | 'timer'>,
  timer: DeadlineTimer,
): () => void {
  const { address, length } = state;
  const { close } = kickState;
  return () => {
    if (claim !== undefined) endClaim(claim);
    close();
    timer.close();
    backend.blank(address, length);
    if (dirtyRing !== undefined) backend.blank(dirtyRing.address, dirtyRing.length);
  };
}
