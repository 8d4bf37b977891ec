import { readFileSync } from 'node:fs';
import type { TargetDescription } from './target.js';

/**
 * Names that a compiler knows without a definition. `#ifdef` finds them; preprocess/builtins.ts evaluates them in
 * `#if`, or refuses them.
 */
export const builtinNames: readonly string[] = [
  '_Pragma',
  '__BASE_FILE__',
  '__COUNTER__',
  '__DATE__',
  '__FILE_NAME__',
  '__FILE__',
  '__FLT_EVAL_METHOD__',
  '__INCLUDE_LEVEL__',
  '__LINE__',
  '__TIMESTAMP__',
  '__TIME__',
  '__building_module',
  '__has_attribute',
  '__has_builtin',
  '__has_c_attribute',
  '__has_constexpr_builtin',
  '__has_declspec_attribute',
  '__has_embed',
  '__has_extension',
  '__has_feature',
  '__has_include',
  '__has_include_next',
  '__has_warning',
  '__is_identifier',
  '__is_target_arch',
  '__is_target_environment',
  '__is_target_os',
  '__is_target_variant_environment',
  '__is_target_variant_os',
  '__is_target_vendor',
];

/**
 * What clang 19 predefines for the target, as the text of a header: the committed output of `clang -std=gnu11 -dM -E`
 * (`predefined/`). Headers that ask about the compiler get clang's answers.
 */
export function predefinedMacros({ name }: TargetDescription): string {
  const macros = readFileSync(new URL(`../../predefined/${name}.h`, import.meta.url), 'utf8');
  // Defined as themselves, so that `#ifdef` finds them and text keeps them.
  return `${macros}${builtinNames.map((each) => `#define ${each} ${each}\n`).join('')}`;
}
