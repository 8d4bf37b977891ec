import { KvmError } from '@kvm/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { elfImage } from '../test/boot-images.js';
import * as vmm from './index.js';

const anything = fc.oneof(
  fc.constantFrom(undefined, null, {}, [], () => 0, new Uint8Array(4), 'real', 'long', 0, 1, 0x1000, 0n, 0x1000n, true),
  fc.integer(),
  fc.bigInt({ min: -1n, max: 1n << 65n }),
  fc.record({ mode: fc.constantFrom('real', 'long', 'none'), memorySize: fc.nat(), imageSize: fc.nat() }),
  fc.object({ maxDepth: 1 }),
);
const args = fc.array(anything, { maxLength: 4 });

const elf = elfImage({ pvh: 0x100_0000n });

/** Objects of the classes whose methods take what a program gives them. */
const registers = { read: () => 0, write: () => undefined };
const objects: Readonly<Record<string, object>> = {
  MmioBus: new vmm.MmioBus(),
  PioBus: new vmm.PioBus(),
  DebugExit: new vmm.DebugExit(),
  Devices: new vmm.Devices(),
  ExitCounts: new vmm.ExitCounts(),
  InterruptLine: new vmm.InterruptLine(),
  Uart: new vmm.Uart({ output: () => undefined }),
  FixedAcpi: new vmm.FixedAcpi(),
  HardwareReducedAcpi: new vmm.HardwareReducedAcpi(),
  PmTimer: new vmm.PmTimer(),
  FwCfg: new vmm.FwCfg(),
  I8042: new vmm.I8042(),
  IoApic: new vmm.IoApic({ route: () => undefined, raise: () => undefined }),
  PciConfigPorts: new vmm.PciConfigPorts(),
  Pvpanic: new vmm.Pvpanic(),
  Rtc: new vmm.Rtc(),
  TestDevice: new vmm.TestDevice(),
  RegisterFile: new vmm.RegisterFile([]),
};
/** Classes without such an object; `checkVersion`, of whose arguments only the state is untrusted. */
const calls: Readonly<Record<string, (...all: never[]) => unknown>> = {
  checkVersion: (state) => vmm.checkVersion(state, 1, 'uart'),
  GuestRam: (memory) => new vmm.GuestRam(memory),
  ExitDispatcher: (vcpu, options) => new vmm.ExitDispatcher(vcpu, options),
  'planBoot of an image': (environment) => vmm.planBoot({ kernel: vmm.bytesSource(elf) }, environment),
  'planBoot with an environment': (initrd, cmdline, modules, rsdp) =>
    vmm.planBoot({ kernel: vmm.bytesSource(elf), initrd, cmdline, modules }, { memorySize: 2 ** 26, rsdp }),
};
/** Its errors come later: the test below is about it. */
const isAsync = (name: string): boolean => name === 'Machine';
const isClass = (value: unknown): boolean => typeof value === 'function' && /^class\b/.test(`${value}`);
const functions = Object.entries({ ...vmm, ...calls }).filter(
  ([name, value]) => typeof value === 'function' && !isClass(value) && !isAsync(name),
);
// The buses and the machine call these, with values that they have checked.
const calledByBus = ['read', 'write', 'access'];
const methods = Object.entries(objects).flatMap(([type, object]) =>
  Object.getOwnPropertyNames(Object.getPrototypeOf(object))
    .filter((name) => name !== 'constructor' && !calledByBus.includes(name))
    .map((name) => [type, name] as const),
);

function onlyKvmErrors(what: string, call: () => unknown): void {
  try {
    call();
  } catch (error) {
    expect(error, `${what}: ${error instanceof Error ? error.stack : ''}`).toBeInstanceOf(KvmError);
  }
}

test('every exported class takes part', () => {
  const missing = Object.entries(vmm)
    .filter(([name, value]) => isClass(value) && !(name in objects) && !(name in calls) && !isAsync(name))
    .map(([name]) => name);
  expect(missing, 'classes that `objects`, at the top of this file, lacks').toEqual([]);
});

test('a call with any arguments throws nothing but a KvmError', () => {
  new vmm.PioBus().attach(0, 1, registers);
  fc.assert(
    fc.property(args, (values) => {
      for (const [name, call] of functions)
        onlyKvmErrors(name, () => (call as (...all: unknown[]) => unknown)(...values));
      for (const type of Object.keys(objects)) {
        const Type = Object.entries(vmm).find(([name]) => name === type)?.[1] as unknown as new (
          ...all: unknown[]
        ) => object;
        onlyKvmErrors(`new ${type}`, () => new Type(...values));
      }
      for (const [type, name] of methods) {
        const object = objects[type] as Record<string, unknown>;
        const member = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(object), name)?.value as unknown;
        if (typeof member === 'function') onlyKvmErrors(`${type}.${name}`, () => Reflect.apply(member, object, values));
      }
    }),
    { numRuns: 300 },
  );
  expect(functions.length).toBeGreaterThan(5);
  expect(methods.length).toBeGreaterThan(8);
});

test('a machine of any options is refused with a KvmError', async () => {
  await fc.assert(
    fc.asyncProperty(anything, anything, async (options, boot) => {
      const given = typeof options === 'object' && options !== null ? { ...options, boot } : options;
      const outcome = await vmm.Machine.create(given as never).then(
        () => 'a machine',
        (error: unknown) => error instanceof KvmError,
      );
      expect(outcome).toBe(true);
    }),
    { numRuns: 300 },
  );
});
