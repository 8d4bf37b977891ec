import type { Model } from '../model/model.js';
import { pascal } from './names.js';
import { type Output, withinCore } from './output.js';
import { banner, doc, importNames, text } from './source.js';

/** Every enum with a name, as an object of its members. The members of an anonymous enum are plain constants. */
export function emitEnums(model: Model, output: Output = withinCore): string {
  const enums = model.enums.flatMap(({ name, members, origin }) => (name === null ? [] : [{ name, members, origin }]));
  return text([
    ...banner(model, 'Every named enum of the headers.', output),
    ...importNames(new Set(enums.flatMap(({ members }) => members)), './constants.js'),
    ...enums.flatMap(({ name, members, origin }) => [
      '',
      ...doc('', `\`enum ${name}\`, ${origin.file}.`),
      `export const ${pascal(name)} = {`,
      ...members.map((member) => `  ${member},`),
      '} as const;',
      '',
      `export type ${pascal(name)} = (typeof ${pascal(name)})[keyof typeof ${pascal(name)}];`,
    ]),
  ]);
}
