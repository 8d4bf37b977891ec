import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { folderForTest } from '../../test/folder.js';
import { titled } from '../../test/host.js';
import { modelOf } from '../../test/model.js';
import { MagicGenError } from '../errors.js';
import { exitMembers } from '../facts/exits.js';
import { ioctlFacts } from '../facts/ioctls.js';
import { missingFacts, withoutMissing } from '../facts/missing.js';
import { emit } from './emit.js';
import { anywhere } from './output.js';

/** Whatever `gen` writes compiles, or `gen` fails and names what it cannot write. */

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const noCore = existsSync(join(root, 'packages/kvm-core/dist/struct/index.d.ts'))
  ? undefined
  : '@kvm/core is not built';

const options = {
  target: 'ES2022',
  lib: ['ES2023', 'ESNext.Disposable'],
  module: 'NodeNext',
  types: ['node'],
  noEmit: true,
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  noPropertyAccessFromIndexSignature: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  verbatimModuleSyntax: true,
  isolatedModules: true,
  erasableSyntaxOnly: true,
  isolatedDeclarations: false,
  skipLibCheck: true,
};

/** A folder where TypeScript finds @kvm/core as built here. */
function project(): string {
  const folder = folderForTest();
  mkdirSync(join(folder, 'node_modules/@kvm'), { recursive: true });
  symlinkSync(join(root, 'packages/kvm-core'), join(folder, 'node_modules/@kvm/core'));
  symlinkSync(join(root, 'node_modules/@types'), join(folder, 'node_modules/@types'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, include: ['case-*/*.ts'] }));
  return folder;
}

/** Writes what `gen --out` writes for a header; false where it fails with a MagicGenError instead. */
function generate(folder: string, header: string): boolean {
  try {
    const model = modelOf(header);
    const files = emit(withoutMissing(model, missingFacts(model)), anywhere);
    mkdirSync(folder);
    for (const [name, text] of files) writeFileSync(join(folder, name), text);
    return true;
  } catch (error) {
    if (error instanceof MagicGenError) return false;
    throw new Error(`gen fails with another error on\n${header}`, { cause: error });
  }
}

/** The compiler's errors in the output for each header, with the header. */
function complaints(folder: string, headers: readonly string[], ...more: string[]): string[] {
  const { status, stdout, stderr } = spawnSync(
    join(root, 'node_modules/.bin/tsc'),
    ['--pretty', 'false', '-p', folder, ...more],
    {
      encoding: 'utf8',
      cwd: folder,
    },
  );
  const lines = stdout.split('\n').filter((line) => line.includes('error TS'));
  if (status !== 0 && lines.length === 0) throw new Error(`tsc: ${status}: ${stdout}${stderr}`);
  const first = new Map<string, string>();
  for (const line of lines) {
    const number = /^case-(\d+)/.exec(line)?.[1];
    const key = number ?? line;
    if (!first.has(key)) first.set(key, number === undefined ? line : `${line}\n${headers[Number(number)]}`);
  }
  return [...first.values()];
}

