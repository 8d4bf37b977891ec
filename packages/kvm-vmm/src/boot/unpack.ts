import type * as zlib from 'node:zlib';
import { KvmError } from '@kvm/core';
import { type ByteSource, readBytes } from './byte-source.js';
import { badImage, doesNotFit } from './image-error.js';
import { unpackLz4 } from './lz4.js';

/** Loaded on first use: most kernels unpack themselves. */
const unpackers = (): typeof zlib => process.getBuiltinModule('node:zlib');

/** A function of `node:zlib`. */
type Unpack = (packed: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;

interface Compression {
  readonly name: string;
  /** The first bytes, in hexadecimal. */
  readonly magic: string;
  /** Throws RangeError for more than `limit` unpacked bytes. */
  readonly unpack?: (packed: Uint8Array, limit: number) => Uint8Array;
}

/** What Linux packs its kernels with, `KERNEL_*` in init/Kconfig. */
const compressions: readonly Compression[] = [
  { name: 'gzip', magic: '1f8b', unpack: unpackGzip },
  { name: 'zstd', magic: '28b52ffd', unpack: unpackZstd },
  { name: 'LZ4', magic: '02214c18', unpack: unpackLz4 },
  { name: 'XZ', magic: 'fd377a585a00' },
  { name: 'bzip2', magic: '425a68' },
  { name: 'LZMA', magic: '5d0000' },
  { name: 'LZO', magic: '894c5a4f000d0a1a' },
];

function unpackGzip(packed: Uint8Array, limit: number): Uint8Array {
  return unpackers().gunzipSync(packed, { maxOutputLength: limit });
}

function unpackZstd(packed: Uint8Array, limit: number): Uint8Array {
  const { zstdDecompressSync } = unpackers() as { zstdDecompressSync?: Unpack };
  if (zstdDecompressSync === undefined) {
    throw new KvmError('ERR_KVM_UNSUPPORTED', 'the kernel is compressed with zstd, which needs Node 22.15 or later');
  }
  return zstdDecompressSync(packed, { maxOutputLength: limit });
}

/** Whether bytes begin like one of the formats above. */
export function isPacked(head: Buffer): boolean {
  return compressionOf(head) !== undefined;
}

function compressionOf(head: Buffer): Compression | undefined {
  const start = head.toString('hex', 0, 8);
  return compressions.find(({ magic }) => start.startsWith(magic));
}

/** More would not fit into one buffer of every supported Node. */
const mostBytes = 2 ** 31 - 1;

/**
 * Unpacks a part of a source: a whole packed file, or the payload of a bzImage, where all formats but gzip are followed
 * by four bytes with the unpacked size. `limit` is the size of the guest's memory: what does not fit into that cannot
 * be loaded.
 */
export function unpack(
  source: ByteSource,
  { offset, size, limit, isPayload }: { offset: number; size: number; limit: number; isPayload: boolean },
): Uint8Array {
  if (size > limit) throw tooLarge(limit);
  const packed = readBytes(source, offset, size);
  const compression = compressionOf(packed);
  if (compression === undefined) throw badImage('the payload of the kernel has an unknown compression');
  const { name, unpack: unpackBytes } = compression;
  if (unpackBytes === undefined) {
    throw new KvmError(
      'ERR_KVM_UNSUPPORTED',
      `the kernel is compressed with ${name}; gzip, zstd and LZ4 can be unpacked`,
    );
  }
  try {
    return unpackBytes(isPayload && name !== 'gzip' ? packed.subarray(0, -4) : packed, Math.min(limit, mostBytes));
  } catch (cause) {
    if (cause instanceof KvmError) throw cause;
    if (cause instanceof RangeError) throw tooLarge(limit);
    throw new KvmError(
      'ERR_KVM_INVALID_ARGUMENT',
      `the kernel's ${name} data is damaged: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
}

function tooLarge(limit: number): KvmError {
  return doesNotFit(`the unpacked kernel is larger than the guest's memory of ${limit} bytes`);
}
