import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { MagicGenError } from '../errors.js';
import type { Interface } from '../interfaces/interfaces.js';

/** Where this repository keeps what it commits for an interface. A published magic-gen has no such place. */
export interface Place {
  /** The folder of the models, with one file for each architecture. */
  models: string;
  /** The folder of an architecture's TypeScript; without an argument, of the TypeScript that several share. */
  abi(arch?: string): string;
}

export function placeOf({ name, folder }: Interface): Place {
  const own = join(import.meta.dirname, '..', '..');
  const root = join(own, '..', '..');
  if (!existsSync(join(root, 'packages', 'magic-gen', 'interfaces.json'))) {
    throw new MagicGenError('outside its repository, magic-gen needs a folder to write to: --out DIR');
  }
  return { models: join(own, 'models', name), abi: (arch = '') => join(root, folder, arch) };
}
