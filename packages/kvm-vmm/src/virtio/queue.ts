import type { Chain } from './chain.js';

/**
 * A virtqueue, split or packed: the driver's chains come out of it and go back into it.
 *
 *     do {
 *       queue.suppress();
 *       for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) queue.push(chain, handle(chain));
 *       queue.signal();
 *     } while (queue.listen());
 *
 * What is in the ring comes from a hostile driver. A ring or chain that the specification forbids stops the queue and
 * marks the device as needing a reset: `pop` returns undefined from then on, and the other methods do nothing.
 */
export interface Queue {
  /** The number of descriptors in its ring, as the driver has chosen it. */
  readonly size: number;
  /** A chain for `pop`, for devices that have several requests in flight. */
  createChain(): Chain;
  /**
   * Takes the next chain. Nothing is allocated.
   *
   * @param into what to fill; the queue's own chain, which the next `pop` fills again.
   * @returns `into`, or undefined if the driver has added none.
   */
  pop(into?: Chain): Chain | undefined;
  /**
   * Puts a chain back that was popped and not pushed, as when a buffer is full: the next `pop` finds it. Of several,
   * the one that was popped last goes back first.
   */
  unpop(chain: Chain): void;
  /**
   * Gives a chain back to the driver, as used. The driver sees it at once, but gets no interrupt: see `signal`.
   *
   * @param written the number of bytes that were written into its writable part, from its start on.
   */
  push(chain: Chain, written: number): void;
  /** Interrupts the driver, if it wants that for what was pushed since the last call. Call it after each batch. */
  signal(): void;
  /** Asks the driver not to ring the doorbell: the device looks into the queue by itself. */
  suppress(): void;
  /**
   * Asks the driver to ring for the next chain.
   *
   * @returns true if there is one already, for which it did not ring: pop again.
   */
  listen(): boolean;
}

/** A queue as the transport has it. */
export interface Ring extends Queue {
  /** The device is about to look into it: allows as many pops as it has descriptors. */
  refill(): void;
  /** Ends all activity: `pop` returns undefined from now on, and the other methods do nothing. */
  stop(): void;
  /** Where it stands. No chain is popped and not pushed. */
  save(): RingState;
  /** @throws KvmError for a state that no such queue has. */
  load(state: RingState): void;
}

/** Where a queue stands: the next places that it reads and writes, as the kind of queue counts them. */
export interface RingState {
  readonly available: number;
  readonly used: number;
}

/** What a queue is made with. */
export interface RingOptions {
  readonly size: number;
  /** Guest-physical addresses of its three areas, by the specification's names. */
  readonly descriptorArea: number;
  readonly driverArea: number;
  readonly deviceArea: number;
  /** The most descriptors of a chain. */
  readonly longestChain: number;
  /** The features that both sides have. */
  readonly hasIndirect: boolean;
  readonly hasEventIdx: boolean;
  /** Interrupts the driver. */
  interrupt(): void;
  /** The driver has broken the rules. */
  needsReset(): void;
  /**
   * No more chains come out before `refill`, so that a driver that adds chains for ever, or whose ring overlaps itself,
   * does not hold its thread. Without it there is no limit.
   */
  spent?: (() => void) | undefined;
}
