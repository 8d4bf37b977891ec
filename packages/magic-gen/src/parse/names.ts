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

/** What the names of a member within a member, of which the grammar takes one, are joined by while it reads them. */
const dot = '__magic_gen_dot_';

/** The name of a member within a member, as in `offsetof(struct s, a.b)`. */
export function joinNames(names: readonly string[]): string {
  return names.join(dot);
}

/** A text of the parser, with the names as in the headers. */
export function unmarkNames(text: string): string {
  return text.includes('__magic_gen_') ? text.replaceAll(mark, '').replaceAll(dot, '.') : text;
}
