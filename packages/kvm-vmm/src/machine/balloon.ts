/** The balloon of a machine: what takes memory back from its guest. */
export interface Balloon {
  /** How much memory the guest is to give back, in bytes. */
  readonly target: number;
  /** How much memory the guest has given back, in bytes, as its driver says. */
  readonly size: number;
  /**
   * Asks the guest to give back so much memory: more, less, or with 0 none. How soon it does is its own decision.
   *
   * @param size bytes, or a number with a unit such as `128M`; it is rounded down to pages.
   * @throws KvmError `ERR_KVM_OUT_OF_RANGE` if the guest has no such memory.
   */
  setTarget(size: number | string): void;
  /**
   * Asks the guest about its memory. It answers once it has a driver.
   *
   * @throws KvmError `ERR_KVM_CLOSED` if the machine ends before that.
   */
  stats(): Promise<BalloonStats>;
}

/**
 * What a guest says of its memory, by the names of `VIRTIO_BALLOON_S_*`; sizes in bytes. A guest may leave any out, and
 * may lie.
 */
export interface BalloonStats {
  readonly swapIn?: bigint;
  readonly swapOut?: bigint;
  readonly majflt?: bigint;
  readonly minflt?: bigint;
  readonly memfree?: bigint;
  readonly memtot?: bigint;
  readonly avail?: bigint;
  readonly caches?: bigint;
  readonly htlbPgalloc?: bigint;
  readonly htlbPgfail?: bigint;
  readonly oomKill?: bigint;
  readonly allocStall?: bigint;
  readonly asyncScan?: bigint;
  readonly directScan?: bigint;
  readonly asyncReclaim?: bigint;
  readonly directReclaim?: bigint;
}
