import type { Constant, Model } from '../model/model.js';
import { type Declaration, exportCommon, isDeclared, type Output, withinCore } from './output.js';
import { age, banner, doc, separated, text } from './source.js';

/** Every integer constant of the headers, under the kernel's name. */
export function emitConstants(model: Model, output: Output = withinCore): string {
  const own = constantsOf(model).filter(({ name }) => isDeclared(name, 'constants.ts', output));
  const again = exportCommon('constants.ts', output);
  return text([
    ...banner(model, 'Every constant of the headers.', output),
    ...separated([...(again.length > 0 ? [again] : []), ...own.map(({ lines }) => lines)]),
  ]);
}

/** The declaration of each constant. */
export function constantsOf(model: Model): Declaration[] {
  const enums = new Map(model.enums.flatMap(({ name, members }) => (name ? members.map((each) => [each, name]) : [])));
  return model.constants.map((constant) => {
    const of = enums.has(constant.name) ? ` of \`enum ${enums.get(constant.name)}\`` : '';
    return {
      name: constant.name,
      lines: [
        ...doc('', `\`${constant.name}\`${of}, ${constant.origin.file}.${age(model, constant)}`),
        `export const ${constant.name} = ${literal(constant)};`,
      ],
    };
  });
}

/**
 * A bigint where C says `long long`, which is where the kernel means 64 bits, or where a number cannot hold the value.
 * A number otherwise, also for the `unsigned long` flags of 32-bit fields.
 */
export function literal({ value, type }: Pick<Constant, 'value' | 'type'>): string {
  return type.longLong || !Number.isSafeInteger(Number(value)) ? `${value}n` : value;
}
