import { LabError } from '../errors.js';
import { decompress } from './decompress.js';

/**
 * Extracts the ELF file from an x86 kernel's bzImage. QEMU enters it directly at its PVH entry, so the kernel does not
 * decompress itself under emulation. That alone halves the time to the first command.
 */
export async function elfOfBzImage(image: Uint8Array): Promise<Uint8Array> {
  const header = Buffer.from(image.buffer, image.byteOffset, image.byteLength);
  if (header.length < 0x250 || header.toString('latin1', 0x202, 0x206) !== 'HdrS') {
    throw new LabError('the kernel is not a bzImage');
  }
  const setupSectors = header[0x1f1] || 4;
  const start = (setupSectors + 1) * 512 + header.readUInt32LE(0x248);
  // The last four bytes are the decompressed length.
  const payload = image.subarray(start, start + header.readUInt32LE(0x24c) - 4);
  const elf = await decompress(payload);
  if (Buffer.from(elf.subarray(0, 4)).toString('latin1') !== '\x7fELF') {
    throw new LabError('the kernel inside the bzImage has an unknown compression');
  }
  return elf;
}
