import { expect, test } from 'vitest';
import { niceCeiling, page } from './svg.js';

test('an axis ends at a round number', () => {
  expect([0, 0.7, 1, 1.1, 34, 51, 900].map(niceCeiling)).toEqual([1, 1, 1, 2, 50, 100, 1000]);
});

test('a page has every chart and every point, and escapes its texts', () => {
  const points = [
    { x: 1, y: 10 },
    { x: 4, y: 40_000 },
  ];
  const svg = page([{ title: 'a < b & c', x: 'VMs', y: 'ms', points }], 'here');
  expect(svg).toContain('a &lt; b &amp; c');
  expect(svg.match(/<circle/g)).toHaveLength(2);
  expect(svg).toContain('>50k<');
});
