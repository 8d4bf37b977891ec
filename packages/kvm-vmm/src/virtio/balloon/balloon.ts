import { type GuestMemory, KvmError, pageSize } from '@kvm/core';
import { u32 } from '@kvm/core/struct';
import {
  VIRTIO_BALLOON_F_DEFLATE_ON_OOM,
  VIRTIO_BALLOON_F_MUST_TELL_HOST,
  VIRTIO_BALLOON_F_PAGE_POISON,
  VIRTIO_BALLOON_F_REPORTING,
  VIRTIO_BALLOON_F_STATS_VQ,
  VIRTIO_BALLOON_PFN_SHIFT,
  VIRTIO_BALLOON_S_NR,
  VIRTIO_ID_BALLOON,
} from '../../abi/virtio/constants.js';
import { VirtioBalloonConfig, VirtioBalloonStat } from '../../abi/virtio/structs.js';
import { checkVersion, type DeviceState } from '../../devices/device.js';
import { ramOffset } from '../../memory/memory-map.js';
import type { Chain } from '../chain.js';
import { bit, has } from '../features.js';
import type { Queue } from '../queue.js';
import type { VirtioDevice, VirtioTransport } from '../virtio-device.js';
import { type BalloonPlan, Word } from './balloon-plan.js';

/** Descriptors of a queue. Linux reports 32 free ranges at once. */
const queueSize = 64;
/** Pages of one request. Linux names 256; what a longer request has beyond is not taken, so that none takes long. */
const mostPages = 1024;
const numberSize = 4;
/** Pages of a huge page of the host, which may be able to take back a whole one only. */
const blockPages = 512;
const pageBytes = 2 ** VIRTIO_BALLOON_PFN_SHIFT;
/** Offsets in the configuration space that a driver writes to. */
const Offset = { Actual: 4, PoisonVal: 12 } as const;

export interface VirtioBalloonOptions extends Pick<BalloonPlan, 'deflateOnOom' | 'reporting' | 'words' | 'stats'> {
  name: string;
  memory: Pick<GuestMemory, 'size' | 'discard'>;
  /** There are new numbers, which the program waits for. */
  reported: () => void;
}

/**
 * A balloon. Virtio 1.3, 5.5. The pages that the guest puts into it, and free pages that it reports, go back to the
 * host. They read as zero from then on, and the guest's next access takes a new page. Page numbers are a hostile
 * guest's: those that are not its memory do nothing, and all others harm the guest alone.
 */
export class VirtioBalloon implements VirtioDevice {
  readonly name: string;
  readonly type = VIRTIO_ID_BALLOON;
  readonly features: bigint;
  /** Inflate, deflate, statistics, and reporting. */
  readonly queueSizes: readonly number[];
  readonly inOrder = true;
  readonly #config = new VirtioBalloonConfig();
  readonly config: Uint8Array = this.#config.bytes;
  readonly #options: VirtioBalloonOptions;
  readonly #numbers = new DataView(new ArrayBuffer(mostPages * numberSize));
  readonly #numberBytes = new Uint8Array(this.#numbers.buffer);
  readonly #stat = new VirtioBalloonStat();
  readonly #statBytes: Uint8Array = this.#stat.bytes;
  /** Offsets of memory that is to be given back: what lies together goes in one call. */
  #start = 0;
  #end = 0;
  /** The pages in the balloon, a bit for each, and how many each block has of them. */
  readonly #inside: Uint8Array;
  readonly #insideOfBlock: Uint16Array;
  /** Whether the driver uses no page before the device knows that it is out of the balloon. */
  #tells = false;
  #transport: VirtioTransport | undefined;
  #queues: readonly (Queue | undefined)[] = [];
  #statsQueue = -1;
  #reportingQueue = -1;
  /** Whether the first chain of the statistics waits in its queue, until the program wants new ones. */
  #holdsStats = false;

