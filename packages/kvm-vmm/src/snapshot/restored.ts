import { optionsOf } from '@kvm/core/struct';
import type { MachineDocument } from '../machine/document.js';
import { checkOptions, type Plan, type RestoreOptions } from '../machine/options.js';
import type { Origin } from '../machine/origin.js';
import { checkHostFiles } from './host-files.js';
import { Restored } from './origin.js';
import { readSnapshot } from './read.js';

const known = [
  'kvm',
  'disks',
  'shares',
  'net',
  'vsock',
  'trace',
  'onMessage',
  'onExit',
  'workerUrl',
  'verify',
] as const;

/** Reads a snapshot, and checks it against the host and against what is given anew. */
export async function readRestored(
  folder: string,
  options: RestoreOptions,
): Promise<{ plan: Plan; document: MachineDocument; origin: Origin }> {
  const { verify = true, ...given } = optionsOf(options, 'the options of Machine.restore', known);
  const snapshot = await readSnapshot(folder, verify);
  const { machine, host } = snapshot.header;
  const document = { ...machine, ...given };
  const plan = checkOptions(document);
  checkHostFiles(host, plan, { disks: given.disks !== undefined, shares: given.shares !== undefined });
  return { plan, document, origin: new Restored(snapshot, plan.cpus) };
}
