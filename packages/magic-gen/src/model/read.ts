import { readFileSync, statSync } from 'node:fs';
import { MagicGenError } from '../errors.js';
import { MODEL_SCHEMA, type Model } from './model.js';

/** Whether a word names a file that may be a model, as `magic-gen dump` prints it. */
export function isModelFile(path: string): boolean {
  return !path.endsWith('.deb') && statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/**
 * Reads a model from a file.
 *
 * @throws MagicGenError where it is none, or one of another schema.
 */
export function readModel(path: string): Model {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) throw new MagicGenError(`${path} is not JSON: ${error.message}`);
    throw error;
  }
  if (typeof value !== 'object' || value === null || !('schema' in value)) {
    throw new MagicGenError(`${path} is not a model: it has no schema`);
  }
  if (value.schema !== MODEL_SCHEMA) {
    throw new MagicGenError(
      `${path} is a model of schema ${value.schema}; this magic-gen reads schema ${MODEL_SCHEMA}`,
    );
  }
  const lacking = lists.filter((name) => !Array.isArray((value as Record<string, unknown>)[name]));
  if (lacking.length > 0) throw new MagicGenError(`${path} is not a model: it has no ${lacking.join(', ')}`);
  return value as Model;
}

const lists = ['roots', 'constants', 'enums', 'records', 'ioctls', 'foreignIoctls', 'functions', 'skipped'] as const;
