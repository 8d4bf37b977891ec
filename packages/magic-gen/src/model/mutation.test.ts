import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { folderForTest } from '../../test/folder.js';
import { noRealHeaders, realHeaders, titled } from '../../test/host.js';
import { MagicGenError } from '../errors.js';
import { type HeaderSet, includeFrom } from '../headers/find.js';
import { findInterface, rootsIn } from '../interfaces/interfaces.js';
import { findTarget, type TargetDescription } from '../targets/index.js';
import { findCompiler, runCompiler } from '../verify/compiler.js';
import { includeLines } from '../verify/report.js';
import { verify } from '../verify/verify.js';
import { buildModel } from './build.js';

interface Mutation {
  header: number;
  line: number;
  place: number;
  kind: 'drop' | 'double' | 'cut' | 'swap lines' | 'swap tokens' | 'drop token';
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  header: fc.nat(),
  line: fc.nat(),
  place: fc.nat(),
  kind: fc.constantFrom('drop', 'double', 'cut', 'swap lines', 'swap tokens', 'drop token'),
});

/** A text with one of its lines mutated. */
function mutate(text: string, { line, place, kind }: Mutation): string {
  const lines = text.split('\n');
  const at = line % lines.length;
  const own = lines[at] ?? '';
  const tokens = own.match(/\s*(?:\w+|[^\w\s])/g) ?? [''];
  const token = place % tokens.length;
  const replaced: Record<Mutation['kind'], string[]> = {
    drop: [],
    double: [own, own],
    cut: [own.slice(0, place % (own.length + 1))],
    'swap lines': [lines[at + 1] ?? '', own],
    'swap tokens': [tokens.toSpliced(token, 2, tokens[token + 1] ?? '', tokens[token] ?? '').join('')],
    'drop token': [tokens.toSpliced(token, 1).join('')],
  };
  lines.splice(at, kind === 'swap lines' ? 2 : 1, ...replaced[kind]);
  return lines.join('\n');
}

/** The real headers with mutated lines, before the rest of the set. */
function mutated(real: HeaderSet, roots: readonly string[], mutations: readonly Mutation[]): HeaderSet {
  const include = includeFrom(real);
  const files = roots.map((root) => readFileSync(include(root)?.path ?? '', 'utf8'));
  for (const each of mutations) {
    const header = each.header % roots.length;
    files[header] = mutate(files[header] ?? '', each);
  }
  const directory = folderForTest(Object.fromEntries(roots.map((root, index) => [root, files[index] ?? ''])));
  return { ...real, directories: [directory, ...real.directories] };
}

function attempt(headers: HeaderSet, target: TargetDescription, roots: readonly string[]) {
  try {
    return buildModel(headers, target, roots);
  } catch (error) {
    // Anything else is a crash.
    if (error instanceof MagicGenError) return undefined;
    throw error;
  }
}

// Many runs of a compiler: a busy machine makes fewer, but at least one.
const timeLimit = { interruptAfterTimeLimit: 60_000, markInterruptAsFailure: false };
vi.setConfig({ testTimeout: 120_000 });

describe.each([
  { name: 'x86', of: 'kvm', read: 150, compared: 60 },
  { name: 'arm64', of: 'kvm', read: 60, compared: 20 },
  { name: 's390', of: 'kvm', read: 60, compared: 20 },
  { name: 'x86', of: 'vhost', read: 40, compared: 15 },
  { name: 'x86', of: 'bootparam', read: 40, compared: 15 },
])('real headers of $of for $name with mutated lines', ({ name, of, read, compared }) => {
  const target = findTarget(name);
  const reason = noRealHeaders(target);
  const real = (): HeaderSet => realHeaders(target)[0] as HeaderSet;
  const roots = (): string[] => rootsIn(real(), findInterface(of), target);

  it.skipIf(reason)(titled('are refused with a message, or read', reason), () => {
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
        attempt(mutated(real(), roots(), mutations), target, roots());
      }),
      { numRuns: read, ...timeLimit },
    );
  });

  it.skipIf(reason)(titled('are read as a compiler reads them, where both accept them', reason), async () => {
    const compiler = findCompiler(target.target);
    // Mutations that seldom break the syntax, so that there is something to compare.
    const mild = mutation.map((each): Mutation => ({ ...each, kind: each.kind === 'cut' ? 'double' : each.kind }));
    let verified = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(mild, { minLength: 1, maxLength: 2 }), async (mutations) => {
        const headers = mutated(real(), roots(), mutations);
        const model = attempt(headers, target, roots());
        if (!model) return;
        const { ok } = await runCompiler(compiler, headers, includeLines(roots()), ['-fsyntax-only']);
        if (!ok) return;
        const report = await verify(model, headers);
        verified++;
        expect(report.mismatches).toEqual([]);
      }),
      { numRuns: compared, ...timeLimit },
    );
    expect(verified).toBeGreaterThan(0);
  });
});
