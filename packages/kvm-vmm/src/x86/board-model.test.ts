import { KvmError } from '@kvm/core';
import { expect, test } from 'vitest';
import { type BoardModel, type BoardModelOptions, boardOf } from './board-model.js';

test.each<[BoardModelOptions, 'linux' | 'flat', Partial<BoardModel>]>([
  [{}, 'linux', { machine: 'pc', interrupts: 'kernel', acpi: 'reduced', debugExit: 'raw', fwCfg: undefined }],
  [{}, 'flat', { machine: 'bare', interrupts: 'none', debugExit: 'raw', fwCfg: undefined }],
  [{ machine: 'pc' }, 'flat', { machine: 'pc', interrupts: 'kernel', acpi: 'reduced' }],
  [{ machine: 'bare' }, 'linux', { machine: 'bare', interrupts: 'kernel' }],
  [{ machine: 'test' }, 'linux', { acpi: 'full', debugExit: 'qemu', fwCfg: { files: {} } }],
  [{ machine: 'test', acpi: 'reduced', debugExit: 'raw' }, 'linux', { acpi: 'reduced', debugExit: 'raw' }],
  [{ interrupts: 'split' }, 'linux', { interrupts: 'split' }],
  [{ fwCfg: { files: { a: 'b' } } }, 'flat', { fwCfg: { files: { a: Buffer.from('b') } } }],
])('%o for a %s guest', (options, bootType, model) => {
  expect(boardOf(options, bootType)).toMatchObject(model);
});

test.each<[object, string]>([
  [{ interrupts: 'none' }, 'a kernel needs interrupt controllers'],
  [{ machine: 'bare', acpi: 'full' }, 'the machine bare has no ACPI'],
])('%o is refused', (options, message) => {
  expect(() => boardOf(options, 'linux')).toThrow(KvmError);
  expect(() => boardOf(options, 'linux')).toThrow(message);
});

test('a PC without interrupt controllers is refused for a flat guest, too', () => {
  expect(() => boardOf({ machine: 'pc', interrupts: 'none' }, 'flat')).toThrow('has interrupt controllers');
});
