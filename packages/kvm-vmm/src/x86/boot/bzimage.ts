import {
  CAN_USE_HEAP,
  KASLR_FLAG,
  LOADED_HIGH,
  SetupHeader,
  XLF_CAN_BE_LOADED_ABOVE_4G,
  XLF_KERNEL_64,
} from '../../abi/bootparam/index.js';
import { type ByteSource, readBytes } from '../../boot/byte-source.js';
import { badImage, hex } from '../../boot/image-error.js';
import { Layout } from './layout.js';
import { addLinuxParams } from './linux-params.js';
import { addLongMode } from './long-mode.js';
import type { BootEnvironment, BootPlan, LinuxImage } from './plan.js';

/** Where the setup header begins in the file, and in the zero page. */
const headerStart = 0x1f1;
/** The byte that says where the header ends, and what it counts from. */
const headerSizeByte = 0x201;
const headerSizeBase = 0x202;
const sectorSize = 512;
const bootFlag = 0xaa55;
/** "HdrS". */
const headerMagic = 0x5372_6448;
const oldestVersion = 0x020c;
/** Where 64-bit code begins in the part of the file that is loaded. */
const entry64 = 0x200;
const fourGiB = 0x1_0000_0000n;

export function isBzImage(head: Buffer): boolean {
  return (
    head.length >= headerSizeBase + 4 &&
    head.readUInt16LE(0x1fe) === bootFlag &&
    head.readUInt32LE(headerSizeBase) === headerMagic
  );
}

/** A bzImage, checked: the header as the kernel expects it back, and where the part to load is. */
export interface BzImage {
  readonly header: SetupHeader;
  /** Where the code begins that runs in protected or long mode. */
  readonly offset: number;
  readonly size: number;
}

/** Reads the setup header, Documentation/arch/x86/boot.rst. Throws if the 64-bit protocol cannot enter the kernel. */
export function parseBzImage(kernel: ByteSource): BzImage {
  const end = headerStart + SetupHeader.size;
  const head = readBytes(kernel, 0, Math.min(kernel.size, end));
  if (!isBzImage(head)) throw badImage('the kernel is not a bzImage: it has no setup header');
  if (head.length < end) throw badImage('the kernel is truncated: it ends in its setup header');
  // What follows the header is code, and in the zero page it must be zero.
  const headerEnd = Math.min(headerSizeBase + (head[headerSizeByte] as number), end);
  const header = new SetupHeader();
  header.bytes.set(head.subarray(headerStart, headerEnd));

  const { version, loadflags, xloadflags, setupSects, syssize } = header;
  const text = `${version >> 8}.${String(version & 0xff).padStart(2, '0')}`;
  if (version < oldestVersion) {
    throw badImage(`the kernel has version ${text} of the boot protocol; 64-bit entry needs 2.12 (Linux 3.8) or later`);
  }
  if ((loadflags & LOADED_HIGH) === 0) throw badImage('the kernel is a zImage, which is loaded below 1 MiB');
  if ((xloadflags & XLF_KERNEL_64) === 0) throw badImage('the kernel is a 32-bit one: it has no 64-bit entry');
  const offset = ((setupSects || 4) + 1) * sectorSize;
  const size = kernel.size - offset;
  const wanted = Math.max(syssize * 16, entry64 + 1);
  if (size < wanted) {
    throw badImage(`the kernel is truncated: it has ${kernel.size} bytes, and its header says ${offset + wanted}`);
  }
  return { header, offset, size };
}

/** Plans a bzImage by the 64-bit boot protocol. The kernel unpacks itself. */
export function planBzImage(kernel: ByteSource, image: LinuxImage, environment: BootEnvironment): BootPlan {
  const { header, offset, size } = parseBzImage(kernel);
  const { memorySize } = environment;
  const layout = new Layout(memorySize);
  const addr = loadAddress(header);
  // The kernel unpacks itself within `init_size` bytes from its address on.
  const room = BigInt(Math.max(header.initSize, size));
  layout.add({ name: 'the kernel', addr, size, room, source: kernel, offset });

  header.code32Start = Number(addr);
  header.loadflags &= ~(KASLR_FLAG | CAN_USE_HEAP);
  const isFree = (header.xloadflags & XLF_CAN_BE_LOADED_ABOVE_4G) !== 0;
  const initrdEnd = isFree ? (layout.ram.at(-1)?.end as bigint) : BigInt(header.initrdAddrMax) + 1n;
  addLinuxParams(layout, header, image, environment, { cmdlineSize: header.cmdlineSize, initrdEnd });
  const entry = addLongMode(layout, addr + BigInt(entry64));
  return { protocol: 'bzimage', memorySize, segments: layout.segments, entry };
}

/**
 * Where the kernel wants to be: at its preferred address, which a relocatable kernel rounds up to its alignment. Loaded
 * lower, it would move itself there; so there is no use in trying another address.
 */
function loadAddress({ prefAddress, kernelAlignment, relocatableKernel }: SetupHeader): bigint {
  const alignment = BigInt(kernelAlignment);
  if (alignment === 0n || (alignment & (alignment - 1n)) !== 0n) {
    throw badImage(`the alignment of the kernel is ${hex(alignment)}, which is not a power of two`);
  }
  const addr = relocatableKernel === 0 ? prefAddress : (prefAddress + alignment - 1n) & ~(alignment - 1n);
  if (addr >= fourGiB)
    throw badImage(`the kernel wants to be loaded at ${hex(addr)}; only addresses below 4 GiB can be`);
  return addr;
}
