import { expect, test } from 'vitest';
import { onEachBackend } from '../../test/backends.js';
import type { Backend } from '../backend/backend.js';
import { loadBackend } from '../backend/select.js';
import { Claim, State } from './claim.js';
import { seal, unseal } from './seal.js';

onEachBackend('a claim', (name) => {
  const backend = () => loadBackend(name) as Backend;

  test('is taken once, and is nobody s once it has ended, whoever has its word then', () => {
    const claim = Claim.make(backend(), State.Offered);
    const [pool, index] = claim.numbers;
    const same = Claim.of(backend(), claim.numbers);
    expect([same.change(State.Offered, State.Owned), claim.change(State.Offered, State.Owned)]).toEqual([true, false]);
    same.end();
    const next = Claim.make(backend(), State.Offered);
    expect(next.numbers.slice(0, 2)).toEqual([pool, index]);
    expect(claim.change(State.Offered, State.Owned) || claim.is(State.Owned)).toBe(false);
    claim.end();
    expect(next.is(State.Offered)).toBe(true);
    next.end();
  });

  test('finds room for as many as there are, and takes no more once they have ended', () => {
    const claims = Array.from({ length: 10_000 }, () => Claim.make(backend(), State.Owned));
    const words = new Set(claims.map(({ numbers: [pool, index] }) => `${pool} ${index}`));
    expect(words.size).toBe(claims.length);
    for (const claim of claims) claim.end();
    const again = Array.from({ length: 10_000 }, () => Claim.make(backend(), State.Owned));
    const places = new Set(again.map(({ numbers: [pool] }) => pool));
    expect(places.size).toBe(new Set(claims.map(({ numbers: [pool] }) => pool)).size);
    for (const claim of again) claim.end();
  });
});

onEachBackend('a seal', (name) => {
  const backend = () => loadBackend(name) as Backend;

  test('holds for the numbers, and the kind, that it was made for', () => {
    const words = seal(backend(), 'vm;1', [0, 1, 2 ** 52]);
    expect(unseal(backend(), 'vm;1', words, 3)).toEqual([0, 1, 2 ** 52]);
    expect(unseal(backend(), 'vm;1', structuredClone(words), 3)).toEqual([0, 1, 2 ** 52]);
    expect(unseal(backend(), 'vm;2', words, 3)).toBeUndefined();
    for (let i = 0; i < words.length * 64; i++) {
      const other = words.with(i >> 6, (words[i >> 6] as bigint) ^ BigInt.asIntN(64, 1n << BigInt(i & 63)));
      expect(unseal(backend(), 'vm;1', other, 3)).toBeUndefined();
    }
  });
});
