import type { Backend } from '../backend/backend.js';
import { type Claim, endClaim } from '../ioctl/claim.js';
import { Descriptor } from '../ioctl/descriptor.js';
import { DeadlineTimer } from './deadline.js';
import { type MappedRing, mapRing } from './dirty-ring.js';
import { KickState } from './kick.js';
import { RunState } from './run-state.js';

/** @internal The length of `initWords`. */
export const initWordCount = 8;

/** The descriptor, mappings and timers of a vCPU. */
export interface VcpuResources {
  readonly descriptor: Descriptor;
  readonly id: number;
  readonly state: RunState;
  readonly kickState: KickState;
  readonly timer: DeadlineTimer;
  readonly dirtyRing: MappedRing | undefined;
  /** Whether it ran in another thread before its transfer to this one. */
  readonly hasRun: boolean;
  /** The argument of its initialisation, which no ioctl returns: arm64's `struct kvm_vcpu_init`, in 32-bit words. */
  readonly initWords: Uint32Array;
  /** The claim of the handle that transferred it. */
  readonly claim?: Claim;
}

/** @internal @param dirtyRingBytes the length of each vCPU's ring in this VM; 0 for no ring. */
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
    // Map the ring before the run state, which has views: a mapping can be unmapped only while it has none.
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

/** The facts about a vCPU that another thread has mapped. */
export interface MappedVcpu {
  readonly fd: number;
  readonly id: number;
  /** The address of the run state. */
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
export function adoptResources(parent: Descriptor, mapped: MappedVcpu): VcpuResources {
  const { fd, id, address, length, dirtyRing, kickWords, hasRun, initWords, claim } = mapped;
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

function assemble(parent: Descriptor, fd: number, rest: Omit<VcpuResources, 'descriptor' | 'timer'>): VcpuResources {
  const { arch, backend } = parent;
  const timer = new DeadlineTimer(backend);
  return { ...rest, timer, descriptor: new Descriptor(arch, backend, fd, parent, ending(backend, rest, timer)) };
}

/**
 * Frees the resources before the descriptor is closed. It refers to no view of the run state: that would keep the vCPU
 * from being collected.
 */
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
