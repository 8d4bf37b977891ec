import { expect, test } from 'vitest';
import { onEachBackend } from '../../../kvm-core/test/backends.js';
import { guest } from '../../test/machine.js';
import { Machine } from '../machine/machine.js';
import { flat } from '../x86/boot-options.js';

/** The driver of `guests/rng.s`, which asks so many times. */
function driver(requests: number): Uint8Array {
  const image = Uint8Array.from(guest('rng'));
  new DataView(image.buffer).setUint32(4, requests, true);
  return image;
}

onEachBackend('a small driver of virtio-rng', (backend) => {
  const run = async (requests: number): Promise<Machine['stats']> => {
    await using machine = await Machine.create({
      memory: '1M',
      boot: flat({ image: driver(requests), mode: 'protected' }),
      rng: true,
      kvm: { backend },
    });
    machine.start();
    expect(await machine.done).toEqual({ kind: 'exit', status: 64 });
    return machine.stats;
  };

  test('gets what it asks for, and no request costs an exit to this process', async () => {
    const once = await run(1);
    const often = await run(1000);
    expect(often.exits).toEqual(once.exits);
    expect(often.requests).toBe(once.requests);
  });
});
