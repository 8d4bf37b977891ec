import { CliError } from '../exit-status.js';

interface Format {
  readonly name: string;
  /** What to do about it. */
  readonly advice?: string;
  readonly is: (bytes: Buffer) => boolean;
}

/** What people have at hand when they want to boot something. The first that matches counts: a bzImage may be an MZ file, too. */
const formats: readonly Format[] = [
  {
    name: 'an ELF file',
    advice: 'objcopy -O binary makes a flat binary of it',
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
  // The third byte is the method, of which there is one: two bytes alone begin real-mode programs, too.
  { name: 'compressed (gzip)', advice: 'gzip -d unpacks it', is: (bytes) => startsWith(bytes, [0x1f, 0x8b, 0x08]) },
];

function startsWith(bytes: Buffer, magic: readonly number[]): boolean {
  return magic.every((each, i) => bytes[i] === each);
}

/** @throws CliError when the bytes of a guest are no flat binary: run as one, they would crash, or worse, seem to run. */
export function refuseOtherFormats(name: string, image: Uint8Array): void {
  const bytes = Buffer.from(image.buffer, image.byteOffset, image.byteLength);
  const format = formats.find(({ is }) => is(bytes));
  if (format === undefined) return;
  const advice = format.advice === undefined ? '' : ` (${format.advice})`;
  throw new CliError(`${name}: this is ${format.name}, and kvm-cli runs flat binaries only${advice}`);
}
