import type { GsiRoute } from '@kvm/core';
import { expect, test } from 'vitest';
import { GsiRoutes } from './gsi-routes.js';

const pin = (gsi: number): GsiRoute => ({ gsi, irqChip: { irqChip: 2, pin: gsi } });

test('the kernel gets the routes of pins and messages together, whichever change', () => {
  const tables: (readonly GsiRoute[])[] = [];
  const routes = new GsiRoutes((table) => tables.push(table), [pin(4)], 24);
  const [first, second] = [routes.allocate(), routes.allocate()];
  expect([first, second, tables]).toEqual([24, 25, []]);
  routes.setMessage(second, { address: 0xfee0_0000n, data: 1 });
  routes.setMessage(first, { address: 0xfee0_0000n, data: 2 });
  routes.setMessage(second, { address: 0xfee0_1000n, data: 3 });
  routes.pins = [pin(4), pin(5)];
  const moved = { gsi: 25, msi: { address: 0xfee0_1000n, data: 3 } };
  const other = { gsi: 24, msi: { address: 0xfee0_0000n, data: 2 } };
  expect(tables.slice(2)).toEqual([
    [pin(4), moved, other],
    [pin(4), pin(5), moved, other],
  ]);
});
