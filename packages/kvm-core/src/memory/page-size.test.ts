import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { pageSize } from './page-size.js';

test("the page size is the host's", () => {
  const [, kilobytes] = /KernelPageSize: *(\d+) kB/.exec(readFileSync('/proc/self/smaps', 'utf8')) ?? [];
  expect(pageSize).toBe(1024 * Number(kilobytes));
});
