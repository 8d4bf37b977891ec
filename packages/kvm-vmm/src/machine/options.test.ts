import { KvmError } from '@kvm/core';
import { expect, test } from 'vitest';
import { flat, linux } from '../x86/boot-options.js';
import { checkOptions, type MachineOptions } from './options.js';

const boot = flat({ image: Uint8Array.of(0xf4) });
const kernel = linux({ kernel: '/boot/vmlinuz' });

test.each([
  [4096, 4096],
  ['64K', 65_536],
  ['512M', 2 ** 29],
  ['2 G', undefined],
  ['2G', 2 ** 31],
  ['1MiB', 2 ** 20],
  ['1T', 2 ** 40],
])('memory %o is %o bytes', (memory, size) => {
  if (size === undefined) expect(() => checkOptions({ memory, boot })).toThrow(KvmError);
  else expect(checkOptions({ memory, boot }).memorySize).toBe(size);
});

test('a kernel gets interrupt controllers and the devices of a PC, a flat binary neither', () => {
  const pc = { machine: 'pc', interrupts: 'kernel' };
  expect(checkOptions({ memory: '1M', boot: kernel })).toMatchObject({ board: pc, cpus: 1 });
  expect(checkOptions({ memory: '1M', boot })).toMatchObject({ board: { machine: 'bare', interrupts: 'none' } });
});

test.each<[string, object, string]>([
  ['nothing to boot', { boot: undefined }, 'boot must be what linux({ kernel }) or flat({ image }) returns'],
  ['half a page', { memory: 2048 }, 'memory, in bytes,'],
  ['one and a half pages', { memory: 6144 }, 'memory must be whole pages of 4096 bytes, not 6144 bytes'],
  ['memory in words', { memory: 'much' }, "as in '512M', not much"],
  ['no processor', { cpus: 0 }, 'cpus'],
  ['two processors that nothing starts', { cpus: 2 }, 'several processors need interrupt controllers'],
  ['one device', { devices: {} }, 'devices must be an array'],
  ['a device that is no module', { devices: [{ module: 'device.js' }] }, 'the module of a device must be a URL'],
  ['an unknown template', { cpu: { template: '486' } }, 'there is no CPU template 486; there are x86-64-v2, '],
  ['an unknown option', { cpuCount: 1 }, 'there is no option cpuCount'],
  ['an onExit that is none', { onExit: true }, 'onExit must be a function'],
])('%s is refused', (_, options, message) => {
  const check = () => checkOptions({ memory: '1M', boot, ...options } as MachineOptions);
  expect(check).toThrow(KvmError);
  expect(check).toThrow(message);
});
