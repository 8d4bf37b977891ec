import { type HeaderSet, includeFrom } from '../headers/find.js';
import { Declarations } from '../layout/declarations.js';
import { parseDeclarations } from '../parse/parse.js';
import { rewrite } from '../parse/rewrite.js';
import { preprocess } from '../preprocess/preprocess.js';
import { predefinedMacros } from '../targets/predefined.js';
import type { TargetDescription } from '../targets/target.js';
import { readEnums } from './enums.js';
import { readMacros } from './macros.js';
import { MODEL_SCHEMA, type Model } from './model.js';
import { included } from './prelude.js';
import { Records } from './records.js';

/** The headers that a model of KVM is made from. */
export const kvmRoots: readonly string[] = ['linux/kvm.h', 'asm/kvm.h'];

/**
 * Reads the root headers with everything they include, and builds the model of what they define on the target.
 *
 * @throws MagicGenError at the first text that cannot be read or is invalid, with its place.
 */
export function buildModel(headers: HeaderSet, target: TargetDescription, roots: readonly string[] = kvmRoots): Model {
  const source = preprocess(included(roots), predefinedMacros(target), includeFrom(headers));
  const declarations = new Declarations(target);
  declarations.declare(parseDeclarations(rewrite(source.tokens)));

  const ours = new Set(roots);
  const records = new Records(declarations, ours);
  const { enums, constants } = readEnums(declarations, ours);
  const macros = readMacros(source, declarations, ours, records);
  // The sort is stable: macros before the same declaration keep their order and come before it.
  const ordered = [...macros.constants, ...constants].sort((a, b) => a.position - b.position);

  return {
    schema: MODEL_SCHEMA,
    kernel: headers.kernel,
    arch: target.arch,
    target: target.target,
    roots: [...roots],
    constants: ordered.map(({ constant }) => constant),
    enums,
    records: records.all(),
    ioctls: macros.ioctls,
    foreignIoctls: macros.foreignIoctls,
    functions: macros.functions,
    skipped: macros.skipped,
  };
}
