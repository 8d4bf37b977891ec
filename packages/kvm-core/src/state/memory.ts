import type { Backend } from '../backend/backend.js';
import { KvmError } from '../errors/kvm-error.js';
import type { Slot } from '../ioctl/descriptor.js';
import { GuestMemory } from '../memory/guest-memory.js';
import { broken, type NewPart, type SavedState } from './saved-state.js';

/** The unit, in bytes, in which zeros are left out. */
const unit = 4096;
const zeros = new Uint8Array(unit);

/** A slot in the notes of a state. */
interface SavedSlot {
  readonly slot: number;
  /** Hexadecimal, because it may exceed the range of JSON's numbers. */
  readonly guestPhysAddr: string;
  readonly flags: number;
  /** The index of the memory in the state. */
  readonly memory: number;
  readonly offset: number;
  readonly size: number;
}

/** One memory of a VM: the part of a buffer that its slots map. */
interface Span {
  readonly buffer: ArrayBufferLike;
  start: number;
  end: number;
}

/**
 * The memory of a VM as parts of a state: its slots, and each memory once, even if several slots map it. The zeros of a
 * memory are left out.
 *
 * @param unreadable the flag of a slot whose memory this process cannot read: MemoryFlag.GuestMemfd.
 */
export function savedMemory(slots: ReadonlyMap<number, Slot>, unreadable: number): NewPart[] {
  for (const [slot, { flags }] of slots) {
    if ((flags & unreadable) !== 0) {
      throw broken(`slot ${slot} has memory of a GuestMemfd, which this process cannot read`);
    }
  }
  const spans: Span[] = [];
  for (const { pages } of slots.values()) {
    const { buffer, byteOffset: start } = pages;
    const end = start + pages.length;
    const span = spans.find((each) => each.buffer === buffer);
    if (span === undefined) spans.push({ buffer, start, end });
    else {
      span.start = Math.min(span.start, start);
      span.end = Math.max(span.end, end);
    }
  }
  const listed = [...slots].map(([slot, { guestPhysAddr, flags, pages }]): SavedSlot => {
    const memory = spans.findIndex(({ buffer }) => buffer === pages.buffer);
    const offset = pages.byteOffset - (spans[memory] as Span).start;
    return { slot, guestPhysAddr: `0x${guestPhysAddr.toString(16)}`, flags, memory, offset, size: pages.length };
  });
  return [
    { name: 'slots', bytes: new Uint8Array(), notes: { slots: listed } },
    ...spans.map(({ buffer, start, end }, i) => contents(`memory/${i}`, Buffer.from(buffer, start, end - start))),
  ];
}

/** The contents of a memory, without its zeros. */
function contents(name: string, bytes: Buffer): NewPart {
  const runs: [offset: number, length: number][] = [];
  for (let offset = 0; offset < bytes.length; offset += unit) {
    if (bytes.subarray(offset, offset + unit).equals(zeros)) continue;
    const last = runs.at(-1);
    if (last !== undefined && last[0] + last[1] === offset) last[1] += unit;
    else runs.push([offset, unit]);
  }
  const kept = Buffer.concat(runs.map(([offset, length]) => bytes.subarray(offset, offset + length)));
  return { name, bytes: kept, notes: { size: bytes.length, runs } };
}

/** The recreated memories of a state, and the slots for them. */
export interface RestoredMemory {
  readonly memories: readonly GuestMemory[];
  readonly slots: readonly {
    slot: number;
    guestPhysAddr: bigint;
    flags: number;
    memory: GuestMemory;
    offset: number;
    size: number;
  }[];
}

/** Recreates the memories of a state and checks its slots; the caller sets the slots. */
export function restoredMemory(state: SavedState, backend: Backend): RestoredMemory {
  const { slots } = state.notes('slots');
  if (!Array.isArray(slots) || !slots.every(isSlot)) throw broken('this state has no valid list of memory slots');
  const twice = slots.find(({ slot }, i) => slots.findIndex((each) => each.slot === slot) !== i);
  if (twice !== undefined) throw broken(`this state has slot ${twice.slot} twice`);
  const count = state.header.parts.filter(({ name }) => /^memory\/\d+$/.test(name)).length;
  const sizes = Array.from({ length: count }, (_, i) => checkedContents(state, `memory/${i}`));
  for (const { slot, memory, offset, size } of slots) {
    if (offset + size > (sizes[memory] ?? -1))
      throw broken(`slot ${slot} of this state refers to memory that it does not have`);
  }
  const memories: GuestMemory[] = [];
  try {
    for (const [i, size] of sizes.entries()) {
      const memory = GuestMemory.allocate(backend, { size }, size);
      memories.push(memory);
      fill(memory, state, `memory/${i}`);
    }
  } catch (error) {
    for (const memory of memories) memory.close();
    if (!(error instanceof KvmError)) throw error;
    throw broken(`memory/${memories.length} of this state cannot be allocated here: ${error.message}`, error);
  }
  return {
    memories,
    slots: slots.map((slot) => ({
      ...slot,
      guestPhysAddr: BigInt(slot.guestPhysAddr),
      memory: memories[slot.memory] as GuestMemory,
    })),
  };
}

/** The size of a memory, after a check that its runs are inside it and match its body. */
function checkedContents(state: SavedState, name: string): number {
  const body = state.part(name);
  const { size, runs } = state.notes(name);
  const fits =
    isCount(size) &&
    size > 0 &&
    Array.isArray(runs) &&
    runs.every((run) => isRun(run) && run[0] + run[1] <= size) &&
    runs.reduce((sum: number, [, length]) => sum + length, 0) === body.length;
  if (!fits) throw broken(`${name} of this state has no valid list of its runs`);
  return size as number;
}

function fill(memory: GuestMemory, state: SavedState, name: string): void {
  const body = state.part(name);
  let at = 0;
  for (const [offset, length] of state.notes(name)['runs'] as [number, number][]) {
    memory.write(offset, body.subarray(at, at + length));
    at += length;
  }
}

function isRun(value: unknown): value is [offset: number, length: number] {
  return Array.isArray(value) && value.length === 2 && value.every(isCount);
}

function isSlot(value: unknown): value is SavedSlot {
  if (typeof value !== 'object' || value === null) return false;
  const { slot, guestPhysAddr, flags, memory, offset, size } = value as Partial<Record<keyof SavedSlot, unknown>>;
  return (
    [slot, flags, memory, offset, size].every(isCount) &&
    typeof guestPhysAddr === 'string' &&
    /^0x[0-9a-f]{1,16}$/.test(guestPhysAddr)
  );
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
