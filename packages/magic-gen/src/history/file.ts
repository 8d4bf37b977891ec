import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { MagicGenError } from '../errors.js';
import type { FirstKernels, History } from './history.js';
import { kinds } from './names.js';

const fileOf = (name: string): string => fileURLToPath(new URL(`../../history/${name}.json`, import.meta.url));

const read = new Map<string, History>();

/**
 * The history of an interface's headers that magic-gen was published with.
 *
 * @param first What to return where there is none yet; without it, that is an error.
 */
export function historyNamed(name: string, first?: History): History {
  const history = read.get(name) ?? readHistory(fileOf(name), first);
  read.set(name, history);
  return history;
}

/** @throws MagicGenError where the file cannot be read, or is not a history. */
export function readHistory(path: string, first?: History): History {
  const text = readText(path);
  if (text !== undefined) return parseHistory(text, path);
  if (first) return first;
  throw new MagicGenError(`${path} does not exist: it is a part of magic-gen`);
}

/** The text of a file; undefined where it does not exist. */
function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new MagicGenError(`${path} cannot be read: ${message}`);
  }
}

/** @throws MagicGenError where the text is not a history. */
export function parseHistory(text: string, path: string): History {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new MagicGenError(`${path} is not JSON`);
  }
  if (!isHistory(value)) throw new MagicGenError(`${path} is not a history of schema 1`);
  return value;
}

function isHistory(value: unknown): value is History {
  if (!isObject(value) || value['schema'] !== 1) return false;
  const { kernels, common, own } = value;
  return (
    isObject(kernels) &&
    Object.values(kernels).every((list) => Array.isArray(list) && list.every(isKernel)) &&
    isFirstKernels(common) &&
    isObject(own) &&
    Object.values(own).every(isFirstKernels)
  );
}

function isFirstKernels(value: unknown): value is FirstKernels {
  return (
    isObject(value) &&
    kinds.every((kind) => {
      const names = value[kind];
      return isObject(names) && Object.values(names).every(isKernel);
    })
  );
}

function isKernel(value: unknown): boolean {
  return typeof value === 'string' && /^\d+\.\d+$/.test(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The text of the file, with one name on each line, so that a diff shows what a new kernel brings. */
export function formatHistory(history: History): string {
  // Lists of kernels stay on one line, as the repository's formatter has them.
  const text = JSON.stringify(history, null, 2);
  return `${text.replace(/\[\n\s+([^\]]*?)\n\s+\]/g, (_, list: string) => `[${list.replace(/\n\s+/g, ' ')}]`)}\n`;
}

/** Writes the history of an interface atomically. Returns whether that changed anything. */
export function writeHistory(name: string, history: History): boolean {
  const file = fileOf(name);
  const text = formatHistory(history);
  if (readText(file) === text) return false;
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
  read.set(name, history);
  return true;
}
