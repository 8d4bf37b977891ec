import { fdatasyncSync, fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { KvmError } from '@kvm/core';

/**
 * The file of an overlay: a header, a bitmap, and a place for every cluster of the disk. It is sparse: only clusters
 * that have changed take room. All numbers are little-endian.
 *
 *     0     magic, 8 bytes: "KVM-COW\n"
 *     8     version, u32: 1
 *     12    cluster size, u32: its logarithm to base 2
 *     16    size of the disk, u64, in bytes
 *     24    length of the identity of the base, u32
 *     28    identity of the base, UTF-8
 *     4096  bitmap: bit i % 8 of byte i / 8 is set if cluster i is here and not in the base
 *     ...   cluster 0, from the next multiple of 4096 on; cluster 1; ...
 *
 * The rest of the header and of the bitmap is 0, and the file ends with the last cluster.
 */

const magic = Buffer.from('KVM-COW\n');
const version = 1;
const headerSize = 4096;
const At = { version: 8, clusterShift: 12, size: 16, identityLength: 24, identity: 28 } as const;
const longestIdentity = 1024;

const smallestClusterShift = 12;
const largestClusterShift = 30;
/** So that the bitmap of a large disk does not take more than 8 MiB of memory. */
const mostClusters = 2 ** 26;

/** The base that an overlay belongs to. */
export interface OverlayBase {
  readonly size: number;
  /** What changes when the base does: another base under an overlay is a damaged disk. */
  readonly identity: string;
}

/** Where the parts of an overlay's file are, in bytes. */
export interface OverlayLayout {
  readonly clusterSize: number;
  readonly bitmapStart: number;
  readonly bitmapSize: number;
  readonly clustersStart: number;
  readonly fileSize: number;
}

/** The layout for a disk: clusters of 4 KiB, or larger ones for a disk of more than 256 GiB. */
export function layoutFor(size: number): OverlayLayout {
  let shift = smallestClusterShift;
  while (size / 2 ** shift > mostClusters) shift++;
  return layOut(size, shift);
}

function layOut(size: number, clusterShift: number): OverlayLayout {
  const clusterSize = 2 ** clusterShift;
  const clusters = Math.ceil(size / clusterSize);
  const bitmapSize = Math.ceil(clusters / 8);
  const clustersStart = headerSize + Math.ceil(bitmapSize / headerSize) * headerSize;
  const fileSize = clustersStart + clusters * clusterSize;
  return { clusterSize, bitmapStart: headerSize, bitmapSize, clustersStart, fileSize };
}

/** Makes an empty file an overlay. Its header comes last, so that a crash leaves no half of one. */
export function formatOverlay(fd: number, { size, identity }: OverlayBase): OverlayLayout {
  const layout = layoutFor(size);
  ftruncateSync(fd, layout.fileSize);
  const header = Buffer.alloc(headerSize);
  magic.copy(header);
  header.writeUInt32LE(version, At.version);
  header.writeUInt32LE(Math.log2(layout.clusterSize), At.clusterShift);
  header.writeBigUInt64LE(BigInt(size), At.size);
  header.writeUInt32LE(header.write(identity, At.identity, longestIdentity), At.identityLength);
  fdatasyncSync(fd);
  writeSync(fd, header, 0, headerSize, 0);
  fdatasyncSync(fd);
  return layout;
}

/**
 * Reads the header and the bitmap of an overlay. The file is untrusted.
 *
 * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for a file that is none, is damaged, or belongs to another base.
 */
export function readOverlay(fd: number, base: OverlayBase, path: string): OverlayLayout & { bitmap: Uint8Array } {
  const header = Buffer.alloc(headerSize);
  const refuse = (why: string, hint?: string): KvmError =>
    new KvmError('ERR_KVM_INVALID_ARGUMENT', `${path} ${why}`, { hint: hint ?? 'delete it to begin a new overlay' });
  if (readSync(fd, header, 0, headerSize, 0) !== headerSize || !header.subarray(0, magic.length).equals(magic)) {
    throw refuse('is no overlay', 'an overlay is a file that this program has made, or one that does not exist yet');
  }
  const found = header.readUInt32LE(At.version);
  if (found !== version) throw refuse(`is an overlay of version ${found}, and not ${version}`);
  const clusterShift = header.readUInt32LE(At.clusterShift);
  const size = header.readBigUInt64LE(At.size);
  const identityLength = header.readUInt32LE(At.identityLength);
  const damaged = refuse('is a damaged overlay');
  if (clusterShift < smallestClusterShift || clusterShift > largestClusterShift) throw damaged;
  if (identityLength > longestIdentity) throw damaged;
  const identityEnd = At.identity + identityLength;
  if (header.subarray(identityEnd).some((byte) => byte !== 0)) throw damaged;
  if (size !== BigInt(base.size)) {
    throw refuse(
      `is an overlay over a disk of ${size} bytes, and its base has ${base.size}`,
      'use the base it was for',
    );
  }
  const identity = header.toString('utf8', At.identity, identityEnd);
  if (identity !== base.identity) {
    throw refuse(
      `belongs to another base: the base was ${identity} when the overlay was made, and is ${base.identity}`,
      'what has changed under an overlay damages its disk: use the base as it was, or begin a new overlay',
    );
  }
  const layout = layOut(base.size, clusterShift);
  const clusters = Math.ceil(base.size / layout.clusterSize);
  if (clusters > mostClusters || fstatSync(fd).size !== layout.fileSize) throw damaged;
  // The padding behind the bitmap is read with it.
  const bitmap = new Uint8Array(layout.clustersStart - layout.bitmapStart);
  for (let done = 0; done < bitmap.length; ) {
    const count = readSync(fd, bitmap, done, bitmap.length - done, layout.bitmapStart + done);
    if (count === 0) throw damaged;
    done += count;
  }
  const rest = bitmap.subarray(layout.bitmapSize);
  const lastByte = bitmap[layout.bitmapSize - 1] as number;
  if (rest.some((byte) => byte !== 0)) throw damaged;
  if (clusters % 8 !== 0 && lastByte >> (clusters % 8) !== 0) throw damaged;
  return { ...layout, bitmap: bitmap.subarray(0, layout.bitmapSize) };
}
