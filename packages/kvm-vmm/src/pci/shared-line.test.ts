import { expect, test } from 'vitest';
import { InterruptLine } from '../devices/interrupt-line.js';
import { SharedLine } from './shared-line.js';

test('a line is high while one of its functions holds it', () => {
  const levels: boolean[] = [];
  const shared = new SharedLine(new InterruptLine((level) => levels.push(level)));
  const [first, second] = [shared.connect(), shared.connect()];
  first.set(true);
  second.set(true);
  first.set(false);
  expect(levels).toEqual([true]);
  second.set(false);
  first.set(true);
  expect(levels).toEqual([true, false, true]);
});
