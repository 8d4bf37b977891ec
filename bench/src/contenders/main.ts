import { createInterface } from 'node:readline';
import type { BackendName } from '@kvm/core';
import { loopsOf } from './loops.js';

/**
 * A contender: what the baseline does in C, through the public API of @kvm/core.
 *   node main.js native|ffi
 */

const loops = loopsOf(process.argv[2] as BackendName);
for await (const line of createInterface({ input: process.stdin })) {
  const [name, count] = line.split(' ');
  const loop = loops[name as string];
  // Asked for no turn at all, it says whether it has such a loop.
  const answer = loop === undefined ? '-' : count === '0' ? '' : await loop(Number(count));
  process.stdout.write(`${answer}\n`);
}
process.exit();
