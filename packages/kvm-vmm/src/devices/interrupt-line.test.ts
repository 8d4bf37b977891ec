import { expect, test } from 'vitest';
import { InterruptLine } from './interrupt-line.js';

test('only changes of the level are passed on', () => {
  const levels: boolean[] = [];
  const line = new InterruptLine((level) => levels.push(level));
  for (const level of [false, true, true, false, false, true]) line.set(level);
  expect(levels).toEqual([true, false, true]);
  expect(line.level).toBe(true);
});

test('a line that leads nowhere has a level', () => {
  const line = new InterruptLine();
  line.set(true);
  expect(line.level).toBe(true);
});
