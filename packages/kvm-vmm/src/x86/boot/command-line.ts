import { badImage, doesNotFit } from '../../boot/image-error.js';

/** The longest command line of Linux on x86, without its terminator, where an image does not say it. */
export const linuxCommandLineLimit = 2047;

/** A command line as a kernel reads it: UTF-8, ended by a zero byte. `limit` is in bytes, without the terminator. */
export function encodeCommandLine(text: string, limit: number): Uint8Array {
  if (typeof text !== 'string') throw badImage('the command line must be a string');
  if (text.includes('\0')) throw badImage('the command line contains a zero character, which would end it');
  const length = Buffer.byteLength(text);
  if (length > limit) {
    throw doesNotFit(`the command line of ${length} bytes is too long: the limit is ${limit}`);
  }
  return Buffer.from(`${text}\0`);
}
