import type { Model } from '../model/model.js';
import { constantsOf, emitConstants } from './constants.js';
import { emitEnums, enumsOf } from './enums.js';
import { emitGroups, groupsOf } from './groups.js';
import type { Declaration, Output } from './output.js';
import { emitStructs, structsOf } from './structs.js';

/**
 * What the TypeScript of several architectures has in common: the text of each file, and the names in it. Structs are
 * common to the little-endian ones, as a view reads in one byte order.
 */
export function emitCommon(models: readonly Model[], output: Output): { files: Map<string, string>; names: Names } {
  const names: Names = new Map([
    ['constants.ts', commonNames(models.map(constantsOf))],
    ['enums.ts', commonNames(models.map(enumsOf))],
    ['groups.ts', commonNames(models.map(groupsOf))],
    ['structs.ts', commonNames(models.filter(isLittleEndian).map(structsOf))],
  ]);
  const model = models.find(isLittleEndian);
  if (model === undefined) throw new Error('no architecture is little-endian');
  const whole = { ...output, architectures: models.map(({ arch }) => arch), common: { names, folder: undefined } };
  const files = new Map([
    ['constants.ts', emitConstants(model, whole)],
    ['enums.ts', emitEnums(model, whole)],
    ['groups.ts', emitGroups(model, whole)],
    ['structs.ts', emitStructs(model, whole)],
  ]);
  return { files, names };
}

type Names = Map<string, ReadonlySet<string>>;

/** The names of `emitCommon` that a model has in common with the others. */
export function commonOf(model: Model, names: Names): Names {
  return new Map([...names].filter(([file]) => file !== 'structs.ts' || isLittleEndian(model)));
}

function isLittleEndian({ target }: Model): boolean {
  return target.endianness === 'little';
}

/** The declarations that are the same in each list, and refer to such declarations only. */
function commonNames([first = [], ...others]: readonly (readonly Declaration[])[]): ReadonlySet<string> {
  const texts = others.map((list) => new Map(list.map(({ name, lines }) => [name, lines.join('\n')])));
  const same = first.filter(({ name, lines }) => texts.every((each) => each.get(name) === lines.join('\n')));
  const names = new Set(same.map(({ name }) => name));
  for (let size = -1; size !== names.size; ) {
    size = names.size;
    for (const { name, uses = [] } of same) if (!uses.every((each) => names.has(each))) names.delete(name);
  }
  return names;
}
