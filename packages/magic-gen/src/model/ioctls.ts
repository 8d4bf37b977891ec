import { MagicGenError, NotConstantError } from '../errors.js';
import { evaluate } from '../language/evaluate.js';
import { type CType, describe, sizeOf } from '../language/types.js';
import type { Declarations } from '../layout/declarations.js';
import { child, notConstant } from '../parse/code.js';
import type { Macro } from '../preprocess/macros.js';
import { locate, type Token } from '../preprocess/tokens.js';
import type { ForeignIoctl, Ioctl, Target } from './model.js';
import { originOf } from './origin.js';
import type { Records } from './records.js';

const directions = { _IO: 'none', _IOR: 'read', _IOW: 'write', _IOWR: 'readwrite' } as const;

/** The macros that make an ioctl's number. Their arguments are only visible before they are expanded. */
export const ioctlMacros: ReadonlySet<string> = new Set(Object.keys(directions));

type Name = keyof typeof directions;

/** One use of `_IO`, `_IOR`, `_IOW` or `_IOWR`. */
export interface IoctlCall {
  direction: Ioctl['direction'];
  args: Token[][];
}

/** Reads a whole expression as one call of such a macro; undefined where it is something else. */
export function asIoctlCall(tokens: readonly Token[]): IoctlCall | undefined {
  let inner = tokens;
  while (inner[0]?.text === '(' && splitCall(inner)?.length === 1) inner = inner.slice(1, -1);
  const [name, ...rest] = inner;
  if (!name || !ioctlMacros.has(name.text)) return undefined;
  const args = splitCall(rest);
  const direction = directions[name.text as Name];
  return args && args.length === (direction === 'none' ? 2 : 3) ? { direction, args } : undefined;
}

/**
 * Whether the argument is a struct or union that is named by its tag and not defined here. Other headers may define it.
 */
export function isForeign(macro: Macro, { args: [, , argument = []] }: IoctlCall, declarations: Declarations): boolean {
  const [keyword, tag, ...more] = argument;
  if (!/^(?:struct|union)$/.test(keyword?.text ?? '') || tag?.kind !== 'identifier' || more.length > 0) return false;
  try {
    readType(macro, argument, declarations);
    return false;
  } catch (error) {
    if (error instanceof NotConstantError) return true;
    throw error;
  }
}

/** Splits `(a, b)` into its parts; undefined unless the first parenthesis closes at the last token. */
function splitCall(tokens: readonly Token[]): Token[][] | undefined {
  if (tokens[0]?.text !== '(') return undefined;
  const parts: Token[][] = [[]];
  let depth = 0;
  for (const [index, token] of tokens.entries()) {
    if (token.text === '(' && depth++ === 0) continue;
    if (token.text === ')' && --depth === 0) return index === tokens.length - 1 ? parts : undefined;
    if (token.text === ',' && depth === 1) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return undefined;
}

/**
 * An ioctl of the model.
 *
 * @param encoded The number that the headers' own `_IOC` computes for it.
 */
export function readIoctl(
  macro: Macro,
  call: IoctlCall,
  encoded: bigint,
  declarations: Declarations,
  records: Records,
): Ioctl {
  const [typeTokens = [], nrTokens = [], argumentTokens] = call.args;
  const type = Number(evaluate(declarations.expression(typeTokens), declarations).value);
  const nr = Number(evaluate(declarations.expression(nrTokens), declarations).value);
  const argument = argumentTokens && readType(macro, argumentTokens, declarations);
  const size = argument?.size ?? 0;
  const request = encode(declarations.target.target.ioc, call.direction, type, nr, size);
  if (BigInt(request) !== BigInt.asUintN(32, encoded)) {
    throw new MagicGenError(
      `the headers number ${macro.name} 0x${encoded.toString(16)}, the target's encoding 0x${request.toString(16)}`,
      locate(macro.at),
    );
  }
  return {
    name: macro.name,
    type,
    nr,
    direction: call.direction,
    request,
    argument: argument ? records.typeRef(argument.type, argument.node) : null,
    size,
    origin: originOf(macro.at),
  };
}

/** An ioctl whose argument this target does not define: everything but the number, which needs the size. */
export function readForeignIoctl(macro: Macro, call: IoctlCall, declarations: Declarations): ForeignIoctl {
  const [typeTokens = [], nrTokens = [], argumentTokens = []] = call.args;
  return {
    name: macro.name,
    type: Number(evaluate(declarations.expression(typeTokens), declarations).value),
    nr: Number(evaluate(declarations.expression(nrTokens), declarations).value),
    direction: call.direction,
    argument: argumentTokens.map(({ text }) => text).join(' '),
    origin: originOf(macro.at),
  };
}

function readType(macro: Macro, tokens: readonly Token[], declarations: Declarations) {
  const around = (kind: 'identifier' | 'punctuator', text: string): Token => ({ ...macro.at, kind, text });
  const open = around('punctuator', '(');
  const node = declarations.expression([around('identifier', 'sizeof'), open, ...tokens, { ...open, text: ')' }]);
  const descriptor = child(node, 'type');
  const type: CType | undefined = descriptor && declarations.typeOf(descriptor);
  const size = type && sizeOf(type);
  if (!type || size === undefined) notConstant(node, `${type ? describe(type) : 'its argument'} is not defined`);
  return { type, size, node };
}

/** The number as the target's `_IOC` computes it. */
export function encode(
  ioc: Target['ioc'],
  direction: Ioctl['direction'],
  type: number,
  nr: number,
  size: number,
): number {
  const bits = {
    none: ioc.none,
    read: ioc.read,
    write: ioc.write,
    readwrite: ioc.read | ioc.write,
  }[direction];
  const sizeShift = 16;
  return ((bits << (sizeShift + ioc.sizeBits)) | (size << sizeShift) | (type << 8) | nr) >>> 0;
}
