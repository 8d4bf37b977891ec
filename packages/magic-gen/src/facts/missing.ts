import type { Model, Origin } from '../model/model.js';
import { capabilityFacts, isCapability } from './capabilities.js';
import { exitMembers, notExitReasons } from './exits.js';
import { ioctlFacts } from './ioctls.js';
import { otherIoctlFacts } from './other-ioctls.js';

/** A name of the headers that the facts lack. */
export interface MissingFact {
  kind: 'ioctl' | 'capability' | 'exit reason';
  name: string;
  /** What has to be stated, and in which file. */
  problem: string;
  origin: Origin;
}

const noEntry = (file: string): string => `no facts about it: add them to packages/magic-gen/src/facts/${file}`;

/** The names of a model that the tables of facts lack. */
export function missingFacts(model: Model): MissingFact[] {
  return model.roots.includes('linux/kvm.h') ? ofKvm(model) : ofOthers(model);
}

/** For other interfaces, only the argument of an `_IO` has to be stated. */
function ofOthers({ ioctls }: Model): MissingFact[] {
  return ioctls
    .filter(({ name, argument }) => argument === null && otherIoctlFacts[name] === undefined)
    .map(({ name, origin }) => ({ kind: 'ioctl', name, problem: noEntry('other-ioctls.ts'), origin }));
}

function ofKvm(model: Model): MissingFact[] {
  const ioctls = [...model.ioctls, ...model.foreignIoctls].flatMap(({ name, direction, origin }): MissingFact[] => {
    const facts = ioctlFacts[name];
    if (facts === undefined) return [{ kind: 'ioctl', name, problem: noEntry('ioctls.ts'), origin }];
    if (direction !== 'none' || facts.argument !== undefined || facts.record !== undefined) return [];
    return [{ kind: 'ioctl', name, problem: 'an _IO: the facts must say whether it takes a value', origin }];
  });
  const constants = model.constants.flatMap(({ name, origin }): MissingFact[] => {
    if (isCapability(name) && capabilityFacts[name] === undefined) {
      return [{ kind: 'capability', name, problem: noEntry('capabilities.ts'), origin }];
    }
    if (name.startsWith('KVM_EXIT_') && exitMembers[name] === undefined && !notExitReasons.includes(name)) {
      return [{ kind: 'exit reason', name, problem: noEntry('exits.ts'), origin }];
    }
    return [];
  });
  return [...ioctls, ...constants];
}

/** Everything that is missing as a message, one name on each line. */
export function describeMissing(missing: readonly MissingFact[]): string {
  const lines = missing.map(
    ({ kind, name, problem, origin }) => `    ${origin.file}:${origin.line}: ${kind} ${name}: ${problem}`,
  );
  return [`${missing.length} names of the headers without facts`, ...lines].join('\n');
}

/** The model without the ioctls that cannot go into a table. Other names without facts are still usable. */
export function withoutMissing(model: Model, missing: readonly MissingFact[]): Model {
  const names = new Set(missing.filter(({ kind }) => kind === 'ioctl').map(({ name }) => name));
  if (names.size === 0) return model;
  const kept = <T extends { name: string }>(all: readonly T[]): T[] => all.filter(({ name }) => !names.has(name));
  return { ...model, ioctls: kept(model.ioctls), foreignIoctls: kept(model.foreignIoctls) };
}
