import { expect, test } from 'vitest';
import { type BootResult, bootTable } from './table.js';

const boot = (monitor: string, start: number, seconds: number, exits: number): BootResult => ({
  monitor,
  cpus: 1,
  start,
  boot: seconds,
  exits: { io: exits },
  accesses: { 'port 0x3f8': 3 },
});

test('the medians stand in a table, and what misses its goal is named', () => {
  const times = [1.1, 1.3, 9].map((start) => boot('kvm-cli', start, 1.5, 2100));
  const text = bootTable([...times, boot('QEMU microvm', 0.5, 1.6, 2800), boot('QEMU pc', 0.5, 1.7, 6000)]);
  expect(text).toMatch(/^\| kvm-cli +\| 1 +\| 1\.30 +\| 1\.50 +\| 2\.80 +\| 2100 +\|$/m);
  expect(text).toContain('- QEMU pc, 1 CPU: 6000 io; 3 port 0x3f8');
  expect(text.split('\n').filter((line) => line.startsWith('- Over'))).toEqual([
    '- Over its goal with 1 CPU: the boot, as a part of the best other one, 0.94 instead of 0.92',
    '- Over its goal with 1 CPU: exits until init, 2100.00 instead of 2000',
    '- Over its goal with 1 CPU: the total, as a part of that of QEMU microvm, 1.33 instead of 1',
  ]);
});

test('nothing is named where all goals are met', () => {
  const text = bootTable([boot('kvm-cli', 0.5, 1.4, 1900), boot('QEMU microvm', 0.5, 1.6, 2800)]);
  expect(text).toContain('All goals are met.');
});
