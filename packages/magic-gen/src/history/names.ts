import { hasName, recordsByName } from '../model/lookup.js';
import type { AbiRecord, Member, Model } from '../model/model.js';

/** What a history is kept about. A capability or an exit reason is a constant. */
export const kinds = ['constant', 'function', 'ioctl', 'record', 'member'] as const;
export type Kind = (typeof kinds)[number];

/** One name of a model: `kvm_run.io.direction` for a member. */
export interface Name {
  kind: Kind;
  name: string;
  /** The header that defines it. */
  file: string;
}

/**
 * Every name of a model. Anonymous structs and unions have no stable name: they are numbered, and a new one renumbers
 * those after it. Their members are named after the enclosing record, as in C.
 */
export function namesOf(model: Model): Name[] {
  const owners = ownersOf(model.records);
  return [
    ...model.constants.map(({ name, origin }): Name => ({ kind: 'constant', name, file: origin.file })),
    ...model.functions.map(({ name, origin }): Name => ({ kind: 'function', name, file: origin.file })),
    ...[...model.ioctls, ...model.foreignIoctls].map(
      ({ name, origin }): Name => ({ kind: 'ioctl', name, file: origin.file }),
    ),
    ...model.records.flatMap((record): Name[] => [
      ...(!hasName(record) ? [] : [{ kind: 'record' as const, name: record.name, file: record.origin.file }]),
      ...record.members.flatMap((member): Name[] => {
        const name = memberName(record, member, owners);
        return name === undefined ? [] : [{ kind: 'member', name, file: member.origin.file }];
      }),
    ]),
  ];
}

/** A member's stable name; undefined where it has none. */
export function memberName(record: AbiRecord, member: Member, owners: ReadonlyMap<string, string>): string | undefined {
  return member.name === null ? undefined : `${owners.get(record.name) ?? record.name}.${member.name}`;
}

/** For each record, the name that its members are listed under. */
export function ownersOf(records: readonly AbiRecord[]): ReadonlyMap<string, string> {
  const owners = new Map<string, string>();
  const byName = recordsByName({ records: [...records] });
  const visit = (record: AbiRecord, owner: string): void => {
    owners.set(record.name, owner);
    for (const { name, type } of record.members) {
      const inner = name === null && type.kind === 'record' ? byName.get(type.name) : undefined;
      if (inner) visit(inner, owner);
    }
  };
  for (const record of records) if (hasName(record)) visit(record, record.name);
  return owners;
}
