import { readFileSync, statSync } from 'node:fs';
import { MagicGenError } from '../errors.js';
import { problems, type Schema } from './json-schema.js';
import { MODEL_SCHEMA, type Model } from './model.js';

/** The schema that is published beside the code. */
export function modelSchema(): Schema {
  return JSON.parse(readFileSync(new URL(`../../schema/model-${MODEL_SCHEMA}.json`, import.meta.url), 'utf8'));
}

/** Whether a word names a file that may be a model, as `magic-gen dump` prints it. */
export function isModelFile(path: string): boolean {
  return !path.endsWith('.deb') && statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/**
 * Reads a model from a file.
 *
 * @throws MagicGenError where the file is not a model, or has another schema.
 */
export function readModel(path: string): Model {
  const value = parse(path);
  if (typeof value !== 'object' || value === null || !('schema' in value)) {
    throw new MagicGenError(`${path} is not a model: it has no schema`);
  }
  if (value.schema !== MODEL_SCHEMA) {
    throw new MagicGenError(
      `${path} is a model of schema ${value.schema}; this magic-gen reads schema ${MODEL_SCHEMA}`,
    );
  }
  const [problem] = problems(value, modelSchema());
  if (problem !== undefined) throw new MagicGenError(`${path} is not a model: ${problem}`);
  return value as Model;
}

function parse(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) throw new MagicGenError(`${path} is not JSON: ${error.message}`);
    throw error;
  }
}
