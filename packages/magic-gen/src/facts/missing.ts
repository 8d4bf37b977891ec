import type { Model, Origin } from '../model/model.js';
import { capabilityFacts, isCapability } from './capabilities.js';
import { exitMembers, notExitReasons } from './exits.js';
import { ioctlFacts } from './ioctls.js';
import { otherIoctlFacts } from './other-ioctls.js';

/** Something of the headers that nobody has said yet what the headers do not say about. */
export interface MissingFact {
  kind: 'ioctl' | 'capability' | 'exit reason';
  name: string;
  /** What has to be said, and where. */
  problem: string;
  origin: Origin;
}

const noEntry = (file: string): string => `no facts about it: add them to packages/magic-gen/src/facts/${file}`;

/** What a model has that the tables of facts have not. */
export function missingFacts(model: Model): MissingFact[] {
  return model.roots.includes('linux/kvm.h') ? ofKvm(model) : ofOthers(model);
}

/** Of other interfaces only what an `_IO` takes has to be said. */
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

/** All that is missing, one a line, as a message. */
export function describeMissing(missing: readonly MissingFact[]): string {
  const lines = missing.map(
    ({ kind, name, problem, origin }) => `    ${origin.file}:${origin.line}: ${kind} ${name}: ${problem}`,
  );
  return [`${missing.length} names of the headers without facts`, ...lines].join('\n');
}

/** The model without the ioctls that no table can be made of; of the other kinds the names alone are of use. */
export function withoutMissing(model: Model, missing: readonly MissingFact[]): Model {
  const names = new Set(missing.filter(({ kind }) => kind === 'ioctl').map(({ name }) => name));
  if (names.size === 0) return model;
  const kept = <T extends { name: string }>(all: readonly T[]): T[] => all.filter(({ name }) => !names.has(name));
  return { ...model, ioctls: kept(model.ioctls), foreignIoctls: kept(model.foreignIoctls) };
}
