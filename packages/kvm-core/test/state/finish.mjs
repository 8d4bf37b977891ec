import { readFileSync } from 'node:fs';
import { exitOf } from '../exit-of.mjs';

/**
 * Restores a saved guest in a fresh process, runs it to its end, and prints the words at 0x2000.
 *
 * Arguments: the package's entry for this architecture, the backend, the file of the state.
 */

const [, , entry, backend, file] = process.argv;
const { ExitReason, Kvm, SavedState } = await import(entry);
const kvm = Kvm.open({ backend });
const vm = kvm.createVm();
const { vcpus, memories } = vm.restore(SavedState.from(readFileSync(file)));
const exit = exitOf(vcpus[0]);
if (exit.reason !== ExitReason.Hlt && exit.reason !== ExitReason.SystemEvent) {
  throw new Error(`unexpected exit ${exit.reason}`);
}
process.stdout.write(JSON.stringify([...new Uint32Array(memories[0].read(0x2000, 8).buffer)]));
