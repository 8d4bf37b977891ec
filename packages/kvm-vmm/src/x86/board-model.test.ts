import { KvmError } from '@kvm/core';
import { expect, test } from 'vitest';
import { checkOptions, type MachineOptions } from '../machine/options.js';
import type { BoardModel } from './board-model.js';
import { flat, linux } from './boot-options.js';

const kernel = linux({ kernel: '/vmlinuz' });
const binary = flat({ image: Uint8Array.of(0xf4) });

test.each<[MachineOptions, Partial<BoardModel>]>([
  [{ boot: kernel }, { machine: 'pc', interrupts: 'kernel', acpi: 'reduced', debugExit: 'raw', fwCfg: undefined }],
  [{ boot: binary }, { machine: 'bare', interrupts: 'none', debugExit: 'raw', fwCfg: undefined }],
  [
    { boot: binary, machine: 'pc' },
    { machine: 'pc', interrupts: 'kernel', acpi: 'reduced' },
  ],
  [
    { boot: kernel, machine: 'bare' },
    { machine: 'bare', interrupts: 'kernel' },
  ],
  [
    { boot: kernel, machine: 'test' },
    { acpi: 'full', debugExit: 'qemu', fwCfg: {} },
  ],
  [
    { boot: kernel, machine: 'test', acpi: 'reduced', debugExit: 'raw' },
    { acpi: 'reduced', debugExit: 'raw' },
  ],
  [{ boot: kernel, interrupts: 'split' }, { interrupts: 'split' }],
  [{ boot: binary, fwCfg: { files: [{ name: 'a', content: 'b' }] } }, { fwCfg: { a: Buffer.from('b') } }],
])('%o makes a board', (options, board) => {
  expect(checkOptions(options).board).toMatchObject(board);
});

test('a unit test has an empty command line by default', () => {
  expect(checkOptions({ boot: kernel, machine: 'test' }).boot).toMatchObject({ cmdline: '' });
  const boot = { ...kernel, cmdline: 'vmexit cpuid' };
  expect(checkOptions({ boot, machine: 'test' }).boot).toEqual(boot);
});

test.each<[object, string]>([
  [{ machine: 'q35' }, `machine must be 'pc' or 'test' or 'bare', not "q35"`],
  [{ acpi: true }, "acpi must be 'reduced' or 'full', not true"],
  [{ debugExit: 'code' }, "debugExit must be 'raw' or 'qemu'"],
  [{ fwCfg: { files: [{ name: 'a b', content: '' }] } }, 'fwCfg.files[0].name must be 1 to 55 printable ASCII'],
  [{ fwCfg: { files: [{ name: 'a', content: 1 }] } }, 'fwCfg.files[0].content must be a text or bytes'],
  [
    {
      fwCfg: {
        files: [
          { name: 'a', content: '' },
          { name: 'a', content: 'b' },
        ],
      },
    },
    'fwCfg.files[1].name: there is another file a',
  ],
  [{ interrupts: 'none' }, 'interrupts: a kernel needs interrupt controllers'],
  [{ boot: binary, machine: 'pc', interrupts: 'none' }, "interrupts: the machine 'pc' has interrupt controllers"],
  [{ machine: 'bare', acpi: 'full' }, "acpi: the machine 'bare' has no ACPI"],
])('%o is refused', (options, message) => {
  const check = () => checkOptions({ boot: kernel, ...options } as MachineOptions);
  expect(check).toThrow(KvmError);
  expect(check).toThrow(message);
});
