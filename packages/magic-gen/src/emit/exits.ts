import { exitMembers } from '../facts/exits.js';
import { fieldsOf, isFlexible, named, recordsByName, sizeOf } from '../model/lookup.js';
import type { Model } from '../model/model.js';
import { memberName, pascal } from './names.js';
import { type Output, withinCore } from './output.js';
import { banner, doc, importNames, text } from './source.js';

/**
 * For each exit reason, the type of its exit and how to make it, from the members of `struct kvm_run` that the reason
 * fills.
 */
export function emitExits(model: Model, output: Output = withinCore): string {
  const records = recordsByName(model);
  const fields = new Map(fieldsOf(named('kvm_run', records), records).map((field) => [field.name, field]));
  const classes = new Set(['KvmRun']);
  const types: string[] = [];
  const views: string[] = [];
  for (const { name } of model.constants) {
    const members = exitMembers[name];
    if (members === undefined) continue;
    const reason = `ExitReason.${pascal(name.replace('KVM_EXIT_', ''))}`;
    const properties = members.flatMap((member) => {
      const field = fields.get(member);
      // The facts describe the newest kernel. An older one may have had the reason before the member.
      if (field === undefined) return [];
      const property = memberName(member);
      if (field.type.kind === 'record') {
        classes.add(pascal(field.type.name));
        return [{ property, ts: pascal(field.type.name), view: `${property}: run.${property}` }];
      }
      const isArray = field.type.kind === 'array' || field.type.size > 8;
      if (isArray && !isFlexible(field.type)) {
        return [{ property, ts: `KvmRun['${property}']`, view: `${property}: run.${property}` }];
      }
      // A plain integer has no view: a getter reads it. So does one for a flexible array, whose length may change.
      return [
        {
          property,
          ts: isArray ? `KvmRun['${property}']` : sizeOf(field.type, records) === 8 ? 'bigint' : 'number',
          view: `get ${property}() {\n      return run.${property};\n    }`,
        },
      ];
    });
    types.push(union([`reason: typeof ${reason}`, ...properties.map(({ property, ts }) => `${property}: ${ts}`)]));
    views.push(
      ...view(
        reason,
        properties.map((property) => property.view),
      ),
    );
  }
  const last = types.pop();
  return text([
    ...banner(model, 'Every exit reason of the headers, with the members of struct kvm_run that it fills.', output),
    ...importNames(['ExitReason'], './groups.js'),
    ...importNames(classes, './structs.js', 'import type'),
    '',
    ...doc('', 'An exit, discriminated by its reason.'),
    'export type AbiExit =',
    ...types,
    `${last};`,
    '',
    ...doc('', 'Makes an exit of each reason: a view of the run state, made once for each vCPU.'),
    'export const exitViews: Readonly<Record<number, (run: KvmRun) => AbiExit>> = {',
    ...views,
    '};',
  ]);
}

function union(properties: string[]): string {
  const line = `  | { ${properties.map((property) => `readonly ${property}`).join('; ')} }`;
  return line.length < 120
    ? line
    : ['  | {', ...properties.map((property) => `      readonly ${property};`), '    }'].join('\n');
}

function view(reason: string, properties: string[]): string[] {
  const line = `  [${reason}]: (run) => ({ ${[`reason: ${reason}`, ...properties].join(', ')} }),`;
  const head = properties.length === 0 ? line.replace('(run)', '()') : line;
  if (head.length <= 120 && !head.includes('\n')) return [head];
  return [`  [${reason}]: (run) => ({`, `    reason: ${reason},`, ...properties.map((p) => `    ${p},`), '  }),'];
}
