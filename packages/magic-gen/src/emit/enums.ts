import type { Model } from '../model/model.js';
import { pascal } from './names.js';
import { type Declaration, exportCommon, isDeclared, type Output, withinCore } from './output.js';
import { banner, doc, importNames, separated, text } from './source.js';

/** Every enum with a name, as an object of its members. The members of an anonymous enum are plain constants. */
export function emitEnums(model: Model, output: Output = withinCore): string {
  const own = enumsOf(model).filter(({ name }) => isDeclared(name, 'enums.ts', output));
  const head = [importNames(new Set(own.flatMap(({ members }) => members)), './constants.js')];
  head.push(exportCommon('enums.ts', output));
  return text([
    ...banner(model, 'Every named enum of the headers.', output),
    ...separated([...head.filter((lines) => lines.length > 0), ...own.map(({ lines }) => lines)]),
  ]);
}

/** The declaration of each enum with a name, and the constants that it imports. */
export function enumsOf(model: Model): (Declaration & { members: readonly string[] })[] {
  return model.enums.flatMap(({ name, members, origin }) => {
    if (name === null) return [];
    const lines = [
      ...doc('', `\`enum ${name}\`, ${origin.file}.`),
      `export const ${pascal(name)} = {`,
      ...members.map((member) => `  ${member},`),
      '} as const;',
      '',
      `export type ${pascal(name)} = (typeof ${pascal(name)})[keyof typeof ${pascal(name)}];`,
    ];
    return [{ name: pascal(name), members, lines }];
  });
}
