import { Kvm } from '@kvm/core';

/**
 * A program that is bundled together with the package. Arguments: the backend; `nowhere` for a device that does not
 * exist; `workerUrl` to pass that option; `fails` for a handler that throws. It prints how its vCPU ended, or the
 * error.
 */

const [, , backend, ...how] = process.argv;

try {
  const kvm = Kvm.open({ backend, ...(how.includes('nowhere') && { path: '/nowhere/kvm' }) });
  const vm = kvm.createVm();
  const running = vm.start({
    vcpus: [vm.createVcpu(0)],
    handlers: new URL('./handlers.js', import.meta.url),
    data: { fails: how.includes('fails') },
    ...(how.includes('workerUrl') && { workerUrl: new URL('./worker.js', import.meta.url) }),
  });
  // The VM is closed whether or not its vCPU ends well.
  const outcomes = await running.done.finally(() => vm.close());
  for (const { vcpu } of outcomes) vcpu.close();
  kvm.close();
  const [{ ended, result }] = outcomes;
  process.stdout.write(JSON.stringify({ ended, result }));
} catch ({ name, code, hint }) {
  process.stdout.write(JSON.stringify({ name, code, hint }));
}
