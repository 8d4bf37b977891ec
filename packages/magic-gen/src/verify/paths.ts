import { recordsByName } from '../model/lookup.js';
import type { AbiRecord, Model, TypeRef } from '../model/model.js';
import { anonymousName } from './anonymous.js';

/** How C reaches a record of the model. */
export interface RecordPath {
  /** An expression for an object of it; for an anonymous record, of the enclosing record that C can name. */
  expression: string;
  /** Its offset in that object: non-zero only for an anonymous record. */
  base: number;
  anonymous: boolean;
  /** An expression for an object of it in text where anonymous records have names. */
  named: string;
}

/** The path to each record: its tag or typedef, or the members that lead to it. */
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

/** C's name for a record with a tag or a typedef. */
export function cName(record: AbiRecord): string {
  return record.tagged ? `${record.kind} ${record.name}` : record.name;
}

function elementOf(type: TypeRef): { element: TypeRef; depth: number } {
  let element = type;
  let depth = 0;
  for (; element.kind === 'array'; depth += 1) element = element.element;
  return { element, depth };
}
