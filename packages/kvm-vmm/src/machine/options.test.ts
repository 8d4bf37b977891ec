import { KvmError } from '@kvm/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { flat, linux } from '../x86/boot-options.js';
import type { MachineDocument } from './document.js';
import type { JsonSchema } from './json-schema.js';
import { checkMachine, checkOptions, type MachineOptions } from './options.js';
import { machineSchema } from './schema.js';

const boot = flat({ image: Uint8Array.of(0xf4) });
const kernel = linux({ kernel: '/boot/vmlinuz' });

test.each([
  [4096, 4096],
  ['0x1000', 4096],
  ['64K', 65_536],
  ['512M', 2 ** 29],
  ['2G', 2 ** 31],
  ['1MiB', 2 ** 20],
  ['1T', 2 ** 40],
])('memory %o is %o bytes', (memory, size) => {
  expect(checkOptions({ memory, boot }).memorySize).toBe(size);
});

test.each(['', 'K', '-1', '1.5M', '1 M', '0x', '1e6', '+1', ' 1', '1\n', '9007199254740993', '99999999T'])(
  'memory %j is refused',
  (memory) => {
    expect(() => checkOptions({ memory, boot })).toThrow(KvmError);
  },
);

test('a kernel gets interrupt controllers and the devices of a PC, a flat binary neither', () => {
  const memorySize = 2 ** 29;
  const pc = { machine: 'pc', interrupts: 'kernel' };
  expect(checkOptions({ boot: kernel })).toMatchObject({ board: pc, cpus: 1, memorySize });
  const bare = { machine: 'bare', interrupts: 'none' };
  expect(checkOptions({ boot })).toMatchObject({ board: bare, memorySize: 2 ** 24 });
});

test.each([
  ['x86-64-v3', 'x86-64-v3', ''],
  ['x86-64-v2,+avx,-sse4_2', 'x86-64-v2', '+avx,-sse4_2'],
  ['+avx', undefined, '+avx'],
  [{ template: 'x86-64-v4', features: '-avx' }, 'x86-64-v4', '-avx'],
  [{ template: { name: 'mine' } }, 'mine', undefined],
])('processors %o have the template %s and the features %s', (cpu, name, features) => {
  const plan = checkOptions({ boot: kernel, cpu }).cpu;
  expect([plan.template?.name, plan.features]).toEqual([name, features]);
});

test('a unit test has an empty command line by default', () => {
  expect(checkOptions({ boot: kernel, machine: 'test' }).boot).toMatchObject({ cmdline: '' });
  const boot = linux({ kernel: '/test', cmdline: 'test cpuid' });
  expect(checkOptions({ boot, machine: 'test' }).boot).toEqual(boot);
});

test('sockets have an address and a path, or none', () => {
  const planned = [false, true, {}, { cid: 4, path: 'v.sock' }].map((vsock) => checkOptions({ boot, vsock }).vsock);
  const plain = { cid: 3, path: undefined };
  expect(planned).toEqual([undefined, plain, plain, { cid: 4, path: 'v.sock' }]);
  expect(() => checkOptions({ boot, vsock: { cid: 2 } })).toThrow(
    /vsock.cid must be a whole number from 3 to 4294967294/,
  );
  expect(() => checkOptions({ boot, vsock: { path: 'x'.repeat(97) } })).toThrow(
    /vsock.path must have at most 96 bytes/,
  );
});

test('random bytes are a device with a rate', () => {
  const boot = linux({ kernel: 'vmlinux' });
  const planned = [undefined, false, true, {}, { bytesPerSecond: 5 }].map(
    (rng) => checkOptions({ boot, ...(rng !== undefined && { rng }) }).virtio,
  );
  const byDefault = [{ kind: 'rng', bytesPerSecond: 2 ** 20 }];
  expect(planned).toEqual([[], [], byDefault, byDefault, [{ kind: 'rng', bytesPerSecond: 5 }]]);
});

test('a balloon has a target of whole pages, and features', () => {
  const balloons = [false, true, '10000', 8192, { deflateOnOom: false }, { target: '1M', reporting: false }] as const;
  const both = { deflateOnOom: true, reporting: true };
  expect(balloons.map((balloon) => checkOptions({ boot, balloon }).balloon)).toEqual([
    undefined,
    { target: 0, ...both },
    { target: 8192, ...both },
    { target: 8192, ...both },
    { target: 0, deflateOnOom: false, reporting: true },
    { target: 2 ** 20, deflateOnOom: true, reporting: false },
  ]);
});

test('what JSON cannot say is taken from a program', () => {
  const module = new URL('file:///device.js');
  const options = { boot: flat({ image: '/guest', loadAddr: 0x2000n, entry: '0x2001' }), devices: [{ module }] };
  expect(checkOptions(options).modules).toEqual([{ url: module.href, data: undefined }]);
});

