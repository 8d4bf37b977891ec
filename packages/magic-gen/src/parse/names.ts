/**
 * Words that the grammar reserves, from later editions of C or from other compilers. In the C of the headers (clang's
 * gnu11) they are ordinary names.
 */
const names = new Set(
  (
    'alignas alignof bool constexpr defined false FALSE noreturn NULL nullptr thread_local true TRUE _alignof ' +
    '_unaligned __based __clrcall __declspec __except __finally __forceinline __leave __try __unaligned'
  ).split(' '),
);

/** A prefix that such a name gets while the grammar reads it. No header may use names like it. */
const mark = '__magic_gen_name_';

/** @param called Whether parentheses follow. */
export function markName(text: string, called: boolean): string {
  return names.has(text) || (text === 'offsetof' && !called) ? mark + text : text;
}

/** A text of the parser, with the names as in the headers. */
export function unmarkNames(text: string): string {
  return text.includes(mark) ? text.replaceAll(mark, '') : text;
}
