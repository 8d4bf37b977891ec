import type { Model } from '../model/model.js';
import { emitConstants } from './constants.js';
import { emitEnums } from './enums.js';
import { emitExits } from './exits.js';
import { emitFunctions } from './functions.js';
import { emitGroups } from './groups.js';
import { emitForeignIoctls, emitIoctls } from './ioctls.js';
import { banner, text } from './source.js';
import { emitStructs } from './structs.js';

/** The TypeScript of a model: the text of each file, by its name. The same model gives the same text, to the byte. */
export function emit(model: Model): Map<string, string> {
  const files = new Map([
    ['constants.ts', emitConstants(model)],
    ...(model.enums.some(({ name }) => name !== null) ? [['enums.ts', emitEnums(model)] as const] : []),
    ['exits.ts', emitExits(model)],
    ['foreign-ioctls.ts', emitForeignIoctls(model)],
    ...(model.functions.length > 0 ? [['functions.ts', emitFunctions(model)] as const] : []),
    ['groups.ts', emitGroups(model)],
    ['ioctls.ts', emitIoctls(model)],
    ['structs.ts', emitStructs(model)],
  ]);
  const modules = [...files.keys()].map((file) => `export * from './${file.replace('.ts', '.js')}';`);
  return files.set('index.ts', text([...banner(model, 'The whole ABI.'), ...modules]));
}
