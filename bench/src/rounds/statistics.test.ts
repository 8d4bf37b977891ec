import fc from 'fast-check';
import { expect, test } from 'vitest';
import { quantile, summary } from './statistics.js';

test('a quantile is between its neighbours', () => {
  expect(quantile([1, 2, 3, 4], 0.5)).toBe(2.5);
  expect(quantile([7], 0.9)).toBe(7);
  expect(() => quantile([], 0.5)).toThrow('empty list');
});

test('a summary does not depend on the order and lies within the values', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 1 }), (values) => {
      const { p10, median, p90 } = summary(values);
      expect(summary(values.toReversed())).toEqual({ p10, median, p90 });
      expect(p10).toBeGreaterThanOrEqual(Math.min(...values));
      expect(median).toBeGreaterThanOrEqual(p10);
      expect(p90).toBeGreaterThanOrEqual(median);
      expect(p90).toBeLessThanOrEqual(Math.max(...values));
    }),
  );
});
