import { gunzipSync } from 'node:zlib';
import { LabError } from '../errors.js';
import { lastLines, runProgram } from '../program-run.js';

/** The programs that decompress, by the magic bytes of their formats. */
export const decompressors = [
  { magic: 'fd377a585a00', program: 'xz', debian: 'xz-utils' },
  { magic: '28b52ffd', program: 'zstd', debian: 'zstd' },
];

/** Decompresses bytes if they are compressed. @throws LabError if the program for it is missing. */
export async function decompress(bytes: Uint8Array): Promise<Uint8Array> {
  const start = Buffer.from(bytes.subarray(0, 6)).toString('hex');
  if (start.startsWith('1f8b')) return gunzipSync(bytes);
  const format = decompressors.find(({ magic }) => start.startsWith(magic));
  if (format === undefined) return bytes;
  const missing = `it unpacks kernels, and Debian's package ${format.debian} has it`;
  const { ok, stdout, stderr } = await runProgram(format.program, ['-dc'], { input: bytes, missing });
  if (!ok) throw new LabError(`${format.program} cannot read part of a kernel: ${lastLines(stderr)}`);
  return stdout;
}
