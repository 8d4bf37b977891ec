import { KvmError } from '@kvm/core';
import { expect, test } from 'vitest';
import { onEachBackend } from '../../../kvm-core/test/backends.js';
import { withMachine } from '../../test/machine.js';
import { GuestRam } from './guest-ram.js';

const halt = Uint8Array.of(0xf4);

onEachBackend('guest RAM', (backend) => {
  test('is read, written and viewed by guest-physical address', async () => {
    await withMachine(backend, 'real', halt, ({ memory }) => {
      const ram = new GuestRam(memory);
      expect(ram.write(0x2000, Uint8Array.of(1, 2, 3))).toBe(true);
      expect(memory.read(0x2000, 3)).toEqual(Uint8Array.of(1, 2, 3));
      const into = new Uint8Array(2);
      expect(ram.read(0x2001, into)).toBe(true);
      expect(into).toEqual(Uint8Array.of(2, 3));
      const view = ram.view(0x2000, 3);
      view?.fill(9);
      expect(memory.read(0x2000, 3)).toEqual(Uint8Array.of(9, 9, 9));
    });
  });

  test('keeps the bytes of a page that is renewed', async () => {
    await withMachine(backend, 'real', halt, ({ memory }) => {
      const ram = new GuestRam(memory);
      memory.write(0x1ffe, Uint8Array.of(1, 2, 3, 4));
      expect(ram.renewPage(0x2abc)).toBe(true);
      expect(memory.read(0x1ffe, 4)).toEqual(Uint8Array.of(1, 2, 3, 4));
      for (const address of [memory.size, 2 ** 32, -1]) expect(ram.renewPage(address)).toBe(false);
    });
  });

  test('reports accesses that leave it, and does not make them', async () => {
    await withMachine(backend, 'real', halt, ({ memory }) => {
      const ram = new GuestRam(memory);
      const end = memory.size - 2;
      for (const address of [end, memory.size, 2 ** 32, 2 ** 64, -1, Number.NaN]) {
        const into = Uint8Array.of(7, 7, 7);
        expect(ram.write(address, Uint8Array.of(1, 2, 3))).toBe(false);
        expect(ram.read(address, into)).toBe(false);
        expect(into).toEqual(Uint8Array.of(7, 7, 7));
        expect(ram.view(address, 3)).toBeUndefined();
      }
      expect(memory.read(end, 2)).toEqual(Uint8Array.of(0, 0));
    });
  });
});

test('memory that is no GuestMemory is refused', () => {
  expect(() => new GuestRam(new Uint8Array(4096) as never)).toThrow(KvmError);
});
