import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { MagicGenError } from '../errors.js';
import { emptyHistory, type Firsts, type History } from './history.js';
import { kinds } from './names.js';

const file = fileURLToPath(new URL('../../history/kvm.json', import.meta.url));

let read: History | undefined;

/** What magic-gen was published with: the history of KVM's headers. */
export function kvmHistory(): History {
  read ??= parseHistory(readText(), file);
  return read;
}

function readText(): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return JSON.stringify(emptyHistory);
  }
}

/** @throws MagicGenError where the text is no history. */
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
    isFirsts(common) &&
    isObject(own) &&
    Object.values(own).every(isFirsts)
  );
}

function isFirsts(value: unknown): value is Firsts {
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

/** The text of the file: one name a line, so that what a new kernel brings reads well in a change. */
export function formatHistory(history: History): string {
  // Lists of kernels stay on one line, as the formatter of the repository has it.
  const text = JSON.stringify(history, null, 2);
  return `${text.replace(/\[\n\s+([^\]]*?)\n\s+\]/g, (_, list: string) => `[${list.replace(/\n\s+/g, ' ')}]`)}\n`;
}

/** Writes the history, at once. Says whether that changed anything. */
export function writeKvmHistory(history: History): boolean {
  const text = formatHistory(history);
  if (readText() === text) return false;
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
  read = history;
  return true;
}
