import type { Struct, StructType } from '@kvm/core/struct';
import { FuseInHeader, FuseOutHeader } from '../../abi/fuse/structs.js';
import type { Chain } from '../chain.js';
import { type Address, type Host, stableBytes } from './host.js';
import { PATH_MAX, XATTR_SIZE_MAX } from './linux.js';
import { nameAt, textAt } from './names.js';

/** Bytes: a request is an attribute with its name, or two names, at most. The data to write stays where it is. */
const longestRequest = XATTR_SIZE_MAX + 2 * PATH_MAX;
/** Bytes of an answer, without data that was read from a file. */
const longestAnswer = XATTR_SIZE_MAX + PATH_MAX;

/** Bytes before the arguments of a request, and before those of an answer. */
export const requestStart: number = FuseInHeader.size;
export const answerStart: number = FuseOutHeader.size;

/** Where a field of a struct begins, for numbers that are read without a bigint. */
export function placeIn(type: StructType, field: string): number {
  const struct = new type() as Struct & Record<string, unknown>;
  struct[field] = typeof struct[field] === 'bigint' ? 1n : 1;
  return struct.bytes.indexOf(1);
}

/** A request, copied from the guest, and the answer to it. There is one object for all of them. */
export class Message {
  readonly bytes: Uint8Array = stableBytes(requestStart + longestRequest);
  readonly view: DataView = new DataView(this.bytes.buffer);
  readonly header: FuseInHeader = new FuseInHeader({ buffer: this.bytes.buffer, byteOffset: 0 });
  readonly answer: Uint8Array = stableBytes(answerStart + longestAnswer);
  readonly answerView: DataView = new DataView(this.answer.buffer);
  readonly answerHeader: FuseOutHeader = new FuseOutHeader({ buffer: this.answer.buffer, byteOffset: 0 });
  readonly answerAddress: Address;
  readonly #address: Address;
  /** The end of the request: bytes from its start. */
  end = 0;
  /** The bytes of arguments that the guest has room for in the answer. */
  room = 0;
  #isComplete = false;

  constructor(host: Host) {
    this.#address = host.address(this.bytes);
    this.answerAddress = host.address(this.answer) + answerStart;
  }

  /** Copies a header. Returns whether there is one. */
  read(chain: Chain): boolean {
    this.end = Math.min(chain.readableLength, this.bytes.length);
    this.room = Math.min(chain.writableLength, this.answer.length) - answerStart;
    this.#isComplete = chain.readableLength === this.end;
    return chain.readInto(0, this.bytes, 0, requestStart) === requestStart;
  }

  /** Whether the request is as long as it says, and not longer than any is. */
  isWhole(chain: Chain, mayBeLonger: boolean): boolean {
    return this.header.len === chain.readableLength && (this.#isComplete || mayBeLonger);
  }

  /** Copies arguments, as many bytes as there are up to the given number. */
  readArguments(chain: Chain, most: number): void {
    this.end = Math.min(this.end, requestStart + most);
    chain.readInto(requestStart, this.bytes, requestStart, this.end - requestStart);
  }

  /** The bytes of the arguments. */
  get length(): number {
    return this.end - requestStart;
  }

  /** What a struct of the arguments is a view of. */
  get source(): { readonly buffer: ArrayBufferLike; readonly byteOffset: number } {
    return { buffer: this.bytes.buffer, byteOffset: requestStart };
  }

  /** What a struct of the answer is a view of, after `skip` bytes of others. */
  answerSource(skip = 0): { readonly buffer: ArrayBufferLike; readonly byteOffset: number } {
    return { buffer: this.answer.buffer, byteOffset: answerStart + skip };
  }

  /** The length of a name behind `skip` bytes of arguments, or -errno. */
  nameAt(skip: number): number {
    return nameAt(this.bytes, requestStart + skip, this.end);
  }

  /** The length of another text there, such as the target of a symlink, or -errno. */
  textAt(skip: number): number {
    return textAt(this.bytes, requestStart + skip, this.end);
  }

  /** The address of arguments, for system calls. */
  address(skip: number): Address {
    return this.#address + requestStart + skip;
  }
}
