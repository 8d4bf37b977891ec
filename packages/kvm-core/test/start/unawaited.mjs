import { Kvm } from '../../dist/index.js';

/**
 * Starts a vCPU whose Worker or handler fails, and awaits nothing. Arguments: the backend, and `caught` to print the
 * error of `done`.
 */

const [, , backend, how] = process.argv;
const kvm = Kvm.open({ backend });
const vm = kvm.createVm();
const { done } = vm.start({ vcpus: [vm.createVcpu(0)], handlers: 'data:text/javascript,export const setup = () => 5' });
if (how === 'caught') done.catch(({ code, hint }) => process.stdout.write(`${code}: ${hint}`));
