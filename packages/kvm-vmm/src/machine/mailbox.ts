import { KvmError } from '@kvm/core';

/** What a vCPU asks of the device thread: accesses to the registers of a device. */
export interface Request {
  isPio: boolean;
  isWrite: boolean;
  /** Bytes of each access. */
  size: number;
  /** The number of accesses: more than one for a string instruction. */
  count: number;
  /** A port, or a guest-physical address. */
  address: number;
  /** The bytes that the guest writes, or room for those that it reads. */
  data: Uint8Array;
}

/** The fields of a slot, in words. */
const Field = { State: 0, Kind: 1, Size: 2, Count: 3, AddressLow: 4, AddressHigh: 5 } as const;
const Kind = { Pio: 1, Write: 2 } as const;
const State = { Idle: 0, Asked: 1, Answered: 2, Ended: 3, Failed: 4 } as const;

const headerSize = 64;
/** KVM reports no more than a page of data at once. */
const dataSize = 4096;
const slotSize = headerSize + dataSize;
const twoTo32 = 2 ** 32;

/**
 * The slot in which one vCPU asks and the device thread answers. The vCPU's thread sleeps meanwhile: its guest waits
 * for the instruction to finish.
 */
export class Mailbox {
  readonly #words: Int32Array;
  readonly #data: Uint8Array;
  readonly #ring: () => void;
  readonly #request: Request;

  /** @param ring rings the bell of the device thread; only the vCPU's side does. */
  constructor(slots: SharedArrayBuffer, index: number, ring: () => void = () => {}) {
    this.#words = new Int32Array(slots, index * slotSize, headerSize / Int32Array.BYTES_PER_ELEMENT);
    this.#data = new Uint8Array(slots, index * slotSize + headerSize, dataSize);
    this.#ring = ring;
    this.#request = { isPio: false, isWrite: false, size: 1, count: 1, address: 0, data: this.#data };
  }

  /** Memory for the slots of all vCPUs. */
  static allocate(cpus: number): SharedArrayBuffer {
    return new SharedArrayBuffer(cpus * slotSize);
  }

  /** The vCPU's side: bytes to write are put here before `ask`, bytes that were read are here afterwards. */
  get data(): Uint8Array {
    return this.#data;
  }

  /**
   * Asks and waits for the answer. Returns whether the access ended the machine.
   *
   * @throws KvmError `ERR_KVM_HANDLER` if the device thread has failed: its own error says why.
   */
  ask(isPio: boolean, isWrite: boolean, size: number, count: number, address: number): boolean {
    const words = this.#words;
    words[Field.Kind] = (isPio ? Kind.Pio : 0) | (isWrite ? Kind.Write : 0);
    words[Field.Size] = size;
    words[Field.Count] = count;
    words[Field.AddressLow] = address | 0;
    words[Field.AddressHigh] = address / twoTo32;
    // A device thread that has failed answers nothing any more.
    const before = Atomics.compareExchange(words, Field.State, State.Idle, State.Asked);
    if (before === State.Idle) this.#ring();
    // The notification of the answer before may come late, and wake this one.
    while (Atomics.load(words, Field.State) === State.Asked) Atomics.wait(words, Field.State, State.Asked);
    const state = Atomics.load(words, Field.State);
    if (state === State.Failed) throw new KvmError('ERR_KVM_HANDLER', 'the device thread of the machine has failed');
    Atomics.store(words, Field.State, State.Idle);
    return state === State.Ended;
  }

  /**
   * The device thread's side: answers if there is a request. `answer` returns whether the machine ends; undefined when
   * the request has to wait. Returns whether a request was answered.
   */
  serve(answer: (request: Request) => boolean | undefined): boolean {
    const words = this.#words;
    if (Atomics.load(words, Field.State) !== State.Asked) return false;
    const request = this.#request;
    const kind = words[Field.Kind] as number;
    request.isPio = (kind & Kind.Pio) !== 0;
    request.isWrite = (kind & Kind.Write) !== 0;
    request.size = words[Field.Size] as number;
    request.count = words[Field.Count] as number;
    request.address = (words[Field.AddressHigh] as number) * twoTo32 + ((words[Field.AddressLow] as number) >>> 0);
    const ends = answer(request);
    if (ends === undefined) return false;
    Atomics.store(words, Field.State, ends ? State.Ended : State.Answered);
    Atomics.notify(words, Field.State);
    return true;
  }

  /** The device thread has failed, or has gone: the present request and all later ones fail. */
  fail(): void {
    Atomics.store(this.#words, Field.State, State.Failed);
    Atomics.notify(this.#words, Field.State);
  }
}