test.each<[string, object, string]>([
  ['nothing to boot', { boot: undefined }, 'boot must be what linux({ kernel }) or flat({ image }) returns'],
  ['a kernel without a file', { boot: { type: 'linux' } }, 'boot.kernel must be the path of a file'],
  ['a file that is a number', { boot: { type: 'linux', kernel: 7 } }, 'boot.kernel must be the path of a file, not 7'],
  ['another way to boot', { boot: { type: 'disk' } }, 'boot must be what linux'],
  [
    'another mode',
    { boot: { ...boot, mode: 'unreal' } },
    `boot.mode must be 'real' or 'protected' or 'long', not "unreal"`,
  ],
  ['a negative address', { boot: { ...boot, entry: -1 } }, 'boot.entry must be an address of up to 64 bits'],
  ['half a page', { memory: 2048 }, 'memory must be whole pages of 4096 bytes'],
  ['one and a half pages', { memory: 6144 }, 'fewer than 2^53 bytes, not 6144 bytes'],
  ['memory in words', { memory: 'much' }, `as in '512M', not "much"`],
  ['no processor', { cpus: 0 }, 'cpus must be a whole number from 1 to 65536, not 0'],
  ['half a processor', { cpus: 0.5 }, 'cpus must be a whole number from 1 to 65536, not 0.5'],
  ['two processors that nothing starts', { cpus: 2 }, 'several processors need interrupt controllers'],
  ['a kernel without interrupts', { boot: kernel, interrupts: 'none' }, 'a kernel needs interrupt controllers'],
  ['other interrupts', { interrupts: 'some' }, "interrupts must be 'kernel' or 'split' or 'none'"],
  ['one device', { devices: {} }, 'devices must be an array, not an object'],
  ['a device that is no module', { devices: [{ module: 'device.js' }] }, 'devices[0].module must be a URL such as new'],
  [
    'a device without a module',
    { devices: [{ module: 'a:b' }, {}] },
    'devices[1].module must be a URL such as new URL',
  ],
  ['an unknown template', { cpu: { template: '486' } }, 'there is no CPU template "486"; there are x86-64-v2, '],
  ['an unknown feature', { cpu: '+nosuch' }, 'cpu: there is no CPU feature nosuch'],
  [
    'a mask of too many bits',
    { cpu: { template: { name: 'a', msrs: [{ index: '0x1ffffffff' }] } } },
    'cpu: the index of',
  ],
  [
    'a network of another kind',
    { net: [{ type: 'user' }] },
    "net[0] must be an object with a type: 'tap', 'passt' or 'socket'",
  ],
  ['a tap without a name', { net: [{ type: 'tap' }] }, 'net[0].name must be the name of an interface'],
  ['a tap with a long name', { net: [{ type: 'tap', name: 'a'.repeat(16) }] }, 'net[0].name must be the name of an'],
  [
    'half an address',
    { net: [{ type: 'passt', mac: '52:54:00' }] },
    "net[0].mac must be a MAC address such as '52:54:",
  ],
  [
    'the address of a group',
    { net: [{ type: 'passt', mac: '01:00:00:00:00:01' }] },
    'net[0].mac must be the address of one',
  ],
  [
    'no port',
    { net: [{ type: 'passt', ports: ['80'] }] },
    'net[0].ports[0] must be ports of the host and of the guest',
  ],
  ['a trace of nothing', { trace: 'mimo' }, 'trace: there are no exits named mimo (did you mean mmio?)'],
  ['another console', { console: 'hvc0' }, `console must be 'serial' or 'virtio', not "hvc0"`],
  ['a port with a folder', { ports: ['a', 'b/c'] }, 'ports[1] must be a name of up to 64 letters'],
  ['a port without a name', { ports: [''] }, 'ports[0] must be a name'],
  ['a port twice', { ports: ['a', 'b', 'a'] }, 'ports must be different names'],
  [
    'too many ports',
    { ports: Array.from({ length: 31 }, (_, i) => `p${i}`) },
    'ports must be at most 30 names, not 31',
  ],
  ['a balloon of all memory', { memory: '1M', balloon: '1M' }, 'balloon must be less than the memory of the guest'],
  ['a balloon of words', { balloon: 'much' }, "balloon must be bytes, or a number with a unit as in '512M'"],
  ['a large target', { balloon: { target: 2 ** 40 } }, 'balloon.target must be less than the memory of the guest'],
  ['an unknown option', { cpuCount: 1 }, 'there is no option cpuCount'],
  [
    'a misspelt option within another',
    { kvm: { bakend: 'ffi' } },
    'kvm: there is no option bakend (did you mean backend?)',
  ],
  [
    'a misspelt option of a kernel',
    { boot: linux({ kernel: '/boot/vmlinuz', cmdLine: '' } as never) },
    'boot: there is no option cmdLine (did you mean cmdline?)',
  ],
  [
    'an unknown option of a flat binary',
    { boot: flat({ image: '/x', size: 1 } as never) },
    'boot: there is no option size',
  ],
  ['other machines', { machine: 'q35' }, "machine must be 'pc' or 'test' or 'bare', not \"q35\""],
  ['another ACPI', { acpi: true }, "acpi must be 'reduced' or 'full', not true"],
  ['another debug-exit', { debugExit: 'code' }, "debugExit must be 'raw' or 'qemu'"],
  [
    'a rate of 0',
    { rng: { bytesPerSecond: 0 } },
    'rng.bytesPerSecond must be a whole number from 1 to 4294967296, not 0',
  ],
  ['a misspelt list of files', { fwCfg: { file: {} } }, 'fwCfg: there is no option file (did you mean files?)'],
  ['no files', { fwCfg: { files: null } }, 'fwCfg.files must be an object'],
  ['a file that is no text', { fwCfg: { files: { 'opt/a': 7 } } }, 'fwCfg.files.opt/a must be a text, not 7'],
  ['ACPI on a bare board', { machine: 'bare', acpi: 'full' }, 'the machine bare has no ACPI'],
  ['a worker that is no URL', { workerUrl: './worker.js' }, 'workerUrl must be a URL'],
  ['an onExit that is none', { onExit: true }, 'onExit must be a function'],
])('%s is refused', (_, options, message) => {
  const check = () => checkOptions({ memory: '1M', boot, ...options } as MachineOptions);
  expect(check).toThrow(KvmError);
  expect(check).toThrow(message);
});

