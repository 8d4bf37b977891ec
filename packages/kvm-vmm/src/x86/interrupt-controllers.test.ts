import { expect, test } from 'vitest';
import { boardOf } from './board-model.js';
import { firstRoutes, isInterruptMessage } from './interrupt-controllers.js';

test('ISA interrupts lead to two controllers, the others to one', () => {
  const pins = firstRoutes(boardOf({}, 'linux'));
  expect(pins).toHaveLength(16 + 24);
  const of = (gsi: number) => pins.flatMap((each) => (each.gsi === gsi && 'irqChip' in each ? [each.irqChip] : []));
  expect(of(9)).toEqual([
    { irqChip: 1, pin: 1 },
    { irqChip: 2, pin: 9 },
  ]);
  expect(of(20)).toEqual([{ irqChip: 2, pin: 20 }]);
  expect(firstRoutes(boardOf({ interrupts: 'split' }, 'linux'))).toEqual([]);
});

test.each([
  [0xfee0_0000n, true],
  [0xfeef_fffcn, true],
  [0x100_fee0_1000n, true],
  [0xfed0_0000n, false],
  [0xfef0_0000n, false],
  [0x1_fee0_0000n, false],
  [0x1000n, false],
])('a message to %s is an interrupt: %s', (address, expected) => {
  expect(isInterruptMessage(address)).toBe(expected);
});
