import { expect, test } from 'vitest';
import { kvmError } from '../../../kvm-core/test/errors.js';
import { virtioParameters, virtioSlot } from './virtio-slots.js';

test('each virtio device has a page and an interrupt of its own, which no device of the board has', () => {
  const slots = Array.from({ length: 16 }, (_, index) => virtioSlot(index));
  expect(new Set(slots.map(({ start }) => start)).size).toBe(16);
  expect(new Set(slots.map(({ gsi }) => gsi)).size).toBe(16);
  for (const { start, length, gsi } of slots) {
    expect([start % 0x1000n, length, start + length <= 0xfec0_0000n]).toEqual([0n, 0x1000n, true]);
    // The timer, the cascade, the serial port, the power button, the clock, the SCI, the coprocessor.
    expect([0, 1, 2, 4, 5, 8, 9, 13]).not.toContain(gsi);
  }
  expect(kvmError('ERR_KVM_OUT_OF_RANGE', () => virtioSlot(16)).message).toContain('16');
});

test('the command line names them as the driver reads it', () => {
  expect(virtioParameters(2)).toBe('virtio_mmio.device=4K@0xfeb00000:16 virtio_mmio.device=4K@0xfeb01000:17');
});
