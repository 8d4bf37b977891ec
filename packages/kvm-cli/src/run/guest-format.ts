import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { CliError } from '../exit-status.js';

interface Format {
  readonly name: string;
  /** Whether a boot protocol can start it. */
  readonly isKernel: boolean;
  readonly is: (bytes: Buffer) => boolean;
}

/** Formats that users boot, or try to. The first match counts: a bzImage may be an MZ file, too. */
const formats: readonly Format[] = [
  { name: 'an ELF file', isKernel: true, is: (bytes) => startsWith(bytes, [0x7f, 0x45, 0x4c, 0x46]) },
  {
    name: 'a Linux kernel (bzImage)',
    isKernel: true,
    is: (bytes) =>
      bytes.length >= 0x206 &&
      bytes.readUInt16LE(0x1fe) === 0xaa55 &&
      bytes.toString('latin1', 0x202, 0x206) === 'HdrS',
  },
  // That of another architecture: the boot protocols name it.
  {
    name: 'a Linux kernel (Image)',
    isKernel: true,
    is: (bytes) => imageMagic.has(bytes.toString('latin1', 0x38, 0x3c)),
  },
  { name: 'a DOS or EFI program (MZ)', isKernel: false, is: (bytes) => startsWith(bytes, [0x4d, 0x5a]) },
  // The third byte is the compression method, of which there is one. A real-mode program may begin with the first two
  // bytes.
  { name: 'compressed (gzip)', isKernel: true, is: (bytes) => startsWith(bytes, [0x1f, 0x8b, 0x08]) },
  { name: 'compressed (zstd)', isKernel: true, is: (bytes) => startsWith(bytes, [0x28, 0xb5, 0x2f, 0xfd]) },
];

/** In the Images of arm64 and riscv64, which may be EFI programs, too. */
const imageMagic: ReadonlySet<string> = new Set(['ARM\x64', 'RSC\x05']);

/** The bytes that tell the format. */
const headerSize = 0x206;

function startsWith(bytes: Buffer, magic: readonly number[]): boolean {
  return magic.every((each, i) => bytes[i] === each);
}

function formatOf(image: Uint8Array): Format | undefined {
  const bytes = Buffer.from(image.buffer, image.byteOffset, image.byteLength);
  return formats.find(({ is }) => is(bytes));
}

/** Whether a file is a kernel, or a compressed one, and no flat binary. False for what cannot be read again. */
export function isKernelFile(path: string): boolean {
  const header = Buffer.alloc(headerSize);
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    // Reading it as a flat binary says why.
    return false;
  }
  try {
    return fstatSync(fd).isFile() && formatOf(header.subarray(0, readSync(fd, header)))?.isKernel === true;
  } finally {
    closeSync(fd);
  }
}

/** @throws CliError when the guest is not a flat binary. Run as one, it would crash, or worse, seem to run. */
export function refuseOtherFormats(name: string, image: Uint8Array): void {
  const format = formatOf(image);
  if (format === undefined) return;
  const advice = format.isKernel
    ? 'a kernel must be a regular file, and --mode, --load-addr and --entry are for flat binaries'
    : 'kvm-cli runs kernels and flat binaries';
  throw new CliError(`${name}: this is ${format.name}; ${advice}`);
}
