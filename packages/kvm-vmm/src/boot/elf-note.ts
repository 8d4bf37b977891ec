import { type ByteSource, readBytes } from './byte-source.js';
import { type Elf, ElfSegment } from './elf.js';
import { badImage } from './image-error.js';

/** Far more than a kernel's notes: Linux has half a kilobyte. */
const longestNotes = 2 ** 16;

/**
 * The content of a note; undefined if the file has none of that owner and type. A damaged note
 * hides those after it.
 *
 * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for notes that leave the file.
 */
export function findNote(source: ByteSource, elf: Elf, owner: string, type: number): Buffer | undefined {
  for (const { type: segment, offset, filesz } of elf.headers) {
    if (segment !== ElfSegment.Note || filesz > longestNotes) continue;
    if (offset + filesz > BigInt(source.size)) throw badImage('the kernel is truncated: it ends in its notes');
    const notes = readBytes(source, Number(offset), Number(filesz));
    for (let at = 0; at + 12 <= notes.length; ) {
      const nameEnd = at + 12 + notes.readUInt32LE(at);
      const content = at + 12 + align4(notes.readUInt32LE(at));
      const contentEnd = content + notes.readUInt32LE(at + 4);
      if (contentEnd > notes.length) break;
      // The name's size includes its terminator.
      const name = notes.toString('latin1', at + 12, nameEnd - 1);
      if (name === owner && notes.readUInt32LE(at + 8) === type) return notes.subarray(content, contentEnd);
      at = content + align4(contentEnd - content);
    }
  }
  return undefined;
}

function align4(size: number): number {
  return Math.ceil(size / 4) * 4;
}
