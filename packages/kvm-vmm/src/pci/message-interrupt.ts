/** What a function writes to interrupt a processor: the guest chooses address and data. */
export interface Message {
  readonly address: bigint;
  readonly data: number;
}

/** An interrupt that reaches the guest as a message. Signals wait while no message is set. */
export interface MessageInterrupt {
  /** The message of later signals, and of those that wait; undefined while the interrupt is masked. */
  route(message: Message | undefined): void;
  signal(): void;
  /** Whether a signal waits. */
  readonly isPending: boolean;
  /** Forgets the signals that wait. */
  clear(): void;
}
