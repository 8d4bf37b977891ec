import { type EventFd, KvmError, pageSize, type Vm } from '@kvm/core';
import * as virtio from '../abi/virtio/constants.js';
import { allocateWords, type BalloonPlan, Word } from '../virtio/balloon/balloon-plan.js';
import { targetOf } from '../virtio/balloon/target.js';
import type { Balloon, BalloonStats } from './balloon.js';
import type { Plan } from './options.js';

/** The tags of a guest's numbers. */
const tags: Readonly<Record<keyof BalloonStats, number>> = {
  swapIn: virtio.VIRTIO_BALLOON_S_SWAP_IN,
  swapOut: virtio.VIRTIO_BALLOON_S_SWAP_OUT,
  majflt: virtio.VIRTIO_BALLOON_S_MAJFLT,
  minflt: virtio.VIRTIO_BALLOON_S_MINFLT,
  memfree: virtio.VIRTIO_BALLOON_S_MEMFREE,
  memtot: virtio.VIRTIO_BALLOON_S_MEMTOT,
  avail: virtio.VIRTIO_BALLOON_S_AVAIL,
  caches: virtio.VIRTIO_BALLOON_S_CACHES,
  htlbPgalloc: virtio.VIRTIO_BALLOON_S_HTLB_PGALLOC,
  htlbPgfail: virtio.VIRTIO_BALLOON_S_HTLB_PGFAIL,
  oomKill: virtio.VIRTIO_BALLOON_S_OOM_KILL,
  allocStall: virtio.VIRTIO_BALLOON_S_ALLOC_STALL,
  asyncScan: virtio.VIRTIO_BALLOON_S_ASYNC_SCAN,
  directScan: virtio.VIRTIO_BALLOON_S_DIRECT_SCAN,
  asyncReclaim: virtio.VIRTIO_BALLOON_S_ASYNC_RECLAIM,
  directReclaim: virtio.VIRTIO_BALLOON_S_DIRECT_RECLAIM,
};

interface Request {
  readonly number: number;
  resolve(stats: BalloonStats): void;
  reject(error: KvmError): void;
}

/** The main thread's view of a balloon. */
export class BalloonHandle implements Balloon {
  /** For the thread of the devices. */
  readonly plan: BalloonPlan;
  readonly #memorySize: number;
  readonly #bell: EventFd;
  readonly #requests: Request[] = [];
  #hasEnded = false;

  constructor(vm: Vm, { target, ...features }: NonNullable<Plan['balloon']>, memorySize: number) {
    this.#bell = vm.createEventFd();
    this.plan = { kind: 'balloon', ...features, ...allocateWords(), bell: this.#bell.share() };
    this.#memorySize = memorySize;
    this.setTarget(target);
  }

  get target(): number {
    return this.#pages(Word.Target) * pageSize;
  }

  get size(): number {
    return this.#pages(Word.Actual) * pageSize;
  }

  setTarget(size: number | string): void {
    Atomics.store(this.plan.words, Word.Target, targetOf(size, this.#memorySize, 'the target of a balloon') / pageSize);
    this.#ring();
  }

  stats(): Promise<BalloonStats> {
    return new Promise((resolve, reject) => {
      if (this.#hasEnded) throw hasEnded();
      const number = (Atomics.add(this.plan.words, Word.Wanted, 1) + 1) | 0;
      this.#requests.push({ number, resolve, reject });
      this.#ring();
    });
  }

  /** The thread of the devices has numbers. */
  reported(): void {
    const { words, stats } = this.plan;
    const known = Atomics.load(words, Word.Known);
    const served = Atomics.load(words, Word.Served);
    const entries = Object.entries(tags).filter(([, tag]) => (known & (1 << tag)) !== 0);
    const answer: BalloonStats = Object.fromEntries(entries.map(([name, tag]) => [name, Atomics.load(stats, tag)]));
    while (((served - (this.#requests[0]?.number ?? served + 1)) | 0) >= 0) this.#requests.shift()?.resolve(answer);
  }

  /** The machine has ended. */
  finish(): void {
    this.#hasEnded = true;
    this.#bell.close();
    for (const { reject } of this.#requests.splice(0)) reject(hasEnded());
  }

  #pages(word: number): number {
    return Atomics.load(this.plan.words, word) >>> 0;
  }

  #ring(): void {
    if (!this.#hasEnded) this.#bell.write();
  }
}

function hasEnded(): KvmError {
  return new KvmError('ERR_KVM_CLOSED', 'the machine has ended');
}
