import { readFileSync } from 'node:fs';
import { ExitReason, Kvm, SavedState } from '../../dist/index.js';
import { exitOf } from '../exit-of.mjs';

/**
 * Restores a saved guest in a fresh process, and prints what it writes to its ports until it halts.
 *
 * Arguments: the backend, the file of the state.
 */

const [, , backend, file] = process.argv;
const kvm = Kvm.open({ backend });
const vm = kvm.createVm();
const { vcpus } = vm.restore(SavedState.from(readFileSync(file)));
const written = [];
for (;;) {
  const exit = exitOf(vcpus[0]);
  if (exit.reason === ExitReason.Hlt) break;
  if (exit.reason !== ExitReason.Io) throw new Error(`unexpected exit ${exit.reason}`);
  written.push(exit.io.value);
}
process.stdout.write(JSON.stringify(written));
