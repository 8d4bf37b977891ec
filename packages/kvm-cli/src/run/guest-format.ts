import { CliError } from '../exit-status.js';

interface Format {
  readonly name: string;
  /** How to make a flat binary of it. */
  readonly advice?: string;
  readonly is: (bytes: Buffer) => boolean;
}

/** Formats that users may try to boot. The first match counts: a bzImage may be an MZ file, too. */
const formats: readonly Format[] = [
  {
    name: 'an ELF file',
    advice: 'objcopy -O binary turns it into a flat binary',
    is: (bytes) => startsWith(bytes, [0x7f, 0x45, 0x4c, 0x46]),
  },
  {
    name: 'a Linux kernel (bzImage)',
    is: (bytes) =>
      bytes.length >= 0x206 &&
      bytes.readUInt16LE(0x1fe) === 0xaa55 &&
      bytes.toString('latin1', 0x202, 0x206) === 'HdrS',
  },
  { name: 'a DOS or EFI program (MZ)', is: (bytes) => startsWith(bytes, [0x4d, 0x5a]) },
  // The third byte is the compression method, of which there is one. A real-mode program may begin with the first two
  // bytes.
  { name: 'compressed (gzip)', advice: 'gzip -d unpacks it', is: (bytes) => startsWith(bytes, [0x1f, 0x8b, 0x08]) },
];

function startsWith(bytes: Buffer, magic: readonly number[]): boolean {
  return magic.every((each, i) => bytes[i] === each);
}

/** @throws CliError when the guest is not a flat binary. Run as one, it would crash, or worse, seem to run. */
export function refuseOtherFormats(name: string, image: Uint8Array): void {
  const bytes = Buffer.from(image.buffer, image.byteOffset, image.byteLength);
  const format = formats.find(({ is }) => is(bytes));
  if (format === undefined) return;
  const advice = format.advice === undefined ? '' : ` (${format.advice})`;
  throw new CliError(`${name}: this is ${format.name}; kvm-cli runs only flat binaries${advice}`);
}
