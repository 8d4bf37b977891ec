import { Kvm } from '@kvm/core';

/**
 * A program that is bundled together with the package. Arguments: the backend; `workerUrl` to pass that option; `fails`
 * for a handler that throws. It prints how its vCPU ended, or the error.
 */

const [, , backend, ...how] = process.argv;
const kvm = Kvm.open({ backend });
const vm = kvm.createVm();
const running = vm.start({
  vcpus: [vm.createVcpu(0)],
  handlers: new URL('./handlers.js', import.meta.url),
  data: { fails: how.includes('fails') },
  ...(how.includes('workerUrl') && { workerUrl: new URL('./worker.js', import.meta.url) }),
});
try {
  const [{ ended, result, vcpu }] = await running.done;
  process.stdout.write(JSON.stringify({ ended, result }));
  vcpu.close();
} catch (error) {
  process.stdout.write(JSON.stringify({ name: error.name, code: error.code, hint: error.hint }));
}
vm.close();
kvm.close();
