import { boolean, integer } from '@kvm/core/struct';
import type { ByteRing } from '../../streams/byte-ring.js';
import type { Chain } from '../chain.js';
import type { Queue } from '../queue.js';

/** Descriptors of a queue. */
export const queueSize = 64;

/** Bytes that are copied at once. */
const pieceSize = 4096;
/** Bytes of output that are passed on before other things of the thread have their turn. */
const share = 2 ** 18;

/** What `Port.save` returns. */
export interface PortState {
  readonly isOpen: boolean;
  readonly sent: number;
}

/** The other end of a port: two rings to the program's thread, and what wakes it. */
export interface PortEnd {
  /** What the guest reads. */
  readonly input: ByteRing;
  /** What the guest writes. */
  readonly output: ByteRing;
  /** The program waits for output, and there is some. */
  wakeReader(): void;
  /** The program waits for room for input, and there is some. */
  wakeWriter(): void;
  /** Calls `hostChanged` of the device later, after other things of the thread. */
  again(): void;
}

/**
 * A port: a queue for each direction. While the program does not read, the guest's chain stays in its queue, and the
 * guest waits. Nothing else does.
 */
export class Port {
  /** Whether the guest takes input. Until then the program's waits. */
  isOpen = false;
  readonly #end: PortEnd;
  readonly #bytes = new Uint8Array(pieceSize);
  #receive: Queue | undefined;
  #transmit: Queue | undefined;
  /** The bytes of the first chain of the transmit queue that were passed on. */
  #sent = 0;

  constructor(end: PortEnd) {
    this.#end = end;
  }

  activate(receive: Queue | undefined, transmit: Queue | undefined): void {
    this.#receive = receive;
    this.#transmit = transmit;
  }

  reset(): void {
    this.activate(undefined, undefined);
    this.isOpen = false;
    this.#sent = 0;
  }

  /** There is input, or room for output. */
  hostChanged(): void {
    this.feed();
    this.drain();
  }

  /** Gives the guest the input that there is, as far as it has buffers. */
  feed(): void {
    const { input } = this.#end;
    const queue = this.#receive;
    if (queue === undefined || !this.isOpen) return;
    do {
      queue.suppress();
      while (input.available > 0) {
        const chain = queue.pop();
        if (chain === undefined) break;
        const length = input.readInto(this.#bytes, Math.min(this.#bytes.length, chain.writableLength));
        queue.push(chain, chain.write(0, this.#bytes, 0, length));
      }
      queue.signal();
      if (input.takeSleepingWriter()) this.#end.wakeWriter();
    } while (input.available > 0 && queue.listen());
  }

  /** Passes on what the guest has written, as far as there is room. */
  drain(): void {
    const queue = this.#transmit;
    if (queue === undefined) return;
    let left = share;
    do {
      queue.suppress();
      for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
        left = this.#pass(chain, left);
        if (this.#sent < chain.readableLength) {
          queue.unpop(chain);
          queue.signal();
          return;
        }
        queue.push(chain, 0);
        this.#sent = 0;
      }
      queue.signal();
    } while (queue.listen());
  }

  save(): PortState {
    return { isOpen: this.isOpen, sent: this.#sent };
  }

  load({ isOpen, sent }: PortState): void {
    this.reset();
    this.isOpen = boolean(isOpen, 'isOpen of a port');
    this.#sent = integer(sent, 0, Number.MAX_SAFE_INTEGER, 'the bytes that a port has sent');
  }

  /** Passes up to so many bytes on. Returns how many are left of them. */
  #pass(chain: Chain, most: number): number {
    const { output } = this.#end;
    let left = most;
    do {
      for (;;) {
        const wanted = Math.min(this.#bytes.length, output.room, left);
        const length = wanted === 0 ? 0 : chain.readInto(this.#sent, this.#bytes, 0, wanted);
        if (length === 0) break;
        output.write(this.#bytes, 0, length);
        this.#sent += length;
        left -= length;
      }
      if (output.takeSleepingReader()) this.#end.wakeReader();
      if (this.#sent >= chain.readableLength) return left;
      if (left === 0) {
        this.#end.again();
        return left;
      }
    } while (!output.sleepAsWriter());
    return left;
  }
}
