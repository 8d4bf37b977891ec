import { exitMembers } from '../facts/exits.js';
import type { Model } from '../model/model.js';
import { checkNames } from './collisions.js';
import { emitConstants } from './constants.js';
import { emitEnums } from './enums.js';
import { emitExits } from './exits.js';
import { emitFunctions } from './functions.js';
import { emitGroups, groupNames } from './groups.js';
import { emitForeignIoctls, emitIoctls } from './ioctls.js';
import { emitOtherIoctls } from './other-ioctls.js';
import { isKvm, type Output, withinCore } from './output.js';
import { banner, text } from './source.js';
import { emitStructs } from './structs.js';

/** The TypeScript of a model: the text of each file, by file name. The same model always gives the same bytes. */
export function emit(model: Model, output: Output = withinCore): Map<string, string> {
  checkNames(model);
  const files = isKvm(model) ? kvmFiles(model, output) : otherFiles(model, output);
  const modules = [...files.keys()].map((file) => `export * from './${file.replace('.ts', '.js')}';`);
  return files.set('index.ts', text([...banner(model, 'The whole ABI.', output), ...modules]));
}

function kvmFiles(model: Model, output: Output): Map<string, string> {
  return new Map([
    ...(model.constants.length > 0 ? [['constants.ts', emitConstants(model, output)] as const] : []),
    ...(hasEnums(model) ? [['enums.ts', emitEnums(model, output)] as const] : []),
    ...(hasExits(model) ? [['exits.ts', emitExits(model, output)] as const] : []),
    ['foreign-ioctls.ts', emitForeignIoctls(model, output)],
    ...(model.functions.length > 0 ? [['functions.ts', emitFunctions(model, output)] as const] : []),
    ...(groupNames(model).length > 0 ? [['groups.ts', emitGroups(model, output)] as const] : []),
    ...(model.ioctls.length > 0 ? [['ioctls.ts', emitIoctls(model, output)] as const] : []),
    ...(model.records.length > 0 ? [['structs.ts', emitStructs(model, output)] as const] : []),
  ]);
}

/** Other interfaces have no table of friendly groups, and only KVM has exits. */
function otherFiles(model: Model, output: Output): Map<string, string> {
  return new Map([
    ...(model.constants.length > 0 ? [['constants.ts', emitConstants(model, output)] as const] : []),
    ...(hasEnums(model) ? [['enums.ts', emitEnums(model, output)] as const] : []),
    ...(model.functions.length > 0 ? [['functions.ts', emitFunctions(model, output)] as const] : []),
    ...(model.ioctls.length > 0 ? [['ioctls.ts', emitOtherIoctls(model, output)] as const] : []),
    ...(model.records.length > 0 ? [['structs.ts', emitStructs(model, output)] as const] : []),
  ]);
}

/** Headers without `struct kvm_run`, or without an exit reason, have no exits. */
function hasExits({ constants, records }: Model): boolean {
  return (
    records.some(({ name }) => name === 'kvm_run') && constants.some(({ name }) => exitMembers[name] !== undefined)
  );
}

function hasEnums({ enums }: Model): boolean {
  return enums.some(({ name }) => name !== null);
}
