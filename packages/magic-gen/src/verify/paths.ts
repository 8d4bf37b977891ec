import { recordsByName } from '../model/lookup.js';
import type { AbiRecord, Model, TypeRef } from '../model/model.js';
import { anonymousName } from './anonymous.js';

/** How C gets at a record of the model. */
export interface RecordPath {
  /** An expression for one of it; for an anonymous record, for the record around it that C can name. */
  expression: string;
  /** Where it begins in what the expression stands for: other than zero only for an anonymous record. */
  base: number;
  anonymous: boolean;
  /** An expression for one of it in text whose anonymous records have been given names. */
  named: string;
}

/** The way to each record: by its tag or typedef, or through the members that lead to it. */
export function findPaths(model: Model): Map<string, RecordPath> {
  const records = recordsByName(model);
  const paths = new Map<string, RecordPath>();

  const walk = (record: AbiRecord, path: RecordPath): void => {
    if (paths.has(record.name)) return;
    paths.set(record.name, path);
    let anonymous = 0;
    for (const member of record.members) {
      const { element, depth } = elementOf(member.type);
      const inner = element.kind === 'record' ? records.get(element.name) : undefined;
      if (!inner?.name.includes('.') || inner.tagged) continue;
      if (member.name === null) {
        const named = `${path.named}.${anonymousName(anonymous++)}`;
        walk(inner, { expression: path.expression, base: path.base + member.offset, anonymous: true, named });
      } else {
        const step = `.${member.name}${'[0]'.repeat(depth)}`;
        walk(inner, { expression: path.expression + step, base: 0, anonymous: false, named: path.named + step });
      }
    }
  };
  for (const record of model.records) {
    if (!record.tagged && record.name.includes('.')) continue;
    const expression = `(*(${cName(record)} *)0)`;
    walk(record, { expression, base: 0, anonymous: false, named: expression });
  }
  return paths;
}

/** How C names a record that has a tag or a typedef. */
export function cName(record: AbiRecord): string {
  return record.tagged ? `${record.kind} ${record.name}` : record.name;
}

function elementOf(type: TypeRef): { element: TypeRef; depth: number } {
  let element = type;
  let depth = 0;
  for (; element.kind === 'array'; depth += 1) element = element.element;
  return { element, depth };
}
