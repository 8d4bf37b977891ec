import type { AbiFunction, Model } from '../model/model.js';
import { spellExpression } from './expressions.js';
import { camel } from './names.js';
import { importRuntime, type Output, withinCore } from './output.js';
import { age, banner, doc, emitError, quote, text } from './source.js';

const width = 120;

/** The macros that compute something, as functions under the kernel's names. */
export function emitFunctions(model: Model, output: Output = withinCore): string {
  const used = new Set<string>();
  const functions = model.functions.flatMap((each) => ['', ...emitFunction(model, each, used)]);
  const wide = model.functions.some(({ parameters }) => parameters.some(({ type }) => type.size === 8));
  return text([
    ...banner(model, 'The macros of the headers that compute an integer from others.', output),
    ...importRuntime(new Map([['check', used]]), output),
    ...(wide ? ['', ...toBigInt] : []),
    ...functions,
  ]);
}

const toBigInt = [
  ...doc('', 'A whole number as a bigint; anything else unchanged, for the check to refuse.'),
  'function big(value: number | bigint): bigint {',
  "  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : (value as bigint);",
  '}',
];

/** Words that are reserved in TypeScript but not in C. */
export const reserved: ReadonlySet<string> = new Set(
  (
    'arguments await class debugger delete eval export finally function import in instanceof let new null super this ' +
    'throw true try typeof var with yield false catch extends implements interface package private protected public ' +
    'static'
  ).split(' '),
);

/**
 * Words that are reserved in C as well but may name a macro's parameter; and `undefined`, which TypeScript lets nobody
 * declare.
 */
const cWords: ReadonlySet<string> = new Set(
  'break case const continue default do else enum for if return switch undefined void while'.split(' '),
);

/** What a function's body may refer to. */
function isTaken(name: string): boolean {
  return reserved.has(name) || cWords.has(name) || /^(?:[su](?:8|16|32|64)|integer|bigInteger|big|part\d+)$/.test(name);
}

function emitFunction(model: Model, each: AbiFunction, used: Set<string>): string[] {
  const names = each.parameters.map(({ name }) => (isTaken(camel(name)) ? `${camel(name)}Value` : camel(name)));
  if (new Set(names).size < names.length || names.includes('')) {
    throw emitError(`two parameters of ${each.name} get one name in TypeScript, or one gets none`, each.origin);
  }
  const declared = each.parameters.map(
    ({ type }, index) => `${names[index]}: ${type.size === 8 ? 'number | bigint' : 'number'}`,
  );
  const checks = each.parameters.map(({ type }, index) => {
    const check = `u${type.size * 8}`;
    used.add(check);
    const value = type.size === 8 ? `big(${names[index]})` : names[index];
    return `  ${names[index]} = ${check}(${value}, ${quote(`${each.name}: ${names[index]}`)});`;
  });
  const result = each.body.type.size === 8 ? 'bigint' : 'number';
  const c = `${each.name}(${each.parameters.map(({ name }) => name).join(', ')})`;
  return [
    ...doc('', `\`${c}\`, ${each.origin.file}.${age(model, each)}`),
    ...signature(each.name, declared, result),
    ...checks,
    ...body(each, names, used),
    '}',
  ];
}

function signature(name: string, parameters: readonly string[], result: string): string[] {
  const line = `export function ${name}(${parameters.join(', ')}): ${result} {`;
  if (line.length <= width) return [line];
  return [`export function ${name}(`, ...parameters.map((each) => `  ${each},`), `): ${result} {`];
}

/** The body on one line; where that is too long, its parts are on lines of their own. */
function body(each: AbiFunction, parameters: readonly string[], used: Set<string>): string[] {
  let lines: string[] = [];
  for (const longest of [Number.POSITIVE_INFINITY, 100, 70, 50, 35, 25]) {
    lines = bodyInParts(each, parameters, used, longest);
    if (lines.every((line) => line.length <= width)) break;
  }
  return lines;
}

function bodyInParts(each: AbiFunction, parameters: readonly string[], used: Set<string>, longest: number): string[] {
  const parts = new Map<string, string>();
  const result = spellExpression(each.body, {
    name: each.name,
    parameters,
    use: (check) => {
      used.add(check);
      return check;
    },
    hoist: (part) => {
      // A part that may throw stays in place: a conditional may skip it.
      if (part.length <= longest || /nteger\(/.test(part)) return part;
      const name = parts.get(part) ?? `part${parts.size + 1}`;
      parts.set(part, name);
      return name;
    },
  });
  const named = [...parts];
  const whole = named.at(-1)?.[1] === result ? named.pop()?.[0] : result;
  return [...named.map(([part, name]) => `  const ${name} = ${part};`), `  return ${whole};`];
}
