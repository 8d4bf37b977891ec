import type { Constant, Model } from '../model/model.js';
import { type Output, withinCore } from './output.js';
import { age, banner, doc, text } from './source.js';

/** Every integer constant of the headers, under the kernel's name. */
export function emitConstants(model: Model, output: Output = withinCore): string {
  const lines = banner(model, 'Every constant of the headers.', output);
  const enums = new Map(model.enums.flatMap(({ name, members }) => (name ? members.map((each) => [each, name]) : [])));
  for (const constant of model.constants) {
    const of = enums.has(constant.name) ? ` of \`enum ${enums.get(constant.name)}\`` : '';
    lines.push(...doc('', `\`${constant.name}\`${of}, ${constant.origin.file}.${age(model, constant)}`));
    lines.push(`export const ${constant.name} = ${literal(constant)};`, '');
  }
  lines.pop();
  return text(lines);
}

/**
 * A bigint where C says `long long`, which is where the kernel means 64 bits, or where a number cannot hold the value.
 * A number otherwise, also for the `unsigned long` flags of 32-bit fields.
 */
export function literal({ value, type }: Pick<Constant, 'value' | 'type'>): string {
  return type.longLong || !Number.isSafeInteger(Number(value)) ? `${value}n` : value;
}
