import { constants } from 'node:os';
import { NAME_MAX } from './linux.js';

const { EINVAL, ENAMETOOLONG } = constants.errno;

const slash = 0x2f;
const dot = 0x2e;
const userPrefix = new TextEncoder().encode('user.');

/** The length of the text at `start` of a request that ends at `end`, without its zero byte; -errno for none. */
export function textAt(bytes: Uint8Array, start: number, end: number): number {
  for (let i = start; i < end; i++) if (bytes[i] === 0) return i > start ? i - start : -EINVAL;
  return -EINVAL;
}

/** The same for a name of something in a folder: nothing that leads elsewhere. */
export function nameAt(bytes: Uint8Array, start: number, end: number): number {
  const length = textAt(bytes, start, end);
  if (length < 0) return length;
  if (length > NAME_MAX) return -ENAMETOOLONG;
  for (let i = start; i < start + length; i++) if (bytes[i] === slash) return -EINVAL;
  const isDot = bytes[start] === dot && (length === 1 || (length === 2 && bytes[start + 1] === dot));
  return isDot ? -EINVAL : length;
}

/** Whether the name of an attribute is one that users may give: none that the host's kernel gives a meaning. */
export function isUserAttribute(bytes: Uint8Array, start: number, length: number): boolean {
  return length > userPrefix.length && userPrefix.every((byte, i) => bytes[start + i] === byte);
}
