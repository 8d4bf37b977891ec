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
  if (loop === undefined) throw new Error(`no loop is called ${name}`);
  process.stdout.write(`${await loop(Number(count))}\n`);
}
process.exit();
