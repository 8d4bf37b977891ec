import { badImage } from './image-error.js';

/** The most bytes that a block of the legacy frame unpacks to. */
const blockSize = 8 * 2 ** 20;
const magic = 0x184c_2102;

/**
 * Unpacks LZ4's legacy frame, in which Linux packs itself: after the magic number, blocks that each begin with their
 * packed size. https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md and lz4_Block_format.md
 *
 * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for damaged bytes; RangeError for more than `limit` unpacked bytes.
 */
export function unpackLz4(packed: Uint8Array, limit: number): Uint8Array {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const block = new Uint8Array(Math.min(blockSize, limit));
  const blocks: Uint8Array[] = [];
  let total = 0;
  for (let at = 4; at + 4 <= packed.length; ) {
    const size = view.getUint32(at, true);
    at += 4;
    // Another frame may follow.
    if (size === magic) continue;
    if (size > packed.length - at) throw badImage('the LZ4 data is truncated');
    const unpacked = unpackBlock(packed.subarray(at, at + size), block);
    total += unpacked;
    if (total > limit) throw new RangeError(`more than ${limit} bytes`);
    blocks.push(block.slice(0, unpacked));
    at += size;
  }
  return Buffer.concat(blocks);
}

/** Unpacks a block, and returns the number of bytes. The copies are short, so a loop is faster than `set`. */
function unpackBlock(packed: Uint8Array, into: Uint8Array): number {
  const end = packed.length;
  let at = 0;
  let done = 0;
  while (at < end) {
    const token = packed[at++] as number;
    let literals = token >> 4;
    // A length of 15 goes on in the next bytes, until one is not 255.
    for (let byte = literals === 15 ? 255 : 0; byte === 255; literals += byte) {
      if (at >= end) throw tooShort();
      byte = packed[at++] as number;
    }
    if (literals > end - at) throw tooShort();
    if (literals > into.length - done) throw tooLong(into);
    for (const stop = at + literals; at < stop; ) into[done++] = packed[at++] as number;
    // The last sequence has no match.
    if (at === end) break;
    if (at + 2 > end) throw tooShort();
    const distance = (packed[at] as number) | ((packed[at + 1] as number) << 8);
    at += 2;
    if (distance === 0 || distance > done) throw badImage('the LZ4 data is damaged: it refers to bytes before a block');
    let count = token & 15;
    for (let byte = count === 15 ? 255 : 0; byte === 255; count += byte) {
      if (at >= end) throw tooShort();
      byte = packed[at++] as number;
    }
    count += 4;
    if (count > into.length - done) throw tooLong(into);
    // Where the match overlaps what it makes, it repeats: so bytes are copied in order.
    for (const stop = done + count; done < stop; done++) into[done] = into[done - distance] as number;
  }
  return done;
}

function tooShort(): Error {
  return badImage('the LZ4 data is damaged: a block ends too early');
}

function tooLong(into: Uint8Array): Error {
  if (into.length < blockSize) return new RangeError(`more than ${into.length} bytes`);
  return badImage('the LZ4 data is damaged: a block is longer than 8 MiB');
}
