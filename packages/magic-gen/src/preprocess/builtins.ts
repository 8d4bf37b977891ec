import { MagicGenError } from '../errors.js';
import type { Expander } from './expand.js';
import { locate, type Token } from './tokens.js';

const yes = (names: string): Record<string, boolean> =>
  Object.fromEntries(names.split(' ').map((name) => [name, true]));
const no = (names: string): Record<string, boolean> =>
  Object.fromEntries(names.split(' ').map((name) => [name, false]));

/** clang 19's answers to headers that ask for its features. Any other question stops the run. */
export const compilerAnswers: Readonly<Record<string, Readonly<Record<string, boolean>>>> = {
  __has_attribute: {
    ...yes(
      'address_space alias aligned alloc_size always_inline cold const constructor counted_by deprecated destructor ' +
        'diagnose_if error fallthrough flatten format gnu_inline hot malloc may_alias mode ms_struct noinline ' +
        'nonnull noreturn nothrow overloadable packed pure returns_nonnull section sized_by transparent_union ' +
        'unavailable uninitialized unused used vector_size visibility warn_unused_result warning weak',
    ),
    ...no('access assume_aligned_to designated_init externally_visible nonstring noclone scalar_storage_order'),
  },
  __has_builtin: {
    ...yes(
      '__builtin_bswap16 __builtin_bswap32 __builtin_bswap64 __builtin_choose_expr __builtin_clz ' +
        '__builtin_constant_p __builtin_ctz __builtin_dynamic_object_size __builtin_expect __builtin_ffs ' +
        '__builtin_memcpy __builtin_object_size __builtin_offsetof __builtin_popcount __builtin_types_compatible_p ' +
        '__builtin_unreachable __builtin_va_arg',
    ),
    ...no('__builtin_counted_by_ref __builtin_has_attribute'),
  },
  __has_extension: yes('c_alignas c_alignof c_atomic c_generic_selections c_static_assert c_thread_local'),
  __has_feature: {
    ...yes('c_alignas c_alignof c_atomic c_generic_selections c_static_assert c_thread_local'),
    ...no('address_sanitizer cxx_rtti memory_sanitizer modules thread_sanitizer'),
  },
};

/** Whether a token is one of the compiler's names, and not a macro that the headers define instead. */
function isBuiltin({ kind, text }: Token, { macros }: Expander): boolean {
  return (
    kind === 'identifier' &&
    macros.get(text)?.at.file.path === '<predefined>' &&
    macros.get(text)?.body[0]?.text === text
  );
}

/**
 * Replaces what the compiler evaluates in a condition, such as `__has_include(<a.h>)`.
 *
 * @param hasHeader Whether `#include` would find this, `<a.h>` or `"a.h"`.
 * @throws MagicGenError for a question without a known answer.
 */
export function resolveQuestions(
  tokens: readonly Token[],
  expander: Expander,
  hasHeader: (header: Token) => boolean,
): Token[] {
  const output: Token[] = [];
  for (let index = 0; index < tokens.length; index += 1) {
    const token = tokens[index] as Token;
    if (!isBuiltin(token, expander)) {
      output.push(token);
      continue;
    }
    const close = tokens.findIndex(({ text }, at) => at > index && text === ')');
    if (tokens[index + 1]?.text !== '(' || close < 0) {
      throw new MagicGenError(`the value of '${token.text}' is not known here`, locate(token));
    }
    const argument = tokens.slice(index + 2, close);
    const answer = token.text === '__has_include' ? include(token, argument, hasHeader) : ask(token, argument);
    // Not expanded yet: the header's name may come from a macro, so it is known later.
    if (answer === undefined) output.push(...tokens.slice(index, close + 1));
    else output.push({ ...token, kind: 'number', text: answer ? '1' : '0', hidden: null });
    index = close;
  }
  return output;
}

function include(
  question: Token,
  argument: readonly Token[],
  hasHeader: (header: Token) => boolean,
): boolean | undefined {
  const text = argument.map((token, index) => (index > 0 && token.space ? ` ${token.text}` : token.text)).join('');
  if (/^(?:<[^>]+>|"[^"]+")$/.test(text)) return hasHeader({ ...question, kind: 'header', text });
  return undefined;
}

function ask(question: Token, argument: readonly Token[]): boolean {
  const text = argument.map((token) => token.text).join('');
  const name = text.replace(/^__(?!builtin_)(\w+?)__$/, '$1');
  const answers = Object.hasOwn(compilerAnswers, question.text) ? compilerAnswers[question.text] : undefined;
  if (!answers || !Object.hasOwn(answers, name)) {
    throw new MagicGenError(`the compiler's answer to ${question.text}(${text}) is not known`, locate(question));
  }
  return answers[name] as boolean;
}
