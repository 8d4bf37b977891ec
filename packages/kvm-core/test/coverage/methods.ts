import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A public method that makes an ioctl. */
export interface Method {
  readonly className: string;
  readonly name: string;
}

const sources = join(import.meta.dirname, '..', '..', 'src');

/** The public methods that make each ioctl: those whose code or comment names it. */
export const methodsByIoctl: ReadonlyMap<string, readonly Method[]> = ((): Map<string, Method[]> => {
  const found = new Map<string, Method[]>();
  for (const file of readdirSync(sources, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts') || file.endsWith('.test.ts') || file.startsWith('abi/')) continue;
    for (const { method, ioctls } of methodsOf(readFileSync(join(sources, file), 'utf8'))) {
      for (const ioctl of ioctls) found.set(ioctl, [...(found.get(ioctl) ?? []), method]);
    }
  }
  return found;
})();

/** Biome indents members by two spaces, so no TypeScript parser is needed. */
function methodsOf(text: string): { method: Method; ioctls: Set<string> }[] {
  const methods: { method: Method; ioctls: Set<string> }[] = [];
  let className: string | undefined;
  let comment: string[] = [];
  let current: { method: Method; ioctls: Set<string> } | undefined;
  for (const line of text.split('\n')) {
    className = /^export (?:abstract )?class (\w+)/.exec(line)?.[1] ?? (line === '}' ? undefined : className);
    if (className === undefined) continue;
    if (line.startsWith('  /**')) comment = [];
    if (/^ {2}(?:\/\*\*| \*)/.test(line)) comment.push(line);
    const name = /^ {2}(?:(?:override|async|static|get) )*\*?(\w+)(?:<.*>)?(?:\(|.*=> \{?$)/.exec(line)?.[1];
    const opens = /^ {2}\S/.test(line) && !/^ {2}[/*}]/.test(line);
    if (opens) {
      current =
        name === undefined ? undefined : { method: { className, name }, ioctls: new Set(namesIn(comment.join('\n'))) };
      if (current !== undefined && !comment.some((each) => each.includes('@internal'))) methods.push(current);
      comment = [];
    }
    for (const ioctl of namesIn(line)) if (!/^ {2}[/ ]\*/.test(line)) current?.ioctls.add(ioctl);
  }
  return methods;
}

function namesIn(text: string): string[] {
  return text.match(/\bKVM_[A-Z0-9_]+\b/g) ?? [];
}