  constructor(options: VirtioBalloonOptions) {
    this.name = options.name;
    this.#options = options;
    this.queueSizes = Array.from({ length: options.reporting ? 4 : 3 }, () => queueSize);
    const pages = Math.ceil(options.memory.size / pageBytes);
    this.#inside = new Uint8Array(Math.ceil(pages / 8));
    this.#insideOfBlock = new Uint16Array(Math.ceil(pages / blockPages));
    this.features = [
      VIRTIO_BALLOON_F_MUST_TELL_HOST,
      VIRTIO_BALLOON_F_STATS_VQ,
      VIRTIO_BALLOON_F_PAGE_POISON,
      ...(options.reporting ? [VIRTIO_BALLOON_F_REPORTING] : []),
      ...(options.deflateOnOom ? [VIRTIO_BALLOON_F_DEFLATE_ON_OOM] : []),
    ].reduce((set, feature) => set | bit(feature), 0n);
    this.#takeTarget();
  }

  attach(transport: VirtioTransport): void {
    this.#transport = transport;
  }

  writeConfig(offset: number, size: number, value: number): void {
    if (size !== numberSize) return;
    if (offset === Offset.PoisonVal) this.#config.poisonVal = value;
    if (offset !== Offset.Actual) return;
    this.#config.actual = value;
    Atomics.store(this.#options.words, Word.Actual, value);
  }

  activate(queues: readonly (Queue | undefined)[], features: bigint): void {
    this.#queues = queues;
    this.#tells = has(features, VIRTIO_BALLOON_F_MUST_TELL_HOST);
    // A queue has a number only if the driver has its feature: so Linux counts them.
    this.#statsQueue = has(features, VIRTIO_BALLOON_F_STATS_VQ) ? 2 : -1;
    const reporting = this.#statsQueue === -1 ? 2 : 3;
    this.#reportingQueue = has(features, VIRTIO_BALLOON_F_REPORTING) ? reporting : -1;
  }

  notify(index: number): void {
    const queue = this.#queues[index];
    if (queue === undefined) return;
    if (index === this.#statsQueue) {
      this.#lookForStats(queue);
      return;
    }
    do {
      queue.suppress();
      for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
        if (index < 2) this.#movePages(chain, index === 0);
        else if (index === this.#reportingQueue) this.#takeReported(chain);
        queue.push(chain, 0);
      }
      queue.signal();
    } while (queue.listen());
  }

  /** The program wants another size, or new statistics. */
  hostChanged(): void {
    if (this.#takeTarget()) this.#transport?.configChanged();
    const { words } = this.#options;
    const queue = this.#queues[this.#statsQueue];
    if (queue === undefined || !this.#holdsStats) return;
    if (Atomics.load(words, Word.Wanted) === Atomics.load(words, Word.Served)) return;
    const chain = queue.pop();
    if (chain === undefined) return;
    this.#holdsStats = false;
    queue.push(chain, 0);
    queue.signal();
    this.#lookForStats(queue);
  }

  reset(): void {
    this.#queues = [];
    this.#holdsStats = false;
    this.#inside.fill(0);
    this.#insideOfBlock.fill(0);
    this.#config.poisonVal = 0;
    this.writeConfig(Offset.Actual, numberSize, 0);
  }

  save(): BalloonState {
    const { numPages, actual, poisonVal } = this.#config;
    return { version: 1, numPages, actual, poisonVal };
  }

  load(state: DeviceState): void {
    checkVersion(state, 1, this.name);
    const { numPages, actual, poisonVal } = state as BalloonState;
    this.reset();
    this.#config.numPages = u32(numPages, 'the pages of a balloon');
    this.writeConfig(Offset.Actual, numberSize, u32(actual, 'the pages of a balloon'));
    this.#config.poisonVal = u32(poisonVal, 'the poison of a balloon');
  }

  /** Returns whether the size that the program wants is another one. */
  #takeTarget(): boolean {
    const pages = Atomics.load(this.#options.words, Word.Target) >>> 0;
    if (pages === this.#config.numPages) return false;
    this.#config.numPages = pages;
    return true;
  }

  /** Moves the pages whose numbers a chain has into the balloon, or out of it. */
  #movePages(chain: Chain, isIn: boolean): void {
    const length = chain.readInto(0, this.#numberBytes);
    const { size } = this.#options.memory;
    for (let at = 0; at + numberSize <= length; at += numberSize) {
      const offset = ramOffset(this.#numbers.getUint32(at, true) * pageBytes, pageBytes, size);
      if (offset === undefined) continue;
      if (isIn) this.#add(offset, offset + pageBytes);
      if (this.#tells) this.#mark(offset / pageBytes, isIn);
    }
    this.#giveBack();
  }

  /** Gives a block back as a whole once all of its pages are in the balloon. */
  #mark(page: number, isIn: boolean): void {
    const index = page >> 3;
    const mask = 1 << (page & 7);
    const bits = this.#inside[index] as number;
    if (((bits & mask) !== 0) === isIn) return;
    this.#inside[index] = bits ^ mask;
    const block = Math.floor(page / blockPages);
    const count = (this.#insideOfBlock[block] as number) + (isIn ? 1 : -1);
    this.#insideOfBlock[block] = count;
    if (count < blockPages) return;
    this.#giveBack();
    const start = block * blockPages * pageBytes;
    this.#add(start, start + blockPages * pageBytes);
  }

  /** Takes the pages that a chain consists of: the driver uses them again once it has the chain back. */
  #takeReported(chain: Chain): void {
    // A driver that wants to find its poison in them keeps them.
    if (this.#config.poisonVal !== 0) return;
    for (let i = chain.readableSegments; i < chain.segments; i++) {
      const offset = chain.offsetOf(i);
      const start = Math.ceil(offset / pageSize) * pageSize;
      const end = Math.floor((offset + chain.lengthOf(i)) / pageSize) * pageSize;
      if (start < end) this.#add(start, end);
    }
    this.#giveBack();
  }

  #add(start: number, end: number): void {
    if (start === this.#end) {
      this.#end = end;
    } else if (end === this.#start) {
      this.#start = start;
    } else {
      this.#giveBack();
      this.#start = start;
      this.#end = end;
    }
  }

  #giveBack(): void {
    const length = this.#end - this.#start;
    if (length === 0) return;
    try {
      this.#options.memory.discard(this.#start, length);
    } catch (error) {
      // A host that cannot take a page back keeps it: a part of a huge page of hugetlbfs.
      if (!(error instanceof KvmError) || error.code !== 'ERR_KVM_SYSCALL') throw error;
    }
    this.#start = 0;
    this.#end = 0;
  }

  /** Reads the statistics, and leaves their chain in the queue: to give it back is to ask for new ones. */
  #lookForStats(queue: Queue): void {
    if (this.#holdsStats) return;
    do {
      queue.suppress();
      const chain = queue.pop();
      if (chain === undefined) continue;
      this.#takeStats(chain);
      queue.unpop(chain);
      this.#holdsStats = true;
      return;
    } while (queue.listen());
  }

  #takeStats(chain: Chain): void {
    const { words, stats, reported } = this.#options;
    const { length } = this.#statBytes;
    let known = 0;
    for (let i = 0; i < VIRTIO_BALLOON_S_NR && chain.readInto(i * length, this.#statBytes) === length; i++) {
      const { tag, val } = this.#stat;
      if (tag >= VIRTIO_BALLOON_S_NR) continue;
      Atomics.store(stats, tag, val);
      known |= 1 << tag;
    }
    Atomics.store(words, Word.Known, known);
    const wanted = Atomics.load(words, Word.Wanted);
    if (Atomics.exchange(words, Word.Served, wanted) !== wanted) reported();
  }
}

interface BalloonState extends DeviceState {
  readonly numPages: number;
  readonly actual: number;
  readonly poisonVal: number;
}
