import { KvmError } from '../errors/kvm-error.js';
import { bytesGiven } from '../struct/bytes.js';
import { custom, type ShowOptions, show } from '../struct/inspect.js';

/** Facts about a part other than its bytes: any JSON value. */
export type PartNotes = Readonly<Record<string, unknown>>;

/** One part of a state, listed in the header. */
export interface StatePart {
  /** "regs"; for a vCPU in the state of a VM "vcpu/0/regs". */
  readonly name: string;
  /** The size in the body, in bytes. */
  readonly size: number;
  readonly notes?: PartNotes;
}

/** The header of a state. */
export interface StateHeader {
  /** The kind of the saved object. */
  readonly kind: StateKind;
  /** The kernel's name of the architecture: "x86". */
  readonly arch: string;
  /** The id of a vCPU. */
  readonly id?: number;
  /** In the order of the body. */
  readonly parts: readonly StatePart[];
}

/** One part of a new state. */
export interface NewPart {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly notes?: PartNotes;
}

export type StateKind = 'vm' | 'vcpu';

const kinds: readonly string[] = ['vm', 'vcpu'] satisfies StateKind[];

/** The version of the document. A reader refuses a later one. */
const version = 1;

const magic = new TextEncoder().encode('KVMSTATE');
/** The magic, the version, the length of the header. */
const prologueSize = magic.length + 8;

/**
 * The state of a VM or a vCPU: the result of `save`, and the argument of `restore`.
 *
 * As bytes it is a document: "KVMSTATE", the version and the length of the header (both 32 bits, little-endian), the
 * header in JSON, then the bytes of each part in the header's order. The parts are the kernel's structs, so a state
 * belongs to one architecture.
 */
export class SavedState {
  readonly header: StateHeader;
  readonly #bodies: ReadonlyMap<string, Uint8Array>;
  readonly #notes: ReadonlyMap<string, PartNotes>;

  private constructor(header: StateHeader, bodies: ReadonlyMap<string, Uint8Array>) {
    this.header = header;
    this.#bodies = bodies;
    this.#notes = new Map(header.parts.map(({ name, notes }) => [name, notes ?? {}]));
  }

  /** @internal `save` of a VM or vCPU. */
  static of(kind: StateKind, arch: string, parts: Iterable<NewPart>, id?: number): SavedState {
    const bodies = new Map<string, Uint8Array>();
    const listed: StatePart[] = [];
    for (const { name, bytes, notes } of parts) {
      bodies.set(name, bytes);
      listed.push({ name, size: bytes.length, ...(notes === undefined ? {} : { notes }) });
    }
    return new SavedState({ kind, arch, ...(id === undefined ? {} : { id }), parts: listed }, bodies);
  }

