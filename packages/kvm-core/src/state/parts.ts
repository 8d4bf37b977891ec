import { KvmError } from '../errors/kvm-error.js';
import { Struct, type StructType } from '../struct/struct.js';
import { broken, type NewPart, SavedState } from './saved-state.js';

/** One thing that the state of an object is made of. */
export interface Part<O> {
  readonly name: string;
  /** Every state has a part of one of these names. */
  readonly required?: readonly string[];
  /** What the object has of it: a struct, or bytes; undefined where the host, or this object, has no such thing. */
  save(object: O): Struct | Uint8Array | undefined;
  /** Looks, before anything is restored, whether it can be: it throws, or gives what does the restoring. */
  restore(object: O, bytes: Uint8Array): () => void;
}

/** A part that is one struct, read by one call and written by another. */
export function structPart<O, T extends Struct>(
  name: string,
  type: StructType<T>,
  get: (object: O) => T | undefined,
  set: (object: O, value: T) => void,
  required?: readonly string[],
): Part<O> {
  return {
    name,
    ...(required && { required }),
    save: get,
    restore(object, bytes) {
      if (bytes.length !== type.size) {
        throw broken(`${name} has ${bytes.length} bytes, and a struct ${type.cName} has ${type.size}`);
      }
      // A copy: the kernel is given bytes that nobody else writes, at an address that any struct may have.
      const value = new type();
      value.bytes.set(bytes);
      return () => set(object, value);
    },
  };
}

/** What a call gives, or undefined where the host, or the object, lacks what it asks for. */
export function ifPresent<T>(call: () => T, ...absent: readonly number[]): T | undefined {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof KvmError)) throw error;
    if (error.code === 'ERR_KVM_UNSUPPORTED' || absent.includes(error.errno ?? 0)) return undefined;
    throw error;
  }
}

/**
 * The parts of an object, as bytes.
 *
 * They are read in the reverse of the order they are restored in: what comes last there depends on the rest, and reading it may
 * still change the rest, as when asking for the MP state makes a vCPU take the INIT that waits for it.
 */
export function savedParts<O>(parts: readonly Part<O>[], object: O): NewPart[] {
  const saved = parts.toReversed().flatMap(({ name, save }) => {
    const value = save(object);
    if (value === undefined) return [];
    return [{ name, bytes: (value instanceof Struct ? value.bytes : value).slice() }];
  });
  return saved.reverse();
}

/**
 * Puts the parts of a state back, once it is sure of all that can be known before: that it is of this architecture and this kind
 * of object, that every part is known here and as long as it has to be, and that none is missing which every object has.
 */
export function restoreParts<O>(parts: readonly Part<O>[], object: O, state: SavedState): void {
  const names = new Set(parts.map(({ name }) => name));
  const unknown = state.header.parts.find(({ name }) => !names.has(name));
  if (unknown !== undefined) throw broken(`this state has ${unknown.name}, which this version knows nothing of`);
  for (const { required } of parts) {
    if (required?.some((name) => state.has(name)) === false) throw broken(`this state has no ${required.join(' or ')}`);
  }
  const steps = parts
    .filter(({ name }) => state.has(name))
    .map((part) => ({ name: part.name, step: part.restore(object, state.part(part.name)) }));
  for (const { name, step } of steps) {
    try {
      step();
    } catch (error) {
      if (!(error instanceof KvmError) || error.code === 'ERR_KVM_STATE') throw error;
      throw broken(`${name} cannot be restored here: ${error.message}`, error);
    }
  }
}

/** Refuses a state of something else. */
export function checkKind(state: SavedState, kind: SavedState['kind'], arch: string): void {
  if (!(state instanceof SavedState)) {
    throw new KvmError(
      'ERR_KVM_INVALID_ARGUMENT',
      'a state must be given as a SavedState: SavedState.from makes one of bytes',
    );
  }
  if (state.kind !== kind) throw broken(`this is the state of a ${state.kind}, not of a ${kind}`);
  if (state.arch !== arch) throw broken(`this state is of ${state.arch}, and this host is ${arch}`);
}
