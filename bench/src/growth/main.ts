import type { BackendName } from '@kvm/core';
import { growths } from './measure.js';

/** One chart's points, from a process that does nothing else: node main.js vms native */

const [, , name, backend] = process.argv;
const measure = growths[name as string];
if (measure === undefined) throw new Error(`nothing to measure is called ${name}`);
process.stdout.write(`${JSON.stringify(await measure(backend as BackendName))}\n`);
process.exit();
