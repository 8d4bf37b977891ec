import { MagicGenError, NotConstantError } from '../errors.js';
import { evaluate } from '../language/evaluate.js';
import type { Value } from '../language/literals.js';
import type { Declarations } from '../layout/declarations.js';
import { type Expander, hides } from '../preprocess/expand.js';
import type { Macro } from '../preprocess/macros.js';
import type { Preprocessed } from '../preprocess/preprocess.js';
import { locate, type Token } from '../preprocess/tokens.js';
import { constantType } from './enums.js';
import { readFunction } from './functions.js';
import { asIoctlCall, type IoctlCall, ioctlMacros, isForeign, readForeignIoctl, readIoctl } from './ioctls.js';
import type { AbiFunction, ForeignIoctl, Ioctl, Skipped } from './model.js';
import { originOf, type Placed } from './origin.js';
import type { Records } from './records.js';

export interface ReadMacros {
  constants: Placed[];
  ioctls: Ioctl[];
  foreignIoctls: ForeignIoctl[];
  functions: AbiFunction[];
  skipped: Skipped[];
}

/**
 * Sorts the macros of the root headers into constants, ioctls, functions and others. The ioctls of the other headers
 * are listed among the skipped macros.
 */
export function readMacros(
  source: Preprocessed,
  declarations: Declarations,
  roots: ReadonlySet<string>,
  records: Records,
): ReadMacros {
  const result: ReadMacros = { constants: [], ioctls: [], foreignIoctls: [], functions: [], skipped: [] };
  for (const macro of source.macros.values()) {
    if (!roots.has(macro.at.file.name)) {
      if (isIoctl(macro, source)) {
        result.skipped.push({ name: macro.name, reason: 'an ioctl of another header', origin: originOf(macro.at) });
      }
      continue;
    }
    try {
      readMacro(macro, source, declarations, records, result);
    } catch (error) {
      // A macro is only text until it is used; one that gives no integer here is not an error of the header.
      if (!(error instanceof NotConstantError)) throw error;
      result.skipped.push({ name: macro.name, reason: error.problem, origin: originOf(macro.at) });
    }
  }
  return result;
}

/** Whether a macro of an included header is an ioctl, which must not be lost silently. */
function isIoctl({ parameters, body }: Macro, { expander }: Preprocessed): boolean {
  return !parameters && asIoctlCall(expander.expand(body, ioctlMacros)) !== undefined;
}

function readMacro(
  macro: Macro,
  { expander }: Preprocessed,
  declarations: Declarations,
  records: Records,
  result: ReadMacros,
): void {
  if (macro.parameters) {
    result.functions.push(readFunction(macro, expander, declarations));
    return;
  }
  if (macro.body.length === 0) throw new NotConstantError('defined as nothing');
  if (standsForDeclaration(macro)) {
    throw new NotConstantError('stands for the declaration of the same name');
  }
  if (declarations.enumerators.has(macro.name)) {
    throw new MagicGenError(`this macro hides the enumerator '${macro.name}'`, locate(macro.at));
  }
  const body = macro.body.map((token) => ({ ...token, hidden: { name: macro.name, rest: null } }));
  const call = asIoctlCall(expander.expand(body, ioctlMacros));
  const expanded = expander.expand(body);
  refuseRecursion(macro, expanded, expander);
  const number = (): Value => evaluate(declarations.expression(expanded), declarations);
  if (call) {
    readCall(macro, call, number, declarations, records, result);
    return;
  }
  const { value, type } = number();
  result.constants.push({
    position: macro.position,
    constant: {
      name: macro.name,
      value: `${value}`,
      type: constantType(type),
      kind: 'macro',
      origin: originOf(macro.at),
    },
  });
}

/** C leaves a macro's own name in its expansion, which only makes sense where a declaration has that name. */
function refuseRecursion(macro: Macro, expanded: readonly Token[], { macros }: Expander): void {
  const again = expanded.find(({ text, hidden }) => {
    const inner = macros.get(text);
    return inner && !inner.parameters && hides(hidden, text) && !standsForDeclaration(inner);
  });
  if (again)
    throw new MagicGenError(
      `macro '${macro.name}' is recursive: it expands to '${again.text}' again`,
      locate(macro.at),
    );
}

/** `#define A A` beside a declaration of A, so that `#ifdef` can test for it. */
function standsForDeclaration({ name, body }: Macro): boolean {
  return body.length === 1 && body[0]?.text === name;
}

function readCall(
  macro: Macro,
  call: IoctlCall,
  number: () => Value,
  declarations: Declarations,
  records: Records,
  result: ReadMacros,
): void {
  let encoded: bigint;
  try {
    encoded = number().value;
  } catch (error) {
    if (!(error instanceof NotConstantError) || !isForeign(macro, call, declarations)) throw error;
    result.foreignIoctls.push(readForeignIoctl(macro, call, declarations));
    return;
  }
  result.ioctls.push(readIoctl(macro, call, encoded, declarations, records));
}
