import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readTrace } from './trace.js';

const mark = '~'.charCodeAt(0);
const line = (time: string, event: string): string => `   qemu-system-x86-91  [001] d..1.  ${time}: ${event}`;

test('a trace tells when the guest began, when its init did, and what it did until then', () => {
  const text = [
    '# tracer: nop',
    line('12.000500', 'kvm_pio: pio_write at 0x3f8 size 1 count 1 val 0x7e'),
    line('12.500000', 'kvm_entry: vcpu 0, rip 0xfff0 intr_info 0x00000000'),
    line('12.500100', 'kvm_exit: vcpu 0 reason io rip 0xfff4 info1 0x70 info2 0x0'),
    line('12.500200', 'kvm_pio: pio_read at 0x71 size 1 count 1 val 0x7e'),
    line('12.500300', 'kvm_exit: vcpu 0 reason npf rip 0xfff6 info1 0x70 info2 0x0'),
    line('12.500400', 'kvm_mmio: mmio write len 4 gpa 0xfec00010 val 0x7e'),
    line('12.500500', 'kvm_entry: vcpu 0, rip 0xfff8'),
    line('12.600000', 'kvm_pio: pio_write at 0x3f8 size 1 count 1 val 0x7e'),
    line('12.700000', 'kvm_exit: vcpu 0 reason io rip 0xfff4 info1 0x70 info2 0x0'),
  ].join('\n');
  expect(readTrace(text, mark)).toEqual({
    firstEntry: 12.5,
    init: 12.6,
    exits: { io: 1, npf: 1 },
    accesses: { 'port 0x3f8': 2, 'port 0x71': 1, 'page 0xfec00000': 1 },
  });
});

test('any other text is refused', () => {
  const part = fc.constantFrom(
    '1.5: ',
    'kvm_exit: ',
    'kvm_pio: ',
    'kvm_mmio: ',
    'pio_write at 0x',
    'gpa 0x',
    '\n',
    ' ',
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(part, fc.string({ maxLength: 4 }))), (parts) => {
      expect(() => readTrace(parts.join(''), mark)).toThrow(/^the guest/);
    }),
  );
});
