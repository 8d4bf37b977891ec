import { flat, Machine } from '@kvm/vmm';

/**
 * A program that is bundled together with the package. Arguments: the backend; `nowhere` for a KVM that does not exist;
 * `workerUrl` to pass that option. It prints how its machine ended, or the error.
 */

const [, , backend, ...how] = process.argv;
/** mov dx, 0x500; in al, dx; out 0xf4, al */
const image = Uint8Array.of(0xba, 0x00, 0x05, 0xec, 0xe6, 0xf4);

try {
  const machine = await Machine.create({
    memory: '1M',
    boot: flat({ image }),
    devices: [{ module: new URL('./device.js', import.meta.url), data: 21 }],
    kvm: { backend, ...(how.includes('nowhere') && { path: '/nowhere/kvm' }) },
    ...(how.includes('workerUrl') && { workerUrl: new URL('./worker.js', import.meta.url) }),
  });
  machine.start();
  process.stdout.write(JSON.stringify(await machine.done));
} catch ({ name, code, hint }) {
  process.stdout.write(JSON.stringify({ name, code, hint }));
}
