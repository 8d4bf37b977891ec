import { createHash, type Hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { GuestMemory } from '@kvm/core';

/** Zeros are left out in units of this many bytes: the file has holes there. */
const unit = 4096;
/** Bytes that are looked at together. */
const chunk = 2 ** 21;
const zeros = Buffer.alloc(chunk);

/**
 * Writes a guest's memory into an empty file, with holes in place of zeros.
 *
 * @returns the digest, as `imageDigest` computes it of the file.
 */
export async function writeImage(file: FileHandle, memory: GuestMemory): Promise<string> {
  const digest = createHash('sha256');
  await file.truncate(memory.size);
  for (let at = 0; at < memory.size; at += chunk) {
    const length = Math.min(chunk, memory.size - at);
    for (const [offset, run] of runsOf(windowed(memory, at, length))) {
      add(digest, at + offset, run);
      for (let done = 0; done < run.length; ) {
        done += (await file.write(run, done, run.length - done, at + offset + done)).bytesWritten;
      }
    }
  }
  return digest.digest('hex');
}

/** The digest of such a file: of its runs that are not zero, each with its offset. */
export async function imageDigest(file: FileHandle, size: number): Promise<string> {
  const digest = createHash('sha256');
  const bytes = Buffer.alloc(chunk);
  for (let at = 0; at < size; at += chunk) {
    const { bytesRead } = await file.read(bytes, 0, Math.min(chunk, size - at), at);
    for (const [offset, run] of runsOf(bytes.subarray(0, bytesRead))) add(digest, at + offset, run);
  }
  return digest.digest('hex');
}

/** A part of the memory. Parts begin at multiples of their largest length, and so do windows. */
function windowed(memory: GuestMemory, at: number, length: number): Buffer {
  const { buffer, byteOffset } = memory.bytes(at, length);
  return Buffer.from(buffer, byteOffset, length);
}

/** The runs of units that are not zero. */
function* runsOf(bytes: Buffer): Generator<readonly [offset: number, run: Buffer]> {
  if (bytes.compare(zeros, 0, bytes.length) === 0) return;
  for (let start = 0; start < bytes.length; ) {
    const end = Math.min(start + unit, bytes.length);
    if (isZero(bytes, start, end)) {
      start = end;
      continue;
    }
    let stop = end;
    while (stop < bytes.length && !isZero(bytes, stop, Math.min(stop + unit, bytes.length))) {
      stop = Math.min(stop + unit, bytes.length);
    }
    yield [start, bytes.subarray(start, stop)];
    start = stop;
  }
}

function isZero(bytes: Buffer, start: number, end: number): boolean {
  return bytes.compare(zeros, 0, end - start, start, end) === 0;
}

function add(digest: Hash, offset: number, run: Buffer): void {
  digest.update(`${offset} ${run.length}\n`).update(run);
}