  /**
   * Parses a document. The parts are views of its bytes.
   *
   * @throws KvmError `ERR_KVM_STATE` if the bytes are not such a document, are truncated, or have another version.
   */
  static from(document: Uint8Array): SavedState {
    const bytes = bytesGiven(document, 'a saved state');
    if (bytes.length < prologueSize || magic.some((byte, i) => bytes[i] !== byte)) {
      throw broken('these bytes are not a saved state: they do not begin with KVMSTATE');
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const found = view.getUint32(magic.length, true);
    if (found !== version) {
      throw broken(`this state has version ${found} of the document, and this package reads version ${version}`);
    }
    const bodyStart = prologueSize + view.getUint32(magic.length + 4, true);
    if (bodyStart > bytes.length) throw broken('this state is cut short, in its header');
    const header = headerOf(bytes.subarray(prologueSize, bodyStart));
    const bodies = new Map<string, Uint8Array>();
    let at = bodyStart;
    for (const { name, size } of header.parts) {
      if (bodies.has(name)) throw broken(`the header of this state lists ${name} twice`);
      if (at + size > bytes.length)
        throw broken(`this state is cut short: ${name} has ${bytes.length - at} of ${size} bytes`);
      bodies.set(name, bytes.subarray(at, at + size));
      at += size;
    }
    if (at !== bytes.length) throw broken(`this state has ${bytes.length - at} bytes that its header does not list`);
    return new SavedState(header, bodies);
  }

  /**
   * @internal A state with some of the parts.
   *
   * @param rename returns the new name of a part, or undefined to leave it out.
   */
  selected(rename: (name: string) => string | undefined, kind = this.kind): SavedState {
    const parts = this.header.parts.flatMap(({ name, notes }): NewPart[] => {
      const renamed = rename(name);
      return renamed === undefined
        ? []
        : [{ name: renamed, bytes: this.part(name), ...(notes === undefined ? {} : { notes }) }];
    });
    return SavedState.of(kind, this.arch, parts);
  }

  /** The kind of the saved object. */
  get kind(): StateKind {
    return this.header.kind;
  }

  /** The kernel's name of the architecture. */
  get arch(): string {
    return this.header.arch;
  }

  /** The size of the document in bytes. */
  get size(): number {
    return this.header.parts.reduce((sum, part) => sum + part.size, this.#head().length);
  }

  /** The document in pieces: to write a large one to a file without a second copy in memory. */
  *chunks(): Generator<Uint8Array> {
    yield this.#head();
    yield* this.#bodies.values();
  }

  /** The document. */
  toBytes(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.size);
    let at = 0;
    for (const chunk of this.chunks()) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return bytes;
  }

  #head(): Uint8Array {
    const json = new TextEncoder().encode(JSON.stringify(this.header));
    const head = new Uint8Array(prologueSize + json.length);
    head.set(magic);
    const view = new DataView(head.buffer);
    view.setUint32(magic.length, version, true);
    view.setUint32(magic.length + 4, json.length, true);
    head.set(json, prologueSize);
    return head;
  }

  /** Whether it has a part with this name. */
  has(name: string): boolean {
    return this.#bodies.has(name);
  }

  /**
   * The bytes of a part.
   *
   * @throws KvmError `ERR_KVM_STATE` if there is no such part.
   */
  part(name: string): Uint8Array {
    const body = this.#bodies.get(name);
    if (body === undefined) throw broken(`this state has no ${name}`);
    return body;
  }

  /** The notes on a part in the header. */
  notes(name: string): PartNotes {
    return this.#notes.get(name) ?? {};
  }

  /** The header, which describes the contents. */
  toJSON(): StateHeader {
    return this.header;
  }

  /** @internal `console.log` shows the parts with their sizes. */
  [custom](depth: unknown, options?: ShowOptions): string {
    const { kind, arch, id, parts } = this.header;
    const members = () => ({
      kind,
      arch,
      ...(id !== undefined && { id }),
      size: this.size,
      parts: Object.fromEntries(parts.map(({ name, size }) => [name, size])),
    });
    return show('SavedState', members, depth, options);
  }
}

/** The error for a state that cannot be read, or does not match the object to restore. */
export function broken(message: string, cause?: unknown): KvmError {
  return new KvmError('ERR_KVM_STATE', message, { cause });
}

function headerOf(bytes: Uint8Array): StateHeader {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw broken('the header of this state is not JSON', cause);
  }
  if (!isHeader(header)) throw broken('the header of this state lacks a valid kind, architecture or list of parts');
  return header;
}

function isHeader(value: unknown): value is StateHeader {
  if (!isObject(value)) return false;
  const { kind, arch, id, parts } = value;
  return (
    typeof kind === 'string' &&
    kinds.includes(kind) &&
    typeof arch === 'string' &&
    (id === undefined || isCount(id)) &&
    Array.isArray(parts) &&
    parts.every(isPart)
  );
}

function isPart(value: unknown): value is StatePart {
  if (!isObject(value)) return false;
  const { name, size, notes } = value;
  return typeof name === 'string' && isCount(size) && (notes === undefined || isObject(notes));
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
