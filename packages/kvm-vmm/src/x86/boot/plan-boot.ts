import { type ByteSource, bytesSource, readBytes } from '../../boot/byte-source.js';
import { isElf, parseElf } from '../../boot/elf.js';
import { foreignImage } from '../../boot/foreign-image.js';
import { badImage } from '../../boot/image-error.js';
import { isPacked, unpack } from '../../boot/unpack.js';
import { checkArguments } from './arguments.js';
import { isBzImage, parseBzImage, planBzImage } from './bzimage.js';
import { checkMachine } from './elf-segments.js';
import { planElf64 } from './elf64.js';
import { findMultiboot, planMultiboot } from './multiboot.js';
import type { BootEnvironment, BootPlan, LinuxImage } from './plan.js';
import { planPvh, pvhEntry } from './pvh.js';

/**
 * Plans how a kernel is loaded and entered, before there is a VM. The image decides by which protocol: a bzImage by the
 * 64-bit boot protocol of Linux; an ELF file by its PVH entry, its multiboot header or its 64-bit entry, the first that
 * it has; other files by their multiboot header. `protocol` forces one: all but `bzimage` unpack a bzImage, which
 * otherwise unpacks itself.
 *
 * Images are read as hostile data: whatever is in them, the plan's segments lie in RAM and do not overlap.
 *
 * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for an image that is damaged, for another architecture or 32 bits;
 *   `ERR_KVM_OUT_OF_RANGE` for what does not fit into the memory or a limit of the kernel; `ERR_KVM_UNSUPPORTED` for a
 *   compression that cannot be unpacked here.
 */
export function planBoot(image: LinuxImage, environment: BootEnvironment): BootPlan {
  checkArguments(image, environment);
  return planKernel(unpackedFile(image.kernel, environment), image, environment);
}

/** The beginning of an image, by which its format is known. */
const headSize = 1024;

function headOf(kernel: ByteSource): Buffer {
  return readBytes(kernel, 0, Math.min(kernel.size, headSize));
}

/** The content of a compressed file; any other as it is. */
function unpackedFile(kernel: ByteSource, { memorySize: limit }: BootEnvironment): ByteSource {
  if (!isPacked(headOf(kernel))) return kernel;
  return bytesSource(unpack(kernel, { offset: 0, size: kernel.size, limit, isPayload: false }));
}

function planKernel(kernel: ByteSource, image: LinuxImage, environment: BootEnvironment): BootPlan {
  const { protocol } = environment;
  if (!isBzImage(headOf(kernel))) return planUnpacked(kernel, image, environment);
  if (protocol === undefined || protocol === 'bzimage') return planBzImage(kernel, image, environment);
  return planUnpacked(payloadOf(kernel, environment), image, environment);
}

/** The kernel inside a bzImage. */
function payloadOf(kernel: ByteSource, { memorySize: limit }: BootEnvironment): ByteSource {
  const { header, offset, size } = parseBzImage(kernel);
  const { payloadOffset, payloadLength } = header;
  if (payloadLength < 8 || payloadOffset + payloadLength > size) {
    throw badImage('the kernel is damaged: its payload is not in the file');
  }
  const place = { offset: offset + payloadOffset, size: payloadLength, limit, isPayload: true };
  return bytesSource(unpack(kernel, place));
}

/** Plans an image without compression. */
function planUnpacked(kernel: ByteSource, image: LinuxImage, environment: BootEnvironment): BootPlan {
  const { protocol } = environment;
  const head = headOf(kernel);
  const elf = isElf(head) ? parseElf(kernel) : undefined;
  if (elf !== undefined) checkMachine(elf);
  const hasPvh = elf !== undefined && pvhEntry(kernel, elf) !== undefined;
  const multiboot = protocol === 'multiboot' || (protocol === undefined && !hasPvh) ? findMultiboot(kernel) : undefined;
  if (multiboot !== undefined) return planMultiboot(kernel, multiboot, image, environment);
  if (elf === undefined) throw badImage(`the kernel is ${foreignImage(head) ?? unknownImage}`);
  switch (protocol ?? (hasPvh ? 'pvh' : 'elf64')) {
    case 'pvh':
      return planPvh(kernel, elf, image, environment);
    case 'elf64':
      return planElf64(kernel, elf, image, environment);
    case 'multiboot':
      throw badImage('the kernel has no multiboot header in its first 8 KiB');
    case 'bzimage':
      throw badImage('the kernel is an ELF file, not a bzImage');
  }
}

const unknownImage = 'neither a bzImage, nor an ELF file, nor a multiboot kernel';