const awkward = [
  ...[
    'a',
    'A',
    'b',
    'ab',
    'aB',
    'a_b',
    'a__b',
    '_a',
    '__a',
    '_',
    '__',
    '_1',
    '_9p',
    'x1',
    'count',
    'len',
    'flags',
    'nr',
  ],
  ...['class', 'new', 'delete', 'function', 'arguments', 'await', 'eval', 'let', 'var', 'yield', 'null', 'undefined'],
  ...[
    'constructor',
    '__proto__',
    'prototype',
    'toString',
    'to_string',
    'valueOf',
    'value_of',
    'hasOwnProperty',
    'to_json',
  ],
  ...[
    'name',
    'length',
    'size',
    'align',
    'fields',
    'bytes',
    'view',
    'parts',
    'assign',
    'equals',
    'from',
    'number',
    'string',
  ],
  ...[
    'Number',
    'Math',
    'BigInt',
    'Object',
    'struct_array',
    'Struct',
    'map',
    'array',
    'error',
    'promise',
    'symbol',
    'any',
  ],
  ...['u8', 'u32', 'integer', 'big', 'part1', 'fill', 'rows', 'nested', 'is_write', 'is_mmio', 'kvm_run', 'kvm_msrs'],
  ...['type', 'of', 'as', 'async', 'using', 'require', 'exports', 'module', 'globalThis', 'NaN', 'Infinity', 'void_'],
];
const name = fc.oneof(
  fc.constantFrom(...awkward),
  fc
    .stringMatching(/^[a-z_][a-z0-9_]{0,6}$/)
    .filter((each) => !/^(?:do|if|for|int|auto|long|char|else|enum|goto|case|void|asm)$/.test(each)),
);
const integer = fc.constantFrom(
  ...['__u8', '__s8', '__u16', '__s16', '__u32', '__s32', '__u64', '__s64', '__le32', '__le64', 'char', 'signed char'],
  ...[
    'int',
    'unsigned long',
    'long',
    'unsigned __int128',
    'void *',
    'char *',
    'enum kvm_e',
    'struct kvm_inner',
    '_Bool',
  ],
);
const unsigned = fc.constantFrom('__u8', '__u16', '__u32', '__u64', 'unsigned int');

/** A member, with nested anonymous structs and unions down to a depth. */
function member(depth: number): fc.Arbitrary<string> {
  const plain = fc.tuple(integer, name).map(([type, each]) => `${type} ${each};`);
  const array = fc
    .tuple(integer, name, fc.integer({ min: 1, max: 4 }), fc.constantFrom('', '[2]'))
    .map(([type, each, count, more]) => `${type} ${each}[${count}]${more};`);
  const bits = fc
    .tuple(unsigned, name, fc.integer({ min: 1, max: 8 }))
    .map(([type, each, width]) => `${type} ${each} : ${width};`);
  if (depth === 0) return fc.oneof(plain, array, bits);
  const inner = fc
    .tuple(fc.constantFrom('struct', 'union'), members(depth - 1), fc.option(name), fc.constantFrom('', '[2]'))
    .map(([kind, all, each, more]) => `${kind} { ${all} } ${each === null ? '' : `${each}${more}`};`);
  return fc.oneof({ weight: 4, arbitrary: fc.oneof(plain, array, bits) }, { weight: 1, arbitrary: inner });
}

function members(depth: number): fc.Arbitrary<string> {
  return fc.array(member(depth), { minLength: 0, maxLength: 4 }).map((all) => all.join(' '));
}

const record = fc
  .tuple(
    fc.constantFrom('struct', 'union'),
    name,
    members(2),
    fc.constantFrom('', '', '__u32 tail[];', 'struct kvm_inner tail[0];', '__u64 tail[];'),
    fc.constantFrom('', '__attribute__((packed))'),
  )
  .map(([kind, each, all, tail, attribute]) =>
    kind === 'union' ? `union ${each} { ${all} };` : `struct ${each} { ${all} ${tail} } ${attribute};`,
  );

const value = fc
  .tuple(
    fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), fc.bigInt({ min: 0n, max: 300n })),
    fc.constantFrom('', 'U', 'L', 'UL', 'LL', 'ULL'),
    fc.constantFrom('', '-'),
  )
  .map(([digits, suffix, sign]) => `(${sign}${digits}${suffix})`);
const prefix = fc.constantFrom(
  '',
  'KVM_',
  'KVM_CAP_',
  'KVM_CAP_9',
  'KVM_EXIT_',
  'KVM_MEM_',
  'KVM_DEV_TYPE_',
  'KVM_STATE_',
);
const constant = fc.tuple(prefix, name, value).map(([before, each, number]) => `#define ${before}${each} ${number}`);

const enumeration = fc
  .tuple(fc.option(name), fc.array(fc.tuple(prefix, name), { minLength: 1, maxLength: 4 }))
  .map(([each, all]) => `enum ${each ?? ''} { ${all.map((parts) => parts.join('')).join(', ')} };`);

