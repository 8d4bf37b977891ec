import { expect, test } from 'vitest';
import type { Case } from './cases.js';
import { duration, table } from './table.js';

const pio: Case = { name: 'pio', title: 'PIO', kind: 'sum', limits: { native: 1.03, ffi: 1.09 } };
const ratio = (median: number) => ({ p10: median - 0.01, median, p90: median + 0.02 });

test('a table has a line per case, and marks what is over its limit', () => {
  const results = [
    { contender: 'c', ratio: ratio(1), nanoseconds: 5066, overBaseline: 0 },
    { contender: 'native', ratio: ratio(1.02), nanoseconds: 5167, overBaseline: 101 },
    { contender: 'ffi', ratio: ratio(1.2), nanoseconds: 6079, overBaseline: 1013 },
    { contender: 'go', ratio: ratio(1.04), nanoseconds: 5268, overBaseline: 202 },
  ];
  expect(table([{ measured: pio, results }])).toMatchInlineSnapshot(`
    "| what | C       | native | p10 – p90     | ns over C | limit | ffi   | p10 – p90     | ns over C | limit     | go    | p10 – p90     | ns over C |
    | ---- | ------- | ------ | ------------- | --------- | ----- | ----- | ------------- | --------- | --------- | ----- | ------------- | --------- |
    | PIO  | 5066 ns | 1.020  | 1.010 – 1.040 | 101       | 1.03  | 1.200 | 1.190 – 1.220 | 1013      | 1.09 over | 1.040 | 1.030 – 1.060 | 202       |"
  `);
});

test('durations are formatted in a fitting unit', () => {
  expect([123, 45_678, 12_345_678].map(duration)).toEqual(['123 ns', '45.7 us', '12.3 ms']);
});
