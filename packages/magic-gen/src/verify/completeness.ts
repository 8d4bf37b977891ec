import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { HeaderSet } from '../headers/find.js';
import { includeDirectories } from '../headers/own.js';
import type { Model, Skipped } from '../model/model.js';
import { type Compiler, linesInError, runCompiler } from './compiler.js';
import { includeLines, type Mismatch } from './report.js';

/** What the root headers contain, according to the compiler's own preprocessor. */
interface Contents {
  macros: Set<string>;
  /** The number of structs and unions, and of enums, that have a body. */
  records: number;
  enums: number;
  tags: Set<string>;
}

const attribute = String.raw`(?:__attribute__\s*\(\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)\)\s*)*`;
const recordBody = new RegExp(String.raw`\b(?:struct|union)\s*${attribute}([\w$]+\s*)?${attribute}\{`, 'g');
const enumBody = new RegExp(String.raw`\benum\s*${attribute}(?:[\w$]+\s*)?${attribute}\{`, 'g');

/** Reports what the headers define and the model lacks. It uses nothing of magic-gen's own parser. */
export async function findMissing(model: Model, headers: HeaderSet, compiler: Compiler): Promise<Mismatch[]> {
  const contents = await readContents(model, headers, compiler);
  const roots = new Set(model.roots);
  const own = model.records.filter((record) => roots.has(record.origin.file));
  const macros = new Set([
    ...model.constants.filter((constant) => constant.kind === 'macro').map((constant) => constant.name),
    ...model.ioctls.map((ioctl) => ioctl.name),
    ...[...model.foreignIoctls, ...model.functions, ...skippedOfRoots(model)].map(({ name }) => name),
  ]);
  const tags = new Set(own.filter((record) => record.tagged).map((record) => record.name));

  return [
    ...difference('macro', macros, contents.macros),
    ...difference('tag', tags, contents.tags),
    ...(own.length === contents.records ? [] : [count('structs and unions', own.length, contents.records)]),
    ...(model.enums.length === contents.enums ? [] : [count('enums', model.enums.length, contents.enums)]),
  ];
}

/** Ioctls of other headers are skipped as well, although they are integers. */
function skippedOfRoots({ roots, skipped }: Model): Skipped[] {
  return skipped.filter(({ origin }) => roots.includes(origin.file));
}

function difference(what: string, ours: ReadonlySet<string>, theirs: ReadonlySet<string>): Mismatch[] {
  const only = (some: ReadonlySet<string>, others: ReadonlySet<string>) =>
    [...some].filter((name) => !others.has(name));
  return [
    ...only(theirs, ours).map((subject) => ({ subject, aspect: what, model: 'missing', compiler: 'defined' })),
    ...only(ours, theirs).map((subject) => ({ subject, aspect: what, model: 'defined', compiler: 'missing' })),
  ];
}

function count(subject: string, model: number, compiler: number): Mismatch {
  return { subject, aspect: 'count', model: `${model}`, compiler: `${compiler}` };
}

async function readContents(model: Model, headers: HeaderSet, compiler: Compiler): Promise<Contents> {
  const rootPaths = new Set<string>();
  for (const root of model.roots) {
    for (const directory of includeDirectories(headers)) {
      try {
        rootPaths.add(realpathSync(join(directory, root)));
        break;
      } catch {
        // This folder lacks it; the next one has it.
      }
    }
  }
  const { stdout } = await runCompiler(compiler, headers, includeLines(model.roots), ['-E', '-dD']);
  const macros = new Set<string>();
  const text: string[] = [];
  let within = false;
  for (const line of stdout.split('\n')) {
    const marker = /^# \d+ "(.*)"/.exec(line)?.[1];
    const directive = /^#(define|undef) ([\w$]+)/.exec(line);
    if (marker !== undefined) within = rootPaths.has(real(marker));
    else if (directive?.[1] === 'undef') macros.delete(directive[2] ?? '');
    else if (directive) within ? macros.add(directive[2] ?? '') : macros.delete(directive[2] ?? '');
    else if (within) text.push(line);
  }
  const plain = withoutBodies(
    text
      .join('\n')
      .replace(/"(?:\\.|[^"\\])*"/g, '""')
      .replace(/'(?:\\.|[^'\\])+'/g, '0'),
  );
  const bodies = [...plain.matchAll(recordBody)];
  return {
    macros,
    records: bodies.length,
    enums: [...plain.matchAll(enumBody)].length,
    tags: new Set(bodies.flatMap((body) => body[1]?.trim() ?? [])),
  };
}

const recordHead = new RegExp(String.raw`\b(?:struct|union|enum)\s*${attribute}$`);

/**
 * Whether the text before a brace is the head of a function. That of `struct __attribute__((packed)) {` also ends in a
 * parenthesis.
 */
function isFunction(text: string): boolean {
  return /\)\s*$/.test(text) && !recordHead.test(text);
}

/** The text without the bodies of functions, whose declarations are local. */
function withoutBodies(text: string): string {
  const kept: string[] = [];
  let from = 0;
  let depth = 0;
  let body = false;
  for (const { 0: brace, index } of text.matchAll(/[{}]/g)) {
    if (brace === '{' && depth === 0 && isFunction(text.slice(from, index))) {
      body = true;
      kept.push(text.slice(from, index), ';');
    }
    depth += brace === '{' ? 1 : -1;
    if (depth > 0) continue;
    if (body) from = index + 1;
    body = false;
  }
  return [...kept, text.slice(from)].join('');
}

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path; // "<built-in>" and similar
  }
}

/** Gives the compiler every macro that the model left out. One that compiles as an integer constant is missing. */
export async function findWronglySkipped(model: Model, headers: HeaderSet, compiler: Compiler): Promise<Mismatch[]> {
  const known = new Set([...model.constants, ...model.ioctls].map((each) => each.name));
  const macros = [...model.foreignIoctls, ...skippedOfRoots(model)]
    .map(({ name }) => name)
    .filter((name) => !known.has(name));
  const preamble = includeLines(model.roots);
  const line = (name: string, index: number): string => `enum { magic_skipped_${index} = (${name}) };\n`;
  const first = preamble.split('\n').length;
  const run = await runCompiler(compiler, headers, preamble + macros.map(line).join(''), ['-fsyntax-only']);
  const rejected = linesInError(run);
  const suspects = macros.filter((_, index) => !rejected.has(first + index));

  // The text of one macro may hide an error in the next, so each is tried alone before it is reported.
  const accepted = await Promise.all(
    suspects.map((name) => runCompiler(compiler, headers, preamble + line(name, 0), ['-fsyntax-only'])),
  );
  return suspects
    .filter((_, index) => accepted[index]?.ok)
    .map((subject) => ({ subject, aspect: 'macro', model: 'skipped', compiler: 'an integer constant' }));
}
