import { type InspectOptions, type InspectOptionsStylized, inspect } from 'node:util';

/** The name of the method that Node, Bun and Deno call to print an object with `console.log`. */
export const custom: typeof inspect.custom = inspect.custom;

/** The options that a runtime passes to this method. Some runtimes omit some. */
export type ShowOptions = Partial<InspectOptionsStylized>;

/** Node's default of `maxArrayLength`. Arrays of the ABI are shorter by default. */
const defaultLength = 100;
const shorterLength = 16;

/** A value that prints as plain text, in the colour of a kind of value. */
class Word {
  readonly #text: string;
  readonly #style: 'bigint' | 'number' | 'special';

  constructor(text: string, style: 'bigint' | 'number' | 'special') {
    this.#text = text;
    this.#style = style;
  }

  [custom](_depth: unknown, options?: ShowOptions): string {
    return typeof options?.stylize === 'function' ? options.stylize(this.#text, this.#style) : this.#text;
  }
}

/** An integer in hexadecimal: `0x1000n` for a bigint. */
export function hex(value: bigint | number): object {
  const digits = value < 0 ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
  return typeof value === 'bigint' ? new Word(`${digits}n`, 'bigint') : new Word(digits, 'number');
}

/** Bytes: `<de ad be ef ... 60 more bytes>`. */
export function bytes(all: Uint8Array | Int8Array, options: ShowOptions): object {
  const few = Array.from(all.subarray(0, lengthOf(options)), (byte) => (byte & 0xff).toString(16).padStart(2, '0'));
  const rest = all.length - few.length;
  if (rest > 0 && all.every((byte) => byte === 0)) return new Word(`<${all.length} zero bytes>`, 'special');
  if (rest > 0) few.push('...', `${rest} more byte${rest === 1 ? '' : 's'}`);
  return new Word(`<${few.join(' ')}>`, 'special');
}

/** `KvmRegs { rip: 0x1000n }`: the name and the members as in `console.log`; `[KvmRegs]` below the depth limit. */
export function show(name: string, members: () => object, depth: unknown, options: ShowOptions = {}): string {
  if (typeof depth === 'number' && depth < 0) {
    return typeof options.stylize === 'function' ? options.stylize(`[${name}]`, 'special') : `[${name}]`;
  }
  const inner: InspectOptions = {
    ...options,
    depth: typeof depth === 'number' ? depth : null,
    maxArrayLength: lengthOf(options),
  };
  return `${name} ${inspect(members(), inner)}`;
}

/** The name of an object's class, without the number that a bundler adds to classes of the same name. */
export function className(object: object): string {
  return object.constructor.name.replace(/\$\d+$/, '');
}

function lengthOf({ maxArrayLength = defaultLength }: ShowOptions): number {
  if (maxArrayLength === null) return Number.POSITIVE_INFINITY;
  return maxArrayLength === defaultLength ? shorterLength : maxArrayLength;
}
