import { createInterface } from 'node:readline';
import type { BackendName } from '@kvm/core';
import { loopsOf } from './loops.js';

/**
 * A contender: the work of the C baseline through the public API of @kvm/core.
 *   node main.js BACKEND
 */

const loops = loopsOf(process.argv[2] as BackendName);
for await (const line of createInterface({ input: process.stdin })) {
  const [name, count] = line.split(' ');
  const loop = loops[name as string];
  // A count of 0 asks whether the loop exists.
  const answer = loop === undefined ? '-' : count === '0' ? '' : await loop(Number(count));
  process.stdout.write(`${answer}\n`);
}
process.exit();
