/**
 * C has no name for an anonymous struct or union, and thus no way to ask for its size. Here each gets a name, `magic_0`
 * for the first in its parent, in the output of the compiler's own preprocessor. A name does not change the layout.
 */
export function nameAnonymous(text: string): string {
  const output: string[] = [];
  const open: Body[] = [];
  /** The words since the last brace or semicolon, except those in parentheses. */
  let words: string[] = [];
  let closed: Body | undefined;
  let depth = 0;
  let at = 0;

  for (const match of text.matchAll(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[\w$]+|[^\s\w$]/g)) {
    const [token] = match;
    const start = match.index;
    if (token === '(' || token === '[') depth += 1;
    else if (token === ')' || token === ']') depth -= 1;
    else if (depth > 0) continue;
    else if (token === '{') {
      open.push({ record: isRecord(words), anonymous: isAnonymous(words) && open.at(-1)?.record === true, inner: 0 });
      words = [];
      closed = undefined;
    } else if (token === '}') {
      closed = open.pop();
      words = [];
    } else if (token === ';') {
      const parent = open.at(-1);
      if (closed?.anonymous && words.length === 0 && parent) {
        output.push(text.slice(at, start), ` ${anonymousName(parent.inner)}`);
        parent.inner += 1;
        at = start;
      }
      words = [];
      closed = undefined;
    } else if (token !== '__attribute__') words.push(token);
  }
  output.push(text.slice(at));
  return output.join('');
}

/** The name given to an anonymous record, by its position among the anonymous records of its parent. */
export function anonymousName(index: number): string {
  return `magic_${index}`;
}

interface Body {
  record: boolean;
  anonymous: boolean;
  /** How many anonymous records in it have been named. */
  inner: number;
}

function isRecord(words: readonly string[]): boolean {
  const keyword = words.findLastIndex((word) => word === 'struct' || word === 'union');
  return keyword >= 0 && words.length - keyword <= 2;
}

function isAnonymous(words: readonly string[]): boolean {
  return isRecord(words) && /^(?:struct|union)$/.test(words.at(-1) ?? '');
}
