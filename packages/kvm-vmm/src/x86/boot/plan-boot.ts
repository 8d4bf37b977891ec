import { KvmError } from '@kvm/core';
import { optionsOf } from '@kvm/core/struct';
import { type ByteSource, bytesSource, readBytes } from '../../boot/byte-source.js';
import { type Elf, ElfMachine, isElf, machineName, parseElf } from '../../boot/elf.js';
import { foreignImage } from '../../boot/foreign-image.js';
import { badImage } from '../../boot/image-error.js';
import { isPacked, unpack } from '../../boot/unpack.js';
import { isBzImage, parseBzImage, planBzImage } from './bzimage.js';
import { planElf64 } from './elf64.js';
import { type BootEnvironment, type BootPlan, bootProtocols, type LinuxImage } from './plan.js';
import { planPvh, pvhEntry } from './pvh.js';

/**
 * Plans how a kernel is loaded and entered, before there is a VM. The image decides by which protocol: a bzImage by the
 * 64-bit boot protocol of Linux, an ELF file by its PVH entry if it has one, and else by its 64-bit entry. `protocol`
 * forces another; `pvh` and `elf64` then unpack a bzImage, which `bzimage` leaves to the kernel.
 *
 * Images are read as hostile data: whatever is in them, the plan's segments lie in RAM and do not overlap.
 *
 * @throws KvmError `ERR_KVM_INVALID_ARGUMENT` for an image that is damaged, for another architecture or 32 bits;
 *   `ERR_KVM_OUT_OF_RANGE` for what does not fit into the memory or a limit of the kernel; `ERR_KVM_UNSUPPORTED` for a
 *   compression that cannot be unpacked here.
 */
export function planBoot(image: LinuxImage, environment: BootEnvironment): BootPlan {
  const { kernel, initrd, modules } = optionsOf(image, 'the image to boot', ['kernel', 'initrd', 'cmdline', 'modules']);
  const { protocol } = optionsOf(environment, 'the environment of a boot', [
    'memorySize',
    'rsdp',
    'protocol',
    'setupData',
  ]);
  for (const source of [kernel, initrd ?? kernel, ...(modules ?? []).map((each) => each.source)]) checkSource(source);
  if (protocol !== undefined && !bootProtocols.includes(protocol)) {
    throw new KvmError(
      'ERR_KVM_INVALID_ARGUMENT',
      `there is no boot protocol ${JSON.stringify(protocol)}: ${bootProtocols.join(', ')}`,
    );
  }
  const head = readBytes(kernel, 0, Math.min(kernel.size, headSize));
  const isWhole = isBzImage(head) && (protocol === undefined || protocol === 'bzimage');
  return isWhole
    ? planBzImage(image, environment)
    : planUnpacked(unpacked(kernel, head, environment), image, environment);
}

/** The beginning of an image, by which its format is known. */
const headSize = 1024;

/** An image without compression: the payload of a bzImage, the content of a packed file, or the kernel as it is. */
function unpacked(kernel: ByteSource, head: Buffer, { memorySize: limit }: BootEnvironment): ByteSource {
  if (isBzImage(head)) {
    const { header, offset, size } = parseBzImage(kernel);
    const { payloadOffset, payloadLength } = header;
    if (payloadLength < 8 || payloadOffset + payloadLength > size) {
      throw badImage('the kernel is damaged: its payload is not in the file');
    }
    const place = { offset: offset + payloadOffset, size: payloadLength, limit, isPayload: true };
    return bytesSource(unpack(kernel, place));
  }
  if (isPacked(head)) return bytesSource(unpack(kernel, { offset: 0, size: kernel.size, limit, isPayload: false }));
  return kernel;
}

function planUnpacked(kernel: ByteSource, image: LinuxImage, environment: BootEnvironment): BootPlan {
  const head = readBytes(kernel, 0, Math.min(kernel.size, headSize));
  const { protocol } = environment;
  if (!isElf(head)) {
    const foreign = foreignImage(head);
    throw badImage(
      foreign === undefined ? 'the kernel is neither a bzImage nor an ELF file' : `the kernel is ${foreign}`,
    );
  }
  const elf = parseElf(kernel);
  checkMachine(elf);
  switch (protocol ?? (pvhEntry(kernel, elf) === undefined ? 'elf64' : 'pvh')) {
    case 'pvh':
      return planPvh(kernel, elf, image, environment);
    case 'elf64':
      return planElf64(kernel, elf, image, environment);
    default:
      throw badImage('the kernel is an ELF file, not a bzImage');
  }
}

function checkMachine({ machine }: Elf): void {
  if (machine !== ElfMachine.X86_64 && machine !== ElfMachine.I386) {
    throw badImage(`the kernel is for ${machineName(machine)}, and this machine is x86-64`);
  }
}

function checkSource(source: ByteSource): void {
  const isSource = typeof source === 'object' && source !== null && typeof source.read === 'function';
  if (!isSource || !Number.isSafeInteger(source.size) || source.size < 0) {
    throw new KvmError(
      'ERR_KVM_INVALID_ARGUMENT',
      'a kernel, initrd or module must be a source of bytes: fileSource(path) or bytesSource(bytes)',
    );
  }
}
