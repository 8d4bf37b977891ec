import { KvmError } from '../errors/kvm-error.js';
import { Struct, type StructType } from '../struct/struct.js';
import { broken, type NewPart, SavedState } from './saved-state.js';

/** One part of the state of an object. */
export interface Part<O> {
  readonly name: string;
  /** Every state must have a part with one of these names. */
  readonly required?: readonly string[];
  /** The part as a struct or bytes; undefined if the host, or this object, does not have it. */
  save(object: O): Struct | Uint8Array | undefined;
  /** Checks the bytes before anything is restored. It throws, or returns the function that restores the part. */
  restore(object: O, bytes: Uint8Array): () => void;
}

/** A part that is one struct, with one call to read it and one to write it. */
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
      // The copy is private and aligned.
      const value = new type();
      value.bytes.set(bytes);
      return () => set(object, value);
    },
  };
}

/** The result of a call, or undefined if the host, or the object, lacks the feature. */
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
 * They are read in the reverse of the restore order: later parts depend on earlier ones, and reading them may change
 * the earlier ones. For example, reading the MP state makes a vCPU take a pending INIT.
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
 * Restores the parts of a state. Before it changes anything, it checks that every part is known and has the right
 * length, and that no required part is missing.
 */
export function restoreParts<O>(parts: readonly Part<O>[], object: O, state: SavedState): void {
  const names = new Set(parts.map(({ name }) => name));
  const unknown = state.header.parts.find(({ name }) => !names.has(name));
  if (unknown !== undefined) throw broken(`this state has ${unknown.name}, which this version does not know`);
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

/** Refuses the state of another kind of object, or of another architecture. */
export function checkKind(state: SavedState, kind: SavedState['kind'], arch: string): void {
  if (!(state instanceof SavedState)) {
    throw new KvmError(
      'ERR_KVM_INVALID_ARGUMENT',
      'the state must be a SavedState: SavedState.from creates one from bytes',
    );
  }
  if (state.kind !== kind) throw broken(`this is the state of a ${state.kind}, not of a ${kind}`);
  if (state.arch !== arch) throw broken(`this state is of ${state.arch}, and this host is ${arch}`);
}
