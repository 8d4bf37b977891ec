import type { BackendName } from '@kvm/core';
import { growths } from './measure.js';

/** Prints the points of one chart, in a process of its own: node main.js vms native */

const [, , name, backend] = process.argv;
const measure = growths[name as string];
if (measure === undefined) throw new Error(`there is no measurement ${name}`);
process.stdout.write(`${JSON.stringify(await measure(backend as BackendName))}\n`);
process.exit();
