import type { Changes } from './changes.js';
import type { Storage } from './storage.js';

/**
 * A disk whose changes go to another place than its base, which stays untouched. What changes is whole clusters: the
 * first write to a part of one copies the rest of it from the base.
 *
 * A change counts once the bitmap says so. `flush` makes data durable before it writes the bitmap, so that a crash
 * never leaves a cluster that is marked as changed and has no data. Without a flush, a crash loses changes, as the
 * cache of a disk would.
 */
export class Overlay implements Storage {
  readonly size: number;
  readonly isReadOnly = false;
  readonly blockSize: number;
  readonly #base: Storage;
  readonly #top: Storage;
  readonly #changes: Changes;
  /** One cluster, on its way from the base. */
  readonly #cluster: Uint8Array;

  /**
   * @param top has a place for each cluster of the base, where that cluster goes when it changes.
   * @param clusterSize bytes, a power of two and whole sectors.
   */
  constructor(base: Storage, top: Storage, changes: Changes, clusterSize: number) {
    this.size = base.size;
    this.blockSize = clusterSize;
    this.#base = base;
    this.#top = top;
    this.#changes = changes;
    this.#cluster = new Uint8Array(clusterSize);
  }

  read(into: Uint8Array, offset: number, length: number, position: number): void {
    const last = this.#clusterOf(position + length - 1) + 1;
    for (let done = 0; done < length; ) {
      const cluster = this.#clusterOf(position + done);
      const runEnd = this.#changes.runEnd(cluster, last) * this.blockSize;
      const count = Math.min(length - done, runEnd - position - done);
      const source = this.#changes.has(cluster) ? this.#top : this.#base;
      source.read(into, offset + done, count, position + done);
      done += count;
    }
  }

  write(from: Uint8Array, offset: number, length: number, position: number): void {
    this.#copyEnds(position, length);
    this.#top.write(from, offset, length, position);
    this.#mark(position, length);
  }

  flush(): void {
    this.#top.flush();
    this.#changes.commit();
  }

  /** Only clusters that have changed take room. They do not become the base's again. */
  discard(position: number, length: number): void {
    const end = this.#clusterOf(position + length);
    for (let cluster = this.#clusterOf(position + this.blockSize - 1); cluster < end; ) {
      const runEnd = this.#changes.runEnd(cluster, end);
      if (this.#changes.has(cluster)) {
        this.#top.discard(cluster * this.blockSize, (runEnd - cluster) * this.blockSize);
      }
      cluster = runEnd;
    }
  }

  writeZeroes(position: number, length: number, mayUnmap: boolean): void {
    this.#copyEnds(position, length);
    this.#top.writeZeroes(position, length, mayUnmap);
    this.#mark(position, length);
  }

  close(): void {
    this.flush();
    this.#top.close();
    this.#base.close();
  }

  #clusterOf(position: number): number {
    return Math.floor(position / this.blockSize);
  }

  /** Copies the clusters from the base of which a change leaves a part as it is: the first and the last, at most. */
  #copyEnds(position: number, length: number): void {
    const end = position + length;
    if (position % this.blockSize !== 0) this.#copy(this.#clusterOf(position));
    if (end % this.blockSize !== 0 && end !== this.size) this.#copy(this.#clusterOf(end));
  }

  #copy(cluster: number): void {
    if (this.#changes.has(cluster)) return;
    const position = cluster * this.blockSize;
    // The last cluster may be longer than what the disk has left.
    const length = Math.min(this.blockSize, this.size - position);
    this.#base.read(this.#cluster, 0, length, position);
    this.#top.write(this.#cluster, 0, length, position);
    this.#changes.add(cluster);
  }

  #mark(position: number, length: number): void {
    const last = this.#clusterOf(position + length - 1);
    for (let cluster = this.#clusterOf(position); cluster <= last; cluster++) this.#changes.add(cluster);
  }
}
