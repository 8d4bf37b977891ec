import { readFileSync } from 'node:fs';

/**
 * Goes on with a saved guest in a process that knows nothing of it, until it comes to its end, and prints the words at 0x2000.
 *
 * Arguments: the package's entry for this architecture, the backend, the file of the state.
 */

const [, , entry, backend, file] = process.argv;
const { ExitReason, Kvm, SavedState } = await import(entry);
const kvm = Kvm.open({ backend });
const vm = kvm.createVm();
const { vcpus, memories } = vm.restore(SavedState.from(readFileSync(file)));
let exit;
do exit = vcpus[0].run();
while (exit.reason === ExitReason.Intr);
if (exit.reason !== ExitReason.Hlt && exit.reason !== ExitReason.SystemEvent) {
  throw new Error(`the guest left for ${exit.reason}`);
}
process.stdout.write(JSON.stringify([...new Uint32Array(memories[0].read(0x2000, 8).buffer)]));
