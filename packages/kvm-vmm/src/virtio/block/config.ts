import {
  VIRTIO_BLK_F_BLK_SIZE,
  VIRTIO_BLK_F_DISCARD,
  VIRTIO_BLK_F_FLUSH,
  VIRTIO_BLK_F_MQ,
  VIRTIO_BLK_F_RO,
  VIRTIO_BLK_F_SEG_MAX,
  VIRTIO_BLK_F_TOPOLOGY,
  VIRTIO_BLK_F_WRITE_ZEROES,
} from '../../abi/virtio/constants.js';
import { VirtioBlkConfig } from '../../abi/virtio/structs.js';
import { type Storage, sectorSize } from '../../storage/storage.js';
import { bit } from '../features.js';

/** Descriptors of a queue. */
export const queueSize = 256;

/** The ranges that one DISCARD or WRITE_ZEROES may have, and the sectors of each: 2 GiB and 128 MiB. */
export const most = { ranges: 32, discardSectors: 2 ** 22, zeroSectors: 2 ** 18 } as const;

const always = [VIRTIO_BLK_F_SEG_MAX, VIRTIO_BLK_F_BLK_SIZE, VIRTIO_BLK_F_TOPOLOGY, VIRTIO_BLK_F_MQ];
const ifWritable = [VIRTIO_BLK_F_FLUSH, VIRTIO_BLK_F_DISCARD, VIRTIO_BLK_F_WRITE_ZEROES];

/** The features of a disk. */
export function featuresOf({ isReadOnly }: Pick<Storage, 'isReadOnly'>): bigint {
  const features = [...always, ...(isReadOnly ? [VIRTIO_BLK_F_RO] : ifWritable)];
  return features.reduce((set, feature) => set | bit(feature), 0n);
}

/** The configuration space of a disk. Virtio 1.3, 5.2.4. */
export function configOf({ size, blockSize }: Pick<Storage, 'size' | 'blockSize'>, queues: number): Uint8Array {
  const config = new VirtioBlkConfig();
  config.capacity = BigInt(size / sectorSize);
  // The header and the status take a descriptor each.
  config.segMax = queueSize - 2;
  config.blkSize = sectorSize;
  config.physicalBlockExp = Math.min(Math.log2(blockSize / sectorSize), 0xff);
  config.minIoSize = Math.min(blockSize / sectorSize, 0xffff);
  config.numQueues = queues;
  config.maxDiscardSectors = most.discardSectors;
  config.maxDiscardSeg = most.ranges;
  config.discardSectorAlignment = blockSize / sectorSize;
  config.maxWriteZeroesSectors = most.zeroSectors;
  config.maxWriteZeroesSeg = most.ranges;
  config.writeZeroesMayUnmap = 1;
  return config.bytes;
}
