import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { describe, expect, test } from 'vitest';

/** The folders of `src`, each of which imports only from those before it, types included. */
const layers = [
  'errors',
  'backend',
  'struct',
  'abi',
  'arch',
  'ioctl',
  'memory',
  'vcpu',
  'vm',
  'state',
  'threads',
  'system',
  'arch/NAME',
];

const packages = join(import.meta.dirname, '../..');

/** The source files of a package, and the files of it that each imports; those of `import type` only if asked for. */
function importsOf(name: string, { types }: { types: boolean }): Map<string, string[]> {
  const src = join(packages, name, 'src');
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !file.endsWith('.test.ts'),
  );
  return new Map(
    files.map((file) => {
      const text = readFileSync(join(src, file), 'utf8');
      const imported = [...text.matchAll(/^(?:import|export)\s(type\s)?[^;]*?from '(\.[^']+)\.js';/gms)].filter(
        ([, type]) => types || type === undefined,
      );
      return [file, imported.map(([, , path = '']) => normalize(join(dirname(file), `${path}.ts`)))];
    }),
  );
}

/** A way from a file back to itself. */
function cycleIn(imports: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const next of imports.get(file) ?? []) {
      const cycle = visit(next, [...path, file]);
      if (cycle !== undefined) return cycle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of imports.keys()) {
    const cycle = visit(file, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

describe.each(['kvm-core', 'kvm-vmm', 'kvm-cli', 'magic-gen'])('the files of packages/%s', (name) => {
  test('do not import each other in a circle', () => {
    const imports = importsOf(name, { types: name === 'kvm-core' });
    expect(imports.size).toBeGreaterThan(5);
    expect(cycleIn(imports)).toBeUndefined();
  });
});

test('a circle of imports is found', () => {
  const imports = new Map([
    ['a', ['b']],
    ['b', ['c', 'd']],
    ['c', []],
    ['d', ['b']],
  ]);
  expect(cycleIn(imports)).toEqual(['b', 'd', 'b']);
});

describe('the folders of packages/kvm-core/src', () => {
  const imports = importsOf('kvm-core', { types: true });
  const layerOf = (file: string): string => {
    const [folder = '', sub = '', file3] = file.split('/');
    return folder === 'arch' && file3 !== undefined && sub !== '' ? 'arch/NAME' : folder;
  };

  test('are all among the layers', () => {
    const folders = new Set([...imports.keys()].filter((file) => file !== 'index.ts').map(layerOf));
    expect([...folders].sort()).toEqual([...layers].sort());
  });

  test('import only from the layers before them', () => {
    const upward = [...imports].flatMap(([file, imported]) =>
      imported
        .filter((path) => file !== 'index.ts' && layers.indexOf(layerOf(path)) > layers.indexOf(layerOf(file)))
        .map((path) => `${relative('.', file)} -> ${path}`),
    );
    expect(upward).toEqual([]);
  });
});
