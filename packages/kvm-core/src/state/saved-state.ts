import { KvmError } from '../errors/kvm-error.js';
import { bytesGiven } from '../struct/bytes.js';
import { custom, type ShowOptions, show } from '../struct/inspect.js';

/** What is known of a part beside its bytes: anything JSON can hold. */
export type PartNotes = Readonly<Record<string, unknown>>;

/** One part of a state, as the header lists it. */
export interface StatePart {
  /** "regs"; of a VM's vCPU "vcpu/0/regs". */
  readonly name: string;
  /** Bytes in the body. */
  readonly size: number;
  readonly notes?: PartNotes;
}

/** What a state says it holds. */
export interface StateHeader {
  /** Of what it is the state. */
  readonly kind: StateKind;
  /** The kernel's name of the architecture: "x86". */
  readonly arch: string;
  /** Of a vCPU: its number. */
  readonly id?: number;
  /** In the order of the body. */
  readonly parts: readonly StatePart[];
}

/** What a state is made of. */
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
 * The state of a VM or a vCPU, as `save` takes it and `restore` puts it back.
 *
 * As bytes it is a document: "KVMSTATE", the version and the length of the header (both 32 bits, little-endian), the header in
 * JSON, then the bytes of each part in the header's order. What the parts hold is the kernel's own structs, so a state is of one
 * architecture.
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
   * The state that these bytes are the document of. The parts are views of them.
   *
   * @throws KvmError `ERR_KVM_STATE` when they are no such document, are cut short, or come from a later version of it.
   */
  static from(document: Uint8Array): SavedState {
    const bytes = bytesGiven(document, 'a saved state');
    if (bytes.length < prologueSize || magic.some((byte, i) => bytes[i] !== byte)) {
      throw broken('these bytes are no saved state: they do not begin with KVMSTATE');
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const written = view.getUint32(magic.length, true);
    if (written !== version) {
      throw broken(`this state is of version ${written} of the document, and this is a reader of version ${version}`);
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
    if (at !== bytes.length) throw broken(`this state has ${bytes.length - at} bytes that its header does not know`);
    return new SavedState(header, bodies);
  }

  /**
   * @internal Some of its parts as a state of their own.
   *
   * @param rename the name a part has there, or undefined to leave it out.
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

  /** Of what it is the state. */
  get kind(): StateKind {
    return this.header.kind;
  }

  /** The kernel's name of the architecture. */
  get arch(): string {
    return this.header.arch;
  }

  /** Bytes of the document. */
  get size(): number {
    return this.header.parts.reduce((sum, part) => sum + part.size, this.#head().length);
  }

  /** The document, in pieces: to write a large one to a file without having it in memory twice. */
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

  /** Whether it has a part of this name. */
  has(name: string): boolean {
    return this.#bodies.has(name);
  }

  /**
   * The bytes of a part.
   *
   * @throws KvmError `ERR_KVM_STATE` when there is no such part.
   */
  part(name: string): Uint8Array {
    const body = this.#bodies.get(name);
    if (body === undefined) throw broken(`this state has no ${name}`);
    return body;
  }

  /** What the header says of a part beside its length. */
  notes(name: string): PartNotes {
    return this.#notes.get(name) ?? {};
  }

  /** The header: what is in it, for people. */
  toJSON(): StateHeader {
    return this.header;
  }

  /** @internal `console.log`: the parts with their sizes. */
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

/** The error for a state that cannot be read, or does not fit where it should go. */
export function broken(message: string, cause?: unknown): KvmError {
  return new KvmError('ERR_KVM_STATE', message, { cause });
}

function headerOf(bytes: Uint8Array): StateHeader {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw broken('the header of this state is no JSON', cause);
  }
  if (!isHeader(header)) throw broken('the header of this state does not say what it is of, or what its parts are');
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