const expression: fc.Arbitrary<string> = fc.letrec<{ all: string }>((tie) => ({
  all: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    fc.constantFrom('(x)', '(y)', '(x)', '0', '1', '2', '31', '1ULL', '0xffU', '63'),
    fc
      .tuple(tie('all'), fc.constantFrom(...'+ - * / % & | ^ << >> == != < > <= >= && || == !='.split(' ')), tie('all'))
      .map(([left, operator, right]) => `(${left} ${operator} ${right})`),
    fc
      .tuple(fc.constantFrom('-', '~', '!', '(__u64)', '(__u8)', '(__s32)', '(__s16)'), tie('all'))
      .map((parts) => `(${parts.join('')})`),
    fc.tuple(tie('all'), tie('all'), tie('all')).map(([condition, yes, no]) => `(${condition} ? ${yes} : ${no})`),
  ),
})).all;
const macro = fc
  .tuple(name, expression, fc.constantFrom('x, y', 'x, y', 'y, x'))
  .map(([each, body, parameters]) => `#define ${each}(${parameters}) ${body}`);
const namedParameter = fc
  .tuple(name, name, name)
  .map(([each, first, second]) => `#define F_${each}(${first}, ${second}) ((${first}) == 1 && (${second}) + 3)`);

const ioctl = fc
  .tuple(
    fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...Object.keys(ioctlFacts)) }, { weight: 1, arbitrary: name }),
    fc.constantFrom('_IOR', '_IOW', '_IOWR', '_IO'),
    fc.integer({ min: 0, max: 255 }),
    fc.oneof(integer, fc.constantFrom('struct kvm_flex', 'struct kvm_run', 'struct elsewhere', '__u32[8]')),
  )
  .map(([each, direction, nr, type]) =>
    direction === '_IO' ? `#define ${each} _IO(0xAE, ${nr})` : `#define ${each} ${direction}(0xAE, ${nr}, ${type})`,
  );

const exitNames = fc.constantFrom(...Object.keys(exitMembers));
const filled = fc.constantFrom(...new Set(Object.values(exitMembers).flat()));
const exits = fc
  .tuple(
    fc.uniqueArray(exitNames, { maxLength: 5 }),
    fc.boolean(),
    fc.uniqueArray(fc.tuple(filled, integer, fc.constantFrom('', '', '[3]', '[2][2]', 'struct')), {
      maxLength: 4,
      selector: ([each]) => each,
    }),
    members(1),
  )
  .map(([reasons, same, all, rest]) => {
    const lines = reasons.map((each, index) => `#define ${each} ${same ? Math.floor(index / 2) : index}`);
    const fields = all.map(([each, type, shape]) =>
      shape === 'struct'
        ? `struct { ${type} data[2]; __u8 is_write; __u32 len; } ${each};`
        : `${type} ${each}${shape};`,
    );
    return `struct kvm_run { ${rest} union { ${fields.join(' ')} }; };\n${lines.join('\n')}`;
  });

const known = fc.constantFrom(
  'struct kvm_msrs { __u64 nmsrs; struct kvm_inner entries[]; };',
  'struct kvm_msr_list { __u32 nmsrs[2]; __u32 indices[0]; };',
  'struct kvm_run_io { __u32 a; };',
  'struct kvm_x_y { __u32 a; };\nstruct kvm_x__y { __u32 a; };',
  'struct kvm_empty { };',
  'typedef struct { __u32 a; struct { int x; } b; } kvm_typedef;',
);

const header = fc
  .tuple(
    fc.oneof({ weight: 1, arbitrary: fc.constant('') }, { weight: 2, arbitrary: exits }),
    fc.array(fc.oneof(record, constant, enumeration, macro, namedParameter, ioctl, macro, constant, known), {
      minLength: 1,
      maxLength: 5,
    }),
  )
  .map(([run, rest]) =>
    [
      'enum kvm_e { KVM_E_A, KVM_E_B };',
      'struct kvm_inner { __u32 a; __u64 b; };',
      'struct kvm_flex { __u32 n; __u32 e[]; };',
      run,
      ...rest,
    ].join('\n'),
  );