test('a place in a document is named as the caller wants it', () => {
  const check = () => checkMachine({ boot: kernel, cpu: { features: 7 } }, (path) => `machine.json: ${path}`);
  expect(check).toThrow('machine.json: cpu.features must be a string, not 7');
});

/** Documents that fit a schema. */
function fitting(schema: JsonSchema): fc.Arbitrary<unknown> {
  const { anyOf, const: constant, enum: choices, type, items, properties, required = [], pattern } = schema;
  const { additionalProperties: others } = schema;
  if (anyOf !== undefined) return fc.oneof(...anyOf.map(fitting));
  if (constant !== undefined) return fc.constant(constant);
  if (choices !== undefined) return fc.constantFrom(...choices);
  if (items !== undefined) return fc.array(fitting(items), { maxLength: 3 });
  if (typeof others === 'object') return fc.dictionary(fc.string(), fitting(others), { maxKeys: 3 });
  if (properties !== undefined) {
    const members = Object.entries(properties).map(([name, each]) => [name, fitting(each)]);
    return fc.record(Object.fromEntries(members), { requiredKeys: [...required] as never[] });
  }
  const { minimum: min = -(2 ** 53) + 1, maximum: max = 2 ** 53 - 1, minLength = 0 } = schema;
  const byType: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
    integer: fc.integer({ min, max }),
    boolean: fc.boolean(),
    string: pattern === undefined ? fc.string({ minLength }) : fc.stringMatching(new RegExp(pattern)),
  };
  const types = typeof type === 'string' ? [type] : (type ?? []);
  return types.length === 0 ? fc.jsonValue() : fc.oneof(...types.map((each) => byType[each] as fc.Arbitrary<unknown>));
}

const documents = fitting(machineSchema) as fc.Arbitrary<Record<string, unknown>>;

/** What a check gives: a plan, or the message of its KvmError. Any other error fails the test. */
function attempt(document: unknown): object | string {
  try {
    return checkOptions(document as MachineOptions);
  } catch (error) {
    expect(error).toBeInstanceOf(KvmError);
    expect((error as Error).message).not.toContain('\n');
    return (error as Error).message;
  }
}

test('any JSON is a machine or is refused by a KvmError of one line', () => {
  fc.assert(fc.property(fc.oneof(fc.jsonValue(), documents), (document) => void attempt(document)));
});

test('a document that fits the schema is refused only for what the schema cannot say', () => {
  const board = /interrupt controllers|the machine bare has no ACPI/;
  const others = /whole pages|CPU|register|keep|set|trace: |devices\[\d+\]\.module must be a URL/;
  const host = /disks\[\d+\]|net\[\d+\]\.mac/;
  const streams = /ports must be different names|balloon.* must be less than/;
  const beyond = new RegExp([board, others, host, streams].map(({ source }) => source).join('|'));
  fc.assert(
    fc.property(documents, (document) => {
      const result = attempt(document);
      if (typeof result === 'string') expect(result).toMatch(beyond);
    }),
  );
});

test('one wrong value in a document is refused, and the message begins with its path', () => {
  const valid: MachineDocument = { boot: kernel, cpus: 2, cpu: {}, kvm: {}, devices: [{ module: 'a:b' }] };
  const places = [
    ['cpus'],
    ['memory'],
    ['boot', 'initrd'],
    ['cpu', 'features'],
    ['kvm', 'path'],
    ['devices', '0', 'module'],
  ];
  fc.assert(
    fc.property(fc.constantFrom(...places), fc.constantFrom(null, true, 1.5, [], {}), (place, wrong) => {
      const document = structuredClone(valid) as unknown as Record<string, unknown>;
      const last = place.at(-1) as string;
      const parent = place.slice(0, -1).reduce((at, key) => at[key] as Record<string, unknown>, document);
      parent[last] = wrong;
      const path = place.join('.').replace('.0.', '[0].');
      expect(attempt(document)).toSatisfy((result) => String(result).startsWith(`${path} must be `));
    }),
  );
});
