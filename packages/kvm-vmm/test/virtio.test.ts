import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeUnless } from '../../kvm-core/test/backends.js';
import { linux, Machine } from '../src/index.js';
import { initrdOf, noLinux, vmlinux } from './linux-guest.js';

/** Virtio devices under the drivers of Linux. The kernels are those of the lab, which runs these tests. */

/** Reads random bytes twice, and reports what it has found. */
const work = `echo "drivers $(busybox ls /sys/bus/virtio/drivers/virtio_rng | busybox grep -c virtio)"
echo "features $(busybox cat /sys/bus/virtio/devices/virtio0/features)"
echo "source $(busybox cat /sys/class/misc/hw_random/rng_current)"
busybox dd if=/dev/hwrng of=/one bs=4096 count=16 2>/dev/null
busybox dd if=/dev/hwrng of=/two bs=4096 count=16 2>/dev/null
echo "bytes $(busybox wc -c < /one) $(busybox wc -c < /two)"
busybox cmp -s /one /two || echo "they differ"
echo "packed $(busybox gzip -c /one | busybox wc -c)"
echo "interrupts $(busybox awk '/virtio/ { for (i = 2; i <= NF; i++) n += $i } END { print (n > 0) }' /proc/interrupts)"
busybox poweroff -f
`;

const patience = 300_000;

describeUnless(noLinux, "virtio under Linux's drivers", () => {
  let place: string;
  let initrd: string;

  beforeAll(async () => {
    place = await mkdtemp(join(tmpdir(), 'kvm-virtio-'));
    initrd = join(place, 'initrd');
    writeFileSync(initrd, initrdOf(work, { drivers: /./ }));
  });
  afterAll(() => rm(place, { recursive: true }));

  test.each([
    ['native', 1],
    ['ffi', 2],
  ] as const)(
    'gives random bytes on %s with %i CPUs',
    async (backend, cpus) => {
      await using machine = await Machine.create({
        memory: '256M',
        cpus,
        boot: linux({ kernel: vmlinux, initrd, cmdline: 'console=ttyS0 panic=-1 pci=off quiet' }),
        rng: { bytesPerSecond: 2 ** 22 },
        kvm: { backend },
      });
      let text = '';
      machine.console.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1');
      });
      machine.start();
      expect(await machine.done, text).toEqual({ kind: 'power-off' });
      process.stdout.write(`${text}${JSON.stringify(machine.stats)}\n`);
      expect(text).toMatch(/drivers 1\r?\n/);
      expect(text).toMatch(/source virtio_rng\.0\r?\n/);
      expect(text).toMatch(/bytes 65536 65536\r?\nthey differ\r?\n/);
      // Random bytes cannot be made shorter.
      expect(Number(/packed (\d+)/.exec(text)?.[1])).toBeGreaterThan(65_536);
      expect(text).toMatch(/interrupts 1\r?\n/);
    },
    patience,
  );
});