/** What the generator would produce too rarely. */
const chosen = [
  '#define F(a, b) (((a) < (b)) == 2)',
  '#define F(a) ((a) == 1 && (a) == 2)',
  '#define F(a) (((a) == 1 ? (a) : 2) == 3)',
  '#define F(a) ((a) == 1 ? (a) == 2 : (a) != 3)',
  '#define F(a) ((1ULL == 2ULL) + (a))',
  '#define F(undefined, null, for) ((undefined) + (null) + (for))',
  'struct kvm_run { __u64 fail_entry[3]; };\n#define KVM_EXIT_FAIL_ENTRY 9',
  'struct kvm_run { struct { int a; } hw[3]; };\n#define KVM_EXIT_UNKNOWN 0',
  'struct kvm_run { unsigned __int128 s390_reset_flags; };\n#define KVM_EXIT_S390_RESET 14',
  'struct kvm_run { __u32 a; __u64 s390_reset_flags[]; };\n#define KVM_EXIT_S390_RESET 14',
  'struct kvm_run { __u32 a; struct { __u64 len; __u8 is_write; __u8 data[8]; } mmio; };\n#define KVM_EXIT_MMIO 6',
  'struct kvm_run { __u32 a; struct { __u8 data[8]; } mmio; };\n#define KVM_EXIT_MMIO 6',
  'struct s { __u64 is_write; };',
  'struct s { __u32 is_write[2]; };',
  'struct s { __u32 cube[2][3][4]; unsigned __int128 big[2][2]; };',
];

describe.skipIf(noCore)(titled('what gen writes', noCore), () => {
  it('compiles in strict mode, or gen fails and names the reason', () => {
    const folder = project();
    const runs = Number(process.env['MAGIC_GEN_HEADERS_TO_COMPILE'] ?? 120);
    const headers = [...chosen, ...fc.sample(header, runs)];
    const written = headers.filter((each, index) => generate(join(folder, `case-${index}`), each));
    expect(complaints(folder, headers)).toEqual([]);
    expect(written.length).toBeGreaterThan(headers.length / 3);
  });

  it('for macros that shift compiles, can be imported and computes', () => {
    const folder = project();
    const text = '#define NARROW(n) (1 << (n))\n#define WIDE(n) (1ULL << (n))';
    expect(generate(join(folder, 'case-0'), text)).toBe(true);
    expect(complaints(folder, [text], '--noEmit', 'false')).toEqual([]);
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['-e', "import('./case-0/index.js').then(({ NARROW, WIDE }) => console.log(NARROW(3), WIDE(40)))"],
      { encoding: 'utf8', cwd: folder },
    );
    expect(`${stdout}${stderr}`).toBe('8 1099511627776n\n');
  });

  it('for an array of arrays of arrays has each element where C has it', () => {
    const folder = project();
    const text = 'struct s { __u32 cube[2][3][4]; };';
    expect(generate(join(folder, 'case-0'), text)).toBe(true);
    expect(complaints(folder, [text], '--noEmit', 'false')).toEqual([]);
    const script = `import('./case-0/index.js').then(({ S }) => {
      const bytes = new Uint8Array(96);
      bytes.forEach((_, i) => { if (i % 4 === 0) bytes[i] = i / 4; });
      console.log(new S(bytes).cube.map((rows) => rows.map((row) => row.join())).join(';'));
    })`;
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', cwd: folder });
    expect(`${stdout}${stderr}`).toBe('0,1,2,3,4,5,6,7,8,9,10,11;12,13,14,15,16,17,18,19,20,21,22,23\n');
  });
});

describe('gen fails and names the reason', () => {
  it.each([
    [
      'struct kvm_run { int a; };\n#define KVM_EXIT_HLT 5\n#define KVM_EXIT_NMI 5',
      'KVM_EXIT_NMI and KVM_EXIT_HLT are both 5',
    ],
    ['#define KVM_SET_CPUID _IOW(0xAE, 1, __u8)', 'KVM_SET_CPUID takes an integer of 1 byte'],
    ['#define KVM_CAP_IRQCHIP 0xffffffffffffffffUL', 'KVM_CAP_IRQCHIP is wider than an int'],
  ])('%s', (text, problem) => {
    expect(() => emit(modelOf(text), anywhere)).toThrow(problem);
  });
});
