import { describe, expect, test } from 'vitest';
import { isCore, type ListedIoctl, listedIoctls } from './coverage/ioctls.js';
import { type Method, methodsByIoctl } from './coverage/methods.js';
import { withoutMethod, withoutTest } from './coverage/reasons.js';
import { isRecorded, testsOf } from './coverage/tests.js';

/** Which object a method is called on, from the name of the class it is written in: one of several that make it up. */
function shown({ fd }: ListedIoctl, { className, name }: Method): string {
  const on = /Vcpu/.test(className)
    ? 'vcpu'
    : /Vm/.test(className)
      ? 'vm'
      : /Kvm$/.test(className)
        ? 'kvm'
        : /Fd$/.test(className)
          ? fd.map((kind) => (kind === 'system' ? 'kvm' : kind)).join('/')
          : className;
  return `\`${on}.${name}\``;
}

interface Row {
  readonly ioctl: ListedIoctl;
  readonly methods: readonly string[];
  readonly tests: readonly string[];
}

const rows: readonly Row[] = listedIoctls.map((ioctl) => {
  const methods = methodsByIoctl.get(ioctl.name) ?? [];
  return {
    ioctl,
    methods: [...new Set(methods.map((method) => shown(ioctl, method)))].sort(),
    tests: testsOf(
      ioctl.name,
      methods.map(({ name }) => name),
    ),
  };
});

describe('every ioctl', () => {
  test.each(rows.filter(({ ioctl }) => isCore(ioctl)).map((row) => [row.ioctl.name, row] as const))(
    '%s has a method and a test, or a reason',
    (name, { methods, tests }) => {
      if (methods.length === 0) expect(withoutMethod[name], 'a method').toBeDefined();
      else if (tests.length === 0) expect(withoutTest[name], 'a test').toBeDefined();
    },
  );

  test.each(rows.filter(({ ioctl }) => !isCore(ioctl)).map((row) => [row.ioctl.name, row] as const))(
    '%s, of another architecture, has a test, or a reason',
    (name, { tests }) => {
      if (tests.length === 0) expect(withoutTest[name], 'a test').toBeDefined();
    },
  );

  test('has a reason only if it needs one', () => {
    const needless = rows.filter(
      ({ ioctl: { name }, methods, tests }) =>
        (methods.length > 0 && name in withoutMethod) || (tests.length > 0 && name in withoutTest),
    );
    expect(needless.map(({ ioctl }) => ioctl.name)).toEqual([]);
  });

  test('is in docs/coverage.md', async () => {
    await expect(document()).toMatchFileSnapshot('../../../docs/coverage.md');
  });
});

function document(): string {
  const core = rows.filter(({ ioctl }) => isCore(ioctl));
  const others = rows.filter(({ ioctl }) => !isCore(ioctl));
  return [
    '# Coverage',
    '',
    'Every ioctl of KVM, the method that makes it, and its tests (three at most).',
    '`npx pnpm coverage` generates this page from the source, and a test compares it.',
    'A "recorded" test checks the arguments for the kernel, but no kernel answers.',
    'An ioctl without an address can also be made raw, on the object of its descriptor: `fd.ioctl(KVM_X, argument)`.',
    '',
    '## x86, arm64, riscv and all architectures',
    '',
    ...table(core),
    '',
    '## Other architectures',
    '',
    ...table(others),
    '',
  ].join('\n');
}

function table(listed: readonly Row[]): string[] {
  return [
    '| ioctl | architectures | capability | method | tested in |',
    '| ----- | ------------- | ---------- | ------ | --------- |',
    ...listed.map(({ ioctl, methods, tests }) => {
      const { name, arch, capability } = ioctl;
      const method = methods.length > 0 ? methods.join(', ') : (withoutMethod[name] ?? 'raw');
      const tested =
        tests.length > 0
          ? tests
              .slice(0, 3)
              .map((path) => (isRecorded(path) ? `\`${path}\` (recorded)` : `\`${path}\``))
              .join(', ')
          : (withoutTest[name] ?? '');
      return `| ${name} | ${arch?.join(', ') ?? 'all'} | ${capability ?? ''} | ${method} | ${tested} |`;
    }),
  ];
}
